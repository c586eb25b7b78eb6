#include "wasm/cache/entry.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "wasm/json/fields.h"
#include "wasm/kv/limits.h"

namespace codex::entry {

std::string encode(const Envelope& envelope) {
  std::string text = R"({"c":)";
  json::appendNumber(text, envelope.created.time_since_epoch().count());
  text += R"(,"s":)";
  json::appendNumber(text, envelope.softTtl.count());
  // A digest is base64url: nothing in it needs escaping.
  if (!envelope.keyDigest.empty()) text += R"(,"k":")" + envelope.keyDigest + '"';
  return text + '}';
}

std::optional<Envelope> decode(std::string_view metadata) {
  std::optional<std::int64_t> created;
  std::optional<std::int64_t> softTtl;
  std::optional<std::string> keyDigest;
  const std::array<json::Field, 3> wanted = {
      {{.name = "c", .number = &created}, {.name = "s", .number = &softTtl}, {.name = "k", .text = &keyDigest}}};
  if (metadata.empty() || !json::readFields(metadata, wanted) || !created || !softTtl) return std::nullopt;
  return Envelope{instantOf(*created), Millis{*softTtl}, keyDigest.value_or("")};
}

Result<std::optional<Lifetime>> lifetime(double ttlSeconds, bool keepsMetadata) {
  if (!std::isfinite(ttlSeconds)) {
    return std::unexpected(Error{ErrorCode::InvalidArgument, "ttlSeconds must be a finite number of seconds"});
  }
  if (ttlSeconds <= 0) return std::optional<Lifetime>{};
  constexpr double kLongest = static_cast<double>(kv::kMaxTtl.count());
  const double milliseconds = std::max(1.0, std::floor(std::min(ttlSeconds, kLongest) * 1000));
  const Millis logical{static_cast<std::int64_t>(milliseconds)};
  // A second to spare, so that KV never forgets before the envelope says so.
  const Seconds spare{keepsMetadata ? 1 : 0};
  const Seconds physical = std::clamp(std::chrono::ceil<Seconds>(logical) + spare, kv::kMinTtl, kv::kMaxTtl);
  return Lifetime{logical, physical};
}

State stateOf(const std::optional<Envelope>& envelope, std::string_view keyDigest, Instant now) {
  const std::string_view foundDigest = envelope ? std::string_view(envelope->keyDigest) : std::string_view();
  if (foundDigest != keyDigest) return State::Miss;
  if (!envelope) return State::Fresh;
  return now - envelope->created <= envelope->softTtl ? State::Fresh : State::Miss;
}

}  // namespace codex::entry
