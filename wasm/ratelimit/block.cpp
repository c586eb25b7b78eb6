#include "wasm/ratelimit/block.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "wasm/json/fields.h"

namespace codex {

Result<Millis> blockLength(double seconds) {
  const double milliseconds = std::ceil(seconds * 1000);
  if (milliseconds >= 1 && milliseconds <= static_cast<double>(kMaxBlock.count())) {
    return Millis{static_cast<std::int64_t>(milliseconds)};
  }
  return std::unexpected(
      Error{ErrorCode::InvalidArgument, "seconds must be more than 0 and at most 34,560,000 (400 days)", seconds});
}

std::string encodeBlock(const Block& block) {
  std::string text = R"({"at":)";
  json::appendNumber(text, block.made.time_since_epoch().count());
  text += R"(,"until":)";
  json::appendNumber(text, block.until.time_since_epoch().count());
  text += '}';
  return text;
}

std::optional<Block> decodeBlock(std::string_view text) {
  std::optional<std::int64_t> made;
  std::optional<std::int64_t> until;
  const std::array<json::Field, 2> wanted = {{{.name = "at", .number = &made}, {.name = "until", .number = &until}}};
  if (!json::readFields(text, wanted) || !made || !until) return std::nullopt;
  const Block block{Instant{Millis{*made}}, Instant{Millis{*until}}};
  if (block.made < kEarliest || block.until > kLatest || block.until < block.made || block.until - block.made > kMaxBlock) {
    return std::nullopt;
  }
  return block;
}

void KnownBlock::lift(Instant now) {
  lifted_ = std::max(now, block_.made);
  block_.until = kEarliest;
}

void KnownBlock::adopt(const std::optional<Block>& read, Instant now) {
  // How long KV usually takes to show a write in another place, and its least cacheTtl.
  constexpr Millis kUsuallyShown{90'000};
  // One that ends later than any made now is of a skewed clock or an attacker.
  if (read && read->until <= now + kMaxBlock) {
    if (read->made >= block_.made && read->made > lifted_) block_ = *read;
  } else if (now - block_.made > kUsuallyShown) {
    block_.until = kEarliest;
  }
}

}  // namespace codex
