#include "wasm/cache/recall.h"

#include <algorithm>

#include "wasm/memory/siphash.h"

namespace codex {
namespace {

/// Where each word of the facts stands.
enum Word { Created, Fresh, Stale, Error, LoadTime, Tags };

/// An entry that does not say when it was made.
constexpr std::int64_t kUndated = Instant::min().time_since_epoch().count();

/// One bit for each tag: entries with a tag are those with its bit, and a few more, which costs a read.
std::int64_t bitOf(std::string_view epochKey) {
  return static_cast<std::int64_t>(std::uint64_t{1} << (siphash({0, 0}, epochKey) & 63));
}

Recalled describe(const TierHit& hit, Instant now) {
  const auto& words = hit.facts.words;
  Recalled found{.slot = hit.slot, .state = entry::State::Fresh, .age = {}, .windows = {}, .loadTime = Millis{words[LoadTime]}};
  if (words[Created] == kUndated) return found;
  const entry::Envelope envelope{.created = Instant{Millis{words[Created]}},
                                 .windows = {Millis{words[Fresh]}, Millis{words[Stale]}, Millis{words[Error]}}};
  found.state = entry::stateOf(envelope, {}, now);
  found.age = entry::ageOf(envelope, now);
  found.windows = envelope.windows;
  return found;
}

Burial burialAt(Instant now, Instant through) { return {now, through, now + kKvShowsOld}; }

bool mayBeAnswered(entry::State state) { return state == entry::State::Fresh || state == entry::State::Stale; }

}  // namespace

std::optional<Recalled> recall(const Memory& memory, std::string_view key, Instant now, Millis maxAge, double chance) {
  const std::optional<TierHit> hit = memory.tier.find(memory.key(key), now, maxAge);
  if (!hit) return std::nullopt;
  Recalled found = describe(*hit, now);
  if (!mayBeAnswered(found.state)) return std::nullopt;
  if (chance > 0 && found.age && entry::refreshesEarly(found.windows, found.loadTime, *found.age, chance)) {
    found.state = entry::State::Stale;
  }
  return found;
}

TierFacts factsOf(const std::optional<entry::Envelope>& envelope, const tags::EpochKeys& epochs) {
  TierFacts facts{.expires = kLatest, .words = {kUndated}};
  if (!envelope) return facts;
  const auto& [fresh, stale, error] = envelope->windows;
  facts.expires = std::min(kLatest, envelope->created + fresh + stale + error + Millis{1});
  facts.words = {
      envelope->created.time_since_epoch().count(), fresh.count(), stale.count(), error.count(), envelope->loadTime.count(), 0};
  for (const std::string_view key : epochs.keys()) facts.words[Tags] |= bitOf(key);
  return facts;
}

void buryEntry(const Memory& memory, std::string_view key, Instant now) {
  memory.tier.bury(memory.key(key), burialAt(now, now + kClockSkew));
}

void buryPrefix(const Memory& memory, std::string_view prefix, Instant now) {
  memory.tier.buryPrefix(memory.key(prefix), burialAt(now, now + kClockSkew));
}

void buryEpoch(const Memory& memory, std::string_view epochKey, Instant now) {
  // No skew, and not what is made at this very instant: what is loaded from now on belongs to the new epoch.
  memory.tier.bury(memory.key(epochKey), burialAt(now, now - Millis{1}));
  const std::int64_t bit = bitOf(epochKey);
  memory.tier.forgetIf([&](const TierKey& key, const TierFacts& facts) {
    return key.store == memory.store && key.maker == memory.maker && (facts.words[Tags] & bit) != 0;
  });
}

bool isBuried(const Memory& memory, std::string_view key, const tags::EpochKeys& epochs, const Arrival& arrival, Instant now) {
  const auto buried = [&](std::string_view text) { return memory.tier.buried(memory.key(text), arrival, now); };
  return buried(key) || std::ranges::any_of(epochs.keys(), buried);
}

}  // namespace codex
