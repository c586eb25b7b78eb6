#include "bindings/mailbox.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "bindings/further-keys.h"
#include "tests/native/instants.h"
#include "wasm/ratelimit/algorithms.h"

namespace codex::bindings {
namespace {

using codex::testing::kStart;

constexpr Millis kPatience{7000};

double field(Field name) { return reply().address()[static_cast<std::size_t>(name)]; }
std::string_view text(Field address, Field length) {
  // The host reads the text at the address that it was told.
  return {reinterpret_cast<const char*>(static_cast<std::uintptr_t>(field(address))), static_cast<std::size_t>(field(length))};
}
SlotName nameInReply() {
  return {static_cast<std::uint32_t>(field(Field::Slot)), static_cast<std::uint32_t>(field(Field::Generation))};
}

KvAnswer found(std::string_view text, Instant now = kStart) { return {std::optional(KvRecord{.text = text}), now}; }
KvAnswer absent(Instant now = kStart) { return {std::optional<KvRecord>{}, now}; }
KvAnswer failure(ErrorCode code) { return {std::unexpected(Error{code, "failed"}), kStart}; }

/// Counts how many frames are alive that hold one.
struct Alive {
  explicit Alive(int& count) : count_(count) { ++count_; }
  ~Alive() { --count_; }
  Alive(const Alive&) = delete;
  Alive& operator=(const Alive&) = delete;

 private:
  int& count_;
};

/// Asks for `operations` keys, one after the other, then ends with a Hit.
Task<CacheAnswer> asking(KvStore& store, int& alive, std::string key, int operations = 1) {
  const Alive frame(alive);
  for (int i = 0; i < operations; ++i) co_await store.perform({.verb = KvVerb::Get, .key = key});
  co_return CacheAnswer{CacheOutcome::Hit};
}

/// On a store that takes each attempt at once.
constexpr LimitPolicy kPlain{.governed = false, .defers = false};

LimitAttempt attempt(const std::string& identifier, const RateLimitRule& rule) {
  return {.key = {0, "rl:login:" + identifier}, .blockKey = "rl:login:%b:" + identifier, .rule = rule};
}

class MailboxTest : public ::testing::Test {
 protected:
  State begin(const std::string& key, Instant now = kStart, int operations = 1) {
    KvStore& store = mailbox.open(now + kPatience);
    return mailbox.run(asking(store, alive, key, operations));
  }
  State answer(SlotName name, const KvAnswer& with = absent(), Instant now = kStart) {
    return mailbox.answer(name, now + kPatience, with);
  }

  Memory memory() { return {tier, 0, Maker::Cache}; }

  int alive = 0;
  Tier tier{HashSeed{1, 2}};
  Mailbox mailbox;
};

TEST_F(MailboxTest, DescribesTheOperationThatACallWaitsFor) {
  KvStore& store = mailbox.open(kStart + kPatience);
  const key::CacheKey key{"content:featured", {}};
  const auto life = entry::lifetime({.ttl = 30, .stale = 5, .error = 7}, false, true);
  EXPECT_EQ(mailbox.run(storeEntry(store, memory(),
                                   {.key = key, .group = {"e::", "a:1:"}, .epochsRead = true, .lifetime = *life}, kStart)),
            State::Waiting);
  EXPECT_EQ(static_cast<KvVerb>(field(Field::Verb)), KvVerb::Put);
  EXPECT_EQ(static_cast<KvValue>(field(Field::Kind)), KvValue::Payload);
  EXPECT_EQ(text(Field::KeyAddress, Field::KeyLength), "content:featured");
  EXPECT_EQ(field(Field::Entry), 1);
  EXPECT_EQ(field(Field::Created), 1'767'225'600'000);
  EXPECT_EQ(field(Field::FreshMs), 30'000);
  EXPECT_EQ(field(Field::StaleMs), 5000);
  EXPECT_EQ(field(Field::ErrorMs), 7000);
  EXPECT_EQ(text(Field::TagsAddress, Field::TagsLength), "a:1:");
  EXPECT_EQ(field(Field::KeyDigestLength), 0);
  EXPECT_EQ(field(Field::ValueLength), 0);
  EXPECT_EQ(field(Field::TtlSeconds), 60);
  EXPECT_EQ(field(Field::CacheTtlSeconds), 0);
  EXPECT_EQ(mailbox.answer(nameInReply(), kStart, absent()), State::Done);
  EXPECT_EQ(static_cast<CacheOutcome>(field(Field::Outcome)), CacheOutcome::Stored);
  EXPECT_EQ(field(Field::Failure), -1);
}

TEST_F(MailboxTest, TellsWhatIsKnownOfAnEntryThatWasFound) {
  KvStore& store = mailbox.open(kStart + kPatience);
  EXPECT_EQ(mailbox.run(lookUp(store, memory(), {"k", {}}, {"e::", "a::b::"})), State::Waiting);
  EXPECT_EQ(static_cast<KvValue>(field(Field::Kind)), KvValue::Payload);
  EXPECT_EQ(field(Field::FurtherKeys), 2);
  EXPECT_EQ(field(Field::CacheTtlSeconds), 30);
  const entry::Facts facts{.created = 1'767'225'600'000, .fresh = 30'000, .stale = 5000, .loadTime = 77, .tags = "a:1:b::"};
  const KvRecord record{.entry = &facts};
  const std::vector<std::optional<std::string_view>> epochs = {"1", std::nullopt};
  EXPECT_EQ(answer(nameInReply(), {std::optional(record), kStart + Millis{31'000}, epochs}), State::Done);
  EXPECT_EQ(static_cast<CacheOutcome>(field(Field::Outcome)), CacheOutcome::Stale);
  EXPECT_EQ(static_cast<entry::State>(field(Field::EntryState)), entry::State::Stale);
  EXPECT_EQ(field(Field::AgeMs), 31'000);
  EXPECT_EQ(field(Field::FreshMs), 30'000);
  EXPECT_EQ(field(Field::StaleMs), 5000);
  EXPECT_EQ(field(Field::ErrorMs), 0);
  EXPECT_EQ(field(Field::LoadMs), 77);
  EXPECT_EQ(text(Field::TagsAddress, Field::TagsLength), "a:1:b::") << "after its frame has gone";

  KvStore& next = mailbox.open(kStart + kPatience);
  EXPECT_EQ(mailbox.run(lookUp(next, memory(), {"k", {}}, {"e::", {}})), State::Waiting);
  const entry::Facts plain{.created = std::numeric_limits<double>::quiet_NaN()};
  EXPECT_EQ(answer(nameInReply(), {std::optional(KvRecord{.entry = &plain}), kStart}), State::Done);
  EXPECT_EQ(static_cast<CacheOutcome>(field(Field::Outcome)), CacheOutcome::Hit);
  EXPECT_EQ(field(Field::AgeMs), -1);
}

TEST_F(MailboxTest, LeavesAVerdictInTheReply) {
  LimitTable limits(8, HashSeed{1, 2});
  KvStore& store = mailbox.open(kStart + kPatience);
  const RateLimitRule rule{5, Millis{60'000}};
  EXPECT_EQ(mailbox.run(checkLimit(limits, store, attempt("a", rule), kPlain, kStart)), State::Waiting);
  const SlotName name = nameInReply();
  EXPECT_EQ(static_cast<KvValue>(field(Field::Kind)), KvValue::Record);
  EXPECT_EQ(field(Field::CacheTtlSeconds), 30);
  ASSERT_EQ(field(Field::FurtherKeys), 1);
  EXPECT_EQ(furtherKeys().address()[1], static_cast<std::int32_t>(std::string_view("rl:login:%b:a").size()));
  EXPECT_EQ(answer(name, found(R"({"count":3,"resetAt":1767225630000})")), State::Waiting);
  EXPECT_EQ(static_cast<KvValue>(field(Field::Kind)), KvValue::Record);
  EXPECT_EQ(text(Field::ValueAddress, Field::ValueLength), R"({"count":4,"resetAt":1767225630000})");
  EXPECT_EQ(text(Field::MetadataAddress, Field::MetadataLength), R"({"p":"f:5:60000"})");
  EXPECT_EQ(field(Field::FurtherKeys), 0);
  EXPECT_EQ(field(Field::TtlSeconds), 65);
  EXPECT_EQ(answer(name), State::Done);
  EXPECT_EQ(field(Field::Allowed), 1);
  EXPECT_EQ(field(Field::Limit), 5);
  EXPECT_EQ(field(Field::Remaining), 1);
  EXPECT_EQ(field(Field::ResetAt), 1'767'225'630'000);
  EXPECT_EQ(field(Field::RetryAfterMs), 0);
  EXPECT_EQ(static_cast<LimitReason>(field(Field::Reason)), LimitReason::Ok);
  EXPECT_EQ(static_cast<LimitScope>(field(Field::Scope)), LimitScope::Colo);
  EXPECT_EQ(field(Field::FromMemory), 0);
  EXPECT_EQ(field(Field::Corrupt), 0);
  EXPECT_EQ(field(Field::Failure), -1);
  EXPECT_EQ(field(Field::Exact), 0);
  EXPECT_EQ(field(Field::TicketOpening), static_cast<double>(codex::testing::unixMs(kStart)));
  EXPECT_EQ(field(Field::TicketSequence), 1);
  EXPECT_EQ(field(Field::WriteInMs), -1);
}

TEST_F(MailboxTest, SaysWhenACounterIsToBeWritten) {
  LimitTable limits(8, HashSeed{1, 2});
  const RateLimitRule rule{5, Millis{60'000}};
  const StoreKey key = attempt("a", rule).key;
  KvStore& store = mailbox.open(kStart + kPatience);
  EXPECT_EQ(mailbox.run(checkLimit(limits, store, attempt("a", rule), LimitPolicy{}, kStart)), State::Waiting);
  EXPECT_EQ(answer(nameInReply()), State::Done);
  EXPECT_EQ(field(Field::WriteInMs), 0);
  KvStore& first = mailbox.open(kStart + kPatience);
  EXPECT_EQ(mailbox.run(writeLimit(limits, first, key, rule, kStart)), State::Waiting);
  EXPECT_EQ(answer(nameInReply(), failure(ErrorCode::StoreRateLimited)), State::Done);
  EXPECT_EQ(static_cast<ErrorCode>(field(Field::Failure)), ErrorCode::StoreRateLimited);
  EXPECT_EQ(field(Field::WriteInMs), 1000);
  KvStore& second = mailbox.open(kStart + kPatience);
  EXPECT_EQ(mailbox.run(writeLimit(limits, second, key, rule, kStart + Millis{1000})), State::Waiting);
  EXPECT_EQ(answer(nameInReply()), State::Done);
  EXPECT_EQ(field(Field::Failure), -1);
  EXPECT_EQ(field(Field::WriteInMs), -1);
}

TEST_F(MailboxTest, SaysNeverWhereWaitingDoesNotHelp) {
  LimitTable limits(8, HashSeed{1, 2});
  for (const bool fromMemory : {false, true}) {
    const LimitAttempt refused = attempt("a", {0, Millis{1000}});
    if (const auto verdict = decideHere(limits, refused, kPlain, kStart)) {
      report(*verdict);
    } else {
      KvStore& store = mailbox.open(kStart + kPatience);
      EXPECT_EQ(mailbox.run(checkLimit(limits, store, refused, kPlain, kStart)), State::Waiting);
      EXPECT_EQ(answer(nameInReply(), found("not json")), State::Done);
    }
    EXPECT_EQ(field(Field::Allowed), 0);
    EXPECT_EQ(field(Field::RetryAfterMs), -1);
    EXPECT_EQ(field(Field::FromMemory), fromMemory ? 1 : 0);
    EXPECT_EQ(field(Field::Corrupt), fromMemory ? 0 : 1);
  }
  EXPECT_EQ(mailbox.callsWaiting(), 0U);
}

TEST_F(MailboxTest, LeavesAFailureInTheReply) {
  LimitTable limits(8, HashSeed{1, 2});
  KvStore& store = mailbox.open(kStart + kPatience);
  EXPECT_EQ(mailbox.run(resetLimit(limits, store, {0, "rl:login:a"}, LimitAuthority::Kv, kStart)), State::Waiting);
  EXPECT_EQ(answer(nameInReply(), failure(ErrorCode::StoreUnavailable)), State::Done);
  EXPECT_EQ(static_cast<ErrorCode>(field(Field::Failure)), ErrorCode::StoreUnavailable);
  KvStore& next = mailbox.open(kStart + kPatience);
  EXPECT_EQ(mailbox.run(lookUp(next, memory(), {"k", {}}, {})), State::Waiting);
  EXPECT_EQ(answer(nameInReply(), failure(ErrorCode::StoreRateLimited)), State::Done);
  EXPECT_EQ(static_cast<CacheOutcome>(field(Field::Outcome)), CacheOutcome::Failed);
  EXPECT_EQ(static_cast<ErrorCode>(field(Field::Failure)), ErrorCode::StoreRateLimited);
}

TEST_F(MailboxTest, HandsSessionFactsToTheCallThatAskedForThem) {
  SessionMemory memory(8, HashSeed{1, 2}, tier);
  KvStore& store = mailbox.open(kStart + kPatience);
  const SharedNames names = namesOf(0, {"tok"}, TokenForm::Plain);
  EXPECT_EQ(mailbox.run(getSession(memory, store, names, {Millis{3'600'000}})), State::Waiting);
  EXPECT_EQ(static_cast<KvValue>(field(Field::Kind)), KvValue::Session);
  const SessionFacts facts{.wellTyped = 0x7FF,
                           .token = "tok",
                           .sessionUserId = {"u"},
                           .userId = {"u"},
                           .expiresAt = "2026-01-02T00:00:00Z",
                           .role = "owner",
                           .stamps = {.loadedAt = kStart}};
  const KvRecord record{.session = &facts};
  const SlotName name = nameInReply();
  const std::array<std::optional<std::string_view>, 1> noFence = {};
  EXPECT_EQ(answer(name, {std::optional(record), kStart, noFence}), State::Waiting);
  EXPECT_EQ(text(Field::KeyAddress, Field::KeyLength), "urev:u");
  EXPECT_EQ(field(Field::CacheTtlSeconds), 30);
  EXPECT_EQ(answer(name), State::Done);
  EXPECT_EQ(static_cast<SessionOutcome>(field(Field::Outcome)), SessionOutcome::Hit);
}

TEST_F(MailboxTest, DropsAnAnswerWhoseCallHasEnded) {
  EXPECT_EQ(begin("a"), State::Waiting);
  const SlotName name = nameInReply();
  EXPECT_EQ(answer(name), State::Done);
  EXPECT_EQ(answer(name), State::Dropped);
  EXPECT_EQ(mailbox.answersDropped(), 1U);
}

TEST_F(MailboxTest, DropsAnAnswerWhoseSlotBelongsToAnotherCallNow) {
  EXPECT_EQ(begin("first"), State::Waiting);
  const SlotName first = nameInReply();
  mailbox.sweep(kStart + kPatience + Millis{1});
  EXPECT_EQ(alive, 0);
  EXPECT_EQ(begin("second", kStart + kPatience), State::Waiting);
  const SlotName second = nameInReply();
  EXPECT_EQ(second.index, first.index);
  EXPECT_NE(second.generation, first.generation);

  EXPECT_EQ(answer(first), State::Dropped);
  EXPECT_EQ(mailbox.answersDropped(), 1U);
  EXPECT_EQ(alive, 1) << "the second call still waits";
  EXPECT_EQ(answer(second), State::Done);
}

TEST_F(MailboxTest, DropsAnAnswerUnderANameThatNeverWas) {
  EXPECT_EQ(answer({0, 0}), State::Dropped);
  EXPECT_EQ(begin("a"), State::Waiting);
  const SlotName name = nameInReply();
  EXPECT_EQ(answer({name.index + 1, name.generation}), State::Dropped);
  EXPECT_EQ(answer({name.index, name.generation + 1}), State::Dropped);
  EXPECT_EQ(answer({0xFFFFFFFF, 0xFFFFFFFF}), State::Dropped);
  EXPECT_EQ(mailbox.answersDropped(), 4U);
  EXPECT_EQ(answer(name), State::Done);
}

TEST_F(MailboxTest, GivesEveryCallAGenerationOfItsOwn) {
  std::vector<std::uint32_t> generations;
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(begin("a"), State::Waiting);
    generations.push_back(nameInReply().generation);
    EXPECT_EQ(answer(nameInReply()), State::Done);
  }
  std::ranges::sort(generations);
  EXPECT_EQ(std::ranges::adjacent_find(generations), generations.end());
}

TEST_F(MailboxTest, ReclaimsACallOnlyOnceItsDeadlineHasPassed) {
  EXPECT_EQ(begin("a"), State::Waiting);
  const SlotName name = nameInReply();
  mailbox.sweep(kStart + kPatience);
  EXPECT_EQ(alive, 1) << "at its deadline";
  mailbox.sweep(kStart + kPatience + Seconds{1});
  EXPECT_EQ(alive, 0);
  EXPECT_EQ(mailbox.callsWaiting(), 0U);
  EXPECT_EQ(answer(name), State::Dropped);
}

TEST_F(MailboxTest, GivesACallANewDeadlineWithEachAnswer) {
  EXPECT_EQ(begin("a", kStart, 3), State::Waiting);
  const SlotName name = nameInReply();
  EXPECT_EQ(answer(name, absent(), kStart + Millis{6000}), State::Waiting);
  mailbox.sweep(kStart + kPatience + Millis{2000});
  EXPECT_EQ(alive, 1);
  mailbox.sweep(kStart + Millis{6000} + kPatience + Seconds{1});
  EXPECT_EQ(alive, 0);
}

TEST_F(MailboxTest, ReclaimsTheDeadAndLeavesTheLiving) {
  std::vector<SlotName> living;
  for (int i = 0; i < 20; ++i) {
    const bool lives = i % 2 == 0;
    EXPECT_EQ(begin("k" + std::to_string(i), lives ? kStart + Millis{5000} : kStart), State::Waiting);
    if (lives) living.push_back(nameInReply());
  }
  mailbox.sweep(kStart + kPatience + Seconds{1});
  EXPECT_EQ(alive, 10);
  for (const SlotName& name : living) EXPECT_EQ(answer(name), State::Done);
  EXPECT_EQ(alive, 0);
}

TEST_F(MailboxTest, SweepsAfterTheClockWentBack) {
  mailbox.sweep(kLatest);
  EXPECT_EQ(begin("a"), State::Waiting);
  mailbox.sweep(kStart + kPatience + Millis{1});
  EXPECT_EQ(alive, 0);
}

TEST_F(MailboxTest, StaysFlatThroughTenThousandAbandonedCalls) {
  Instant wall = kStart;
  std::uint32_t highest = 0;
  std::size_t mostWaiting = 0;
  for (int i = 0; i < 10'000; ++i) {
    wall += Millis{100};
    mailbox.sweep(wall);
    EXPECT_EQ(begin("k" + std::to_string(i), wall), State::Waiting);
    highest = std::max(highest, nameInReply().index);
    mostWaiting = std::max(mostWaiting, mailbox.callsWaiting());
  }
  // Ten a second, each for seven seconds and up to one more before the next sweep.
  EXPECT_LE(mostWaiting, 90U);
  EXPECT_LT(highest, 90U);
  mailbox.sweep(wall + kPatience + Seconds{1});
  EXPECT_EQ(mailbox.callsWaiting(), 0U);
  EXPECT_EQ(alive, 0);
}

TEST_F(MailboxTest, DestroysTheCallsThatWaitWhenItGoes) {
  int waiting = 0;
  {
    Mailbox doomed;
    for (int i = 0; i < 10; ++i) {
      KvStore& store = doomed.open(kStart + kPatience);
      EXPECT_EQ(doomed.run(asking(store, waiting, std::string(100, 'k'))), State::Waiting);
    }
    EXPECT_EQ(waiting, 10);
  }
  EXPECT_EQ(waiting, 0);
}

TEST_F(MailboxTest, GivesEachOfTwoHundredOverlappingCallsItsOwnResult) {
  constexpr std::size_t kCalls = 200;
  for (std::uint32_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(::testing::Message() << "seed " << seed);
    std::mt19937 random(seed);
    LimitTable limits(1024, HashSeed{seed, 2});
    struct Under {
      SlotName name;
      std::size_t call;
      bool read;
    };
    std::vector<Under> waiting;
    const RateLimitRule rule{1000, Millis{60'000}};
    for (std::size_t call = 0; call < kCalls; ++call) {
      KvStore& store = mailbox.open(kStart + kPatience);
      const LimitAttempt one = attempt(std::to_string(call), rule);
      EXPECT_EQ(mailbox.run(checkLimit(limits, store, one, kPlain, kStart)), State::Waiting);
      EXPECT_EQ(text(Field::KeyAddress, Field::KeyLength), one.key.text);
      waiting.push_back({nameInReply(), call, false});
    }
    EXPECT_EQ(mailbox.callsWaiting(), kCalls);
    while (!waiting.empty()) {
      const std::size_t next = std::uniform_int_distribution<std::size_t>(0, waiting.size() - 1)(random);
      Under& under = waiting[next];
      if (!under.read) {
        // Freed as soon as it has been handed over: nobody may look at it later.
        const LimitState counted{codex::testing::unixMs(kStart) + 1000, static_cast<std::int64_t>(under.call)};
        const auto stored = std::make_unique<std::string>(encode(counted, rule));
        EXPECT_EQ(answer(under.name, found(*stored)), State::Waiting);
        EXPECT_EQ(text(Field::KeyAddress, Field::KeyLength), "rl:login:" + std::to_string(under.call));
        under.read = true;
        continue;
      }
      EXPECT_EQ(answer(under.name), State::Done);
      EXPECT_EQ(field(Field::Remaining), static_cast<double>(1000 - under.call - 1));
      waiting.erase(waiting.begin() + static_cast<std::ptrdiff_t>(next));
    }
    EXPECT_EQ(mailbox.callsWaiting(), 0U);
  }
  EXPECT_EQ(mailbox.answersDropped(), 0U);
}

}  // namespace
}  // namespace codex::bindings
