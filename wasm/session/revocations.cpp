#include "wasm/session/revocations.h"

#include <algorithm>
#include <array>

#include "wasm/json/fields.h"

namespace codex {

std::string encodeWatermark(Instant before) {
  std::string text = R"({"before":)";
  json::appendNumber(text, before.time_since_epoch().count());
  text += '}';
  return text;
}

std::optional<Instant> decodeWatermark(std::string_view text) {
  std::optional<std::int64_t> before;
  const std::array<json::Field, 1> wanted = {{{.name = "before", .number = &before}}};
  if (!json::readFields(text, wanted) || !before) return std::nullopt;
  return instantOf(*before);
}

void Revocations::note(const StoreKey& key, Instant before) {
  const auto [entry, made] = known_.findOrAdd(key);
  Watermark& watermark = entry->value;
  watermark.before = std::max(watermark.before, before);
  if (made) {
    watermark.place = order_.insert(order_.end(), &entry->key);
  } else {
    order_.splice(order_.end(), order_, watermark.place);
  }
  if (known_.size() > capacity_) {
    KeyMap<Watermark>::Entry& oldest = *known_.find(*order_.front());
    order_.pop_front();
    known_.erase(oldest);
  }
}

Instant Revocations::next(const StoreKey& key, Instant now) const {
  const Instant usual = now + kClockSkew;
  const Instant past = before(key).value_or(kEarliest) + Millis{1};
  // One that lies farther ahead is of a clock that is wrong, or of a liar: it is not to be kept up.
  return past <= usual + kClockSkew ? std::max(usual, past) : usual;
}

std::optional<Instant> Revocations::before(const StoreKey& key) const {
  const KeyMap<Watermark>::Entry* const found = known_.find(key);
  if (found == nullptr) return std::nullopt;
  return found->value.before;
}

}  // namespace codex
