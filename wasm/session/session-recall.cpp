#include "wasm/session/session-recall.h"

#include <cstdint>

#include "wasm/memory/siphash.h"

namespace codex {
namespace {

/// Where each word of the facts stands.
enum Word { ConsultedAt, User, Fence };

/// A copy that does not say when it was loaded.
constexpr std::int64_t kUndated = Instant::min().time_since_epoch().count();

std::int64_t hashOf(std::string_view name) { return static_cast<std::int64_t>(siphash({0, 0}, name)); }

void forgetWhere(Tier& tier, StoreId store, Word word, std::string_view name) {
  const std::int64_t hash = hashOf(name);
  tier.forgetIf([&](const TierKey& key, const TierFacts& facts) {
    return key.store == store && key.maker == Maker::Session && facts.words[word] == hash;
  });
}

}  // namespace

std::optional<Slot> recallSession(Tier& tier, StoreId store, std::string_view token, Instant now, Millis maxAge,
                                  Millis maxStale) {
  const std::optional<TierHit> hit = tier.find({store, Maker::Session, token}, now, maxAge);
  if (!hit) return std::nullopt;
  const std::int64_t consultedAt = hit->facts.words[ConsultedAt];
  if (consultedAt != kUndated && now - Instant{Millis{consultedAt}} > maxStale) return std::nullopt;
  return hit->slot;
}

Offer offerOf(const SessionNames& names, const Arrival& arrival, Instant expiresAt, const SessionStamps& stamps, Instant now) {
  const std::optional<Instant> consultedAt = stamps.consultedAt ? stamps.consultedAt : stamps.loadedAt;
  return {.key = {names.plain.store, std::string(names.token())},
          .maker = Maker::Session,
          .arrival = arrival,
          .facts = {.expires = expiresAt,
                    .words = {consultedAt ? consultedAt->time_since_epoch().count() : kUndated, hashOf(names.user.text),
                              hashOf(names.fence.text)}},
          .now = now};
}

void forgetSession(Tier& tier, const SessionNames& names) {
  if (names.plain.text.empty()) return forgetWhere(tier, names.fence.store, Fence, names.fence.text);
  tier.forget({names.plain.store, Maker::Session, names.token()});
}

void forgetUser(Tier& tier, const StoreKey& watermark) { forgetWhere(tier, watermark.store, User, watermark.text); }

}  // namespace codex
