#include "wasm/cache/entry.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <string>

#include "tests/native/host-entry.h"
#include "tests/native/instants.h"
#include "wasm/kv/limits.h"

namespace codex::entry {
namespace {

using codex::testing::HostEntry;
using codex::testing::kStart;
using codex::testing::metadataOf;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();
const std::string kDigest = "RafH75XDQX6AA2L1Zyq6FtqAcmH-cSHzqBsKD7a5oFw";

Lifetime lifetimeOf(const Terms& terms, bool keepsMetadata = true) {
  const auto result = lifetime(terms, false, keepsMetadata);
  EXPECT_TRUE(result && *result) << terms.ttl;
  return result && *result ? **result : Lifetime{};
}
Lifetime lifetimeOf(double ttlSeconds, bool keepsMetadata = true) {
  return lifetimeOf(Terms{.ttl = ttlSeconds}, keepsMetadata);
}

TEST(Lifetime, IsWhatWasAskedForAndPhysicallyWhatKvAllows) {
  struct Case {
    double seconds;
    std::int64_t logicalMs;
    std::int64_t physical;
  };
  for (const Case& at : {Case{30, 30'000, 60},
                         {1, 1000, 60},
                         {0.001, 1, 60},
                         {0.0001, 1, 60},
                         {5e-324, 1, 60},
                         {59, 59'000, 60},
                         {59.001, 59'001, 61},
                         {60, 60'000, 61},
                         {300, 300'000, 301},
                         {1.5, 1500, 60},
                         {86'400.25, 86'400'250, 86'402}}) {
    const Lifetime lifetime = lifetimeOf(at.seconds);
    EXPECT_EQ(lifetime.windows, (Windows{Millis{at.logicalMs}})) << at.seconds;
    EXPECT_EQ(lifetime.physical, Seconds{at.physical}) << at.seconds;
  }
}

TEST(Lifetime, IsPhysicallyAllTheWindows) {
  const Lifetime lifetime = lifetimeOf(Terms{.ttl = 30, .stale = 600.5, .error = 3600});
  EXPECT_EQ(lifetime.windows, (Windows{Millis{30'000}, Millis{600'500}, Millis{3'600'000}}));
  EXPECT_EQ(lifetime.physical, Seconds{4232});
  EXPECT_EQ(lifetimeOf(Terms{.ttl = 300, .stale = 600, .error = 600}, false).physical, Seconds{300}) << "without metadata";
  EXPECT_EQ(lifetimeOf(Terms{.ttl = 1, .stale = -5, .error = -1e300}).windows, (Windows{Millis{1000}})) << "no window";
}

TEST(Lifetime, OfANullIsItsOwn) {
  const Terms terms{.ttl = 300, .negativeTtl = 5, .stale = 60};
  EXPECT_EQ((*lifetime(terms, true, true))->windows.fresh, Millis{5000});
  EXPECT_EQ((*lifetime(terms, false, true))->windows.fresh, Millis{300'000});
  EXPECT_FALSE(*lifetime(Terms{.ttl = 300, .negativeTtl = 0}, true, true)) << "not to be stored";
}

TEST(Lifetime, IsCutToWhatKvCanKeep) {
  for (const double seconds : {2'147'483'646.0, 2'147'483'647.0, 2'147'483'648.0, 1e12, 1e300}) {
    EXPECT_EQ(lifetimeOf(seconds).physical, kv::kMaxTtl) << seconds;
    EXPECT_LE(lifetimeOf(seconds).windows.fresh, kv::kMaxTtl) << seconds;
    EXPECT_EQ(lifetimeOf(Terms{.ttl = seconds, .stale = seconds, .error = seconds}).physical, kv::kMaxTtl) << seconds;
  }
}

TEST(Lifetime, IsKvsOwnWhereThereIsNoMetadata) {
  EXPECT_EQ(lifetimeOf(60, false).physical, Seconds{60});
  EXPECT_EQ(lifetimeOf(61, false).physical, Seconds{61});
  EXPECT_EQ(lifetimeOf(60.001, false).physical, Seconds{61});
  EXPECT_EQ(lifetimeOf(1, false).physical, Seconds{60});
}

TEST(Lifetime, IsNoneForZeroAndLess) {
  for (const double seconds : {0.0, -0.0, -1.0, -5e-324, -1e300}) {
    const auto result = lifetime({.ttl = seconds}, false, true);
    ASSERT_TRUE(result) << seconds;
    EXPECT_FALSE(*result) << seconds;
  }
}

TEST(Lifetime, RefusesWhatIsNoFiniteNumber) {
  for (const double odd : {kNaN, kInfinity, -kInfinity}) {
    for (const Terms& terms : {Terms{.ttl = odd}, Terms{.negativeTtl = odd}, Terms{.stale = odd}, Terms{.error = odd}}) {
      const auto result = lifetime(terms, false, true);
      ASSERT_FALSE(result);
      EXPECT_EQ(result.error().code, ErrorCode::InvalidArgument);
    }
  }
}

TEST(Jitter, ShortensByUpToATwentiethAndNeverMore) {
  std::mt19937_64 random(1);
  std::int64_t least = 1'000'000;
  std::int64_t most = 0;
  for (int i = 0; i < 10'000; ++i) {
    const std::string key = "key " + std::to_string(random() % 1000);
    const Millis fresh = jittered(Millis{1'000'000}, key, kStart + Millis{static_cast<std::int64_t>(random() % 1000)});
    least = std::min<std::int64_t>(least, fresh.count());
    most = std::max<std::int64_t>(most, fresh.count());
  }
  EXPECT_GE(least, 950'000);
  EXPECT_LE(most, 1'000'000);
  EXPECT_LT(least, 951'000) << "it should reach that far";
  EXPECT_GT(most, 999'000);
  for (const std::int64_t ms : {1, 19}) EXPECT_EQ(jittered(Millis{ms}, "key", kStart), Millis{ms});
}

TEST(Jitter, IsTheSameForTheSameEntry) {
  EXPECT_EQ(jittered(Millis{1'000'000}, "key", kStart), jittered(Millis{1'000'000}, "key", kStart));
  EXPECT_NE(jittered(Millis{1'000'000}, "key", kStart), jittered(Millis{1'000'000}, "another", kStart));
  EXPECT_NE(jittered(Millis{1'000'000}, "key", kStart), jittered(Millis{1'000'000}, "key", kStart + Millis{1}));
}

TEST(Envelope, IsStoredInShortJson) {
  EXPECT_EQ(metadataOf({.created = kStart, .windows = {Millis{30'000}}}), R"({"c":1767225600000,"s":30000})");
  EXPECT_EQ(metadataOf({.created = kStart,
                        .windows = {Millis{1}, Millis{2}, Millis{3}},
                        .loadTime = Millis{4},
                        .negative = true,
                        .tags = "a:1:",
                        .keyDigest = "AbC-_9"}),
            R"({"c":1767225600000,"s":1,"g":2,"e":3,"d":4,"n":1,"k":"AbC-_9","t":"a:1:"})");
}

TEST(Envelope, TakesNoMoreThanItsBytes) {
  const Millis longest = kv::kMaxTtl;
  const std::string text = metadataOf({.created = kLatest,
                                       .windows = {longest, longest, longest},
                                       .loadTime = longest,
                                       .negative = true,
                                       .tags = "x",
                                       .keyDigest = kDigest});
  EXPECT_EQ(text.size() - 1, kMaxUntaggedBytes);
}

TEST(Envelope, IsReadBack) {
  for (const Instant created : {kEarliest, Instant{}, kStart, kLatest}) {
    for (const std::string& digest : {std::string(), kDigest}) {
      const Envelope envelope{.created = created,
                              .windows = {Millis{2'147'483'647'000}, Millis{1}, Millis{2'147'483'647'000}},
                              .loadTime = Millis{77},
                              .negative = true,
                              .tags = "a:1:b::",
                              .keyDigest = digest};
      const HostEntry host(metadataOf(envelope));
      const std::optional<Envelope> found = read(host.facts());
      ASSERT_TRUE(found);
      EXPECT_EQ(found->created, envelope.created);
      EXPECT_EQ(found->windows, envelope.windows);
      EXPECT_EQ(found->loadTime, envelope.loadTime);
      EXPECT_EQ(found->negative, envelope.negative);
      EXPECT_TRUE(found->readable);
      EXPECT_EQ(found->tags, envelope.tags);
      EXPECT_EQ(found->keyDigest, envelope.keyDigest);
    }
  }
}

TEST(Envelope, IsNothingInTheMetadataOfOthers) {
  for (const char* const metadata :
       {"", "null", "{}", "[]", "5", "\"c\"", R"({"c":1767225600000})", R"({"s":30000})", R"({"c":"1767225600000","s":30000})",
        R"({"c":1.5,"s":30000})", R"({"c":1e308,"s":1})", R"({"meta":{"c":1767225600000,"s":30000}})"}) {
    EXPECT_FALSE(read(HostEntry(metadata).facts())) << metadata;
  }
}

TEST(Envelope, PassesOverWhatItDoesNotKnow) {
  const HostEntry host(R"({"t":["a","b"],"c":1767225600000,"y":{"s":1},"s":30000,"k":5,"g":"long","e":-5,"d":1.5})");
  const auto envelope = read(host.facts());
  ASSERT_TRUE(envelope);
  EXPECT_EQ(envelope->windows, (Windows{Millis{30'000}}));
  EXPECT_EQ(envelope->loadTime, Millis{0});
  EXPECT_EQ(envelope->keyDigest, "");
  EXPECT_EQ(envelope->tags, "");
}

TEST(Envelope, IsHeldToTheRangeOfADate) {
  const auto created = [](const char* metadata) { return read(HostEntry(metadata).facts()).value_or(Envelope{}).created; };
  EXPECT_EQ(created(R"({"c":8640000000000001,"s":30000})"), kLatest);
  EXPECT_EQ(created(R"({"c":-9007199254740991,"s":30000})"), kEarliest);
}

TEST(Envelope, OfALaterFormatIsAMiss) {
  for (const char* const version : {"1", "7", "\"two\"", "null"}) {
    const HostEntry host(std::string(R"({"c":1767225600000,"s":30000,"x":)") + version + '}');
    EXPECT_EQ(stateOf(read(host.facts()), "", kStart), State::Miss) << version;
  }
}

TEST(Entry, IsFreshThenStaleThenGoodForErrorsThenGone) {
  const Envelope envelope{.created = kStart, .windows = {Millis{30'000}, Millis{10'000}, Millis{5000}}};
  const auto state = [&](std::int64_t ageMs) { return stateOf(envelope, "", kStart + Millis{ageMs}); };
  EXPECT_EQ(state(0), State::Fresh);
  EXPECT_EQ(state(30'000), State::Fresh);
  EXPECT_EQ(state(30'001), State::Stale);
  EXPECT_EQ(state(40'000), State::Stale);
  EXPECT_EQ(state(40'001), State::ErrorOnly);
  EXPECT_EQ(state(45'000), State::ErrorOnly);
  EXPECT_EQ(state(45'001), State::Miss);
  EXPECT_EQ(state(-5000), State::Fresh) << "written by a clock that is ahead";
}

TEST(Entry, WithoutWindowsIsGoneWhenItsTimeIsOver) {
  const Envelope envelope{.created = kStart, .windows = {Millis{30'000}}};
  EXPECT_EQ(stateOf(envelope, "", kStart + Millis{30'001}), State::Miss);
  const Envelope forErrors{.created = kStart, .windows = {Millis{30'000}, Millis{0}, Millis{1}}};
  EXPECT_EQ(stateOf(forErrors, "", kStart + Millis{30'001}), State::ErrorOnly);
}

TEST(Entry, OnlyAgesWhateverItsWindows) {
  std::mt19937_64 random(2);
  const auto span = [&] { return Millis{static_cast<std::int64_t>(random() % 4 == 0 ? 0 : random() % 100'000)}; };
  for (int i = 0; i < 10'000; ++i) {
    const Envelope envelope{.created = kStart, .windows = {span(), span(), span()}};
    const auto& [fresh, stale, error] = envelope.windows;
    State last = State::Fresh;
    for (std::int64_t age = 0; age < 320'000; age += static_cast<std::int64_t>(1 + random() % 40'000)) {
      const State state = stateOf(envelope, "", kStart + Millis{age});
      EXPECT_GE(state, last) << "an entry grew younger";
      EXPECT_EQ(state == State::Miss, Millis{age} > fresh + stale + error);
      last = state;
    }
  }
}

TEST(EarlyRefresh, IsLikelierTheNearerTheEndAndTheDearerTheLoad) {
  constexpr Windows kWindows{Millis{1'000'000}};
  struct Case {
    std::int64_t ageMs;
    std::int64_t loadMs;
    double u;
    bool refreshes;
  };
  for (const Case& at : {Case{1'000'000, 100, 1, true},  // at the end, always
                         {999'999, 100, 1, false},       // with the luckiest draw, not before
                         {999'900, 100, 0.3678, true},   // -ln 0.3678 is a little more than 1
                         {999'900, 100, 0.3679, false},
                         {999'000, 1000, 0.3678, true},
                         {999'000, 100, 0.3678, false},
                         {750'000, 1'000'000, 1e-9, true},  // never before the last quarter
                         {749'999, 1'000'000, 1e-9, false},
                         {999'999, 0, 1e-9, false}}) {  // a load of unknown length
    EXPECT_EQ(refreshesEarly(kWindows, Millis{at.loadMs}, Millis{at.ageMs}, -std::log(at.u)), at.refreshes)
        << at.ageMs << ' ' << at.loadMs << ' ' << at.u;
  }
}

TEST(EarlyRefresh, HappensAsOftenAsItShould) {
  // One load before the end, an e-th of all draws refresh.
  std::mt19937_64 random(3);
  int refreshed = 0;
  constexpr int kDraws = 100'000;
  for (int i = 0; i < kDraws; ++i) {
    const double u = (static_cast<double>(random() >> 11) + 1) / 9'007'199'254'740'992.0;
    refreshed += refreshesEarly({Millis{1'000'000}}, Millis{100}, Millis{999'900}, -std::log(u)) ? 1 : 0;
  }
  EXPECT_NEAR(static_cast<double>(refreshed) / kDraws, 0.3679, 0.01);
}

TEST(Entry, WithoutAnEnvelopeIsFreshForAsLongAsKvKeepsIt) { EXPECT_EQ(stateOf(std::nullopt, "", kLatest), State::Fresh); }

TEST(Entry, OfAnotherKeyIsAMiss) {
  const auto envelope = [](std::string_view digest) {
    return Envelope{.created = kStart, .windows = {Millis{30'000}}, .keyDigest = digest};
  };
  EXPECT_EQ(stateOf(envelope("digest"), "digest", kStart), State::Fresh);
  EXPECT_EQ(stateOf(envelope("digest"), "another", kStart), State::Miss);
  EXPECT_EQ(stateOf(envelope("digest"), "", kStart), State::Miss);
  EXPECT_EQ(stateOf(envelope(""), "digest", kStart), State::Miss);
  EXPECT_EQ(stateOf(std::nullopt, "digest", kStart), State::Miss) << "a plain put under a shortened key is nobody's";
}

TEST(Entry, StaysInRangeWhateverTheMetadataSays) {
  const auto state = [](double created, double fresh, Instant now) {
    return stateOf(read({.created = created, .fresh = fresh, .stale = 9e15, .error = 9e15}), "", now);
  };
  constexpr double kMost = 9'007'199'254'740'991;
  EXPECT_EQ(state(-kMost, kMost, kLatest), State::Miss);
  EXPECT_EQ(state(kMost, -kMost, kEarliest), State::Miss);
  EXPECT_EQ(state(kMost, 0, kEarliest), State::Fresh);
  EXPECT_EQ(stateOf(read({.created = 0, .fresh = -1}), "", Instant{}), State::Miss);
}

}  // namespace
}  // namespace codex::entry
