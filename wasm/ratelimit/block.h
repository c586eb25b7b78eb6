#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "wasm/error.h"
#include "wasm/time.h"

namespace codex {

/// A caller refused whatever the count. It has a key of its own, since a count that another isolate writes at the same moment
/// must not undo it.
struct Block {
  Instant made = kEarliest;
  Instant until = kEarliest;

  bool operator==(const Block&) const = default;
};

inline constexpr Millis kMaxBlock = std::chrono::hours{24 * 400};

/// Checks how long to block: more than 0 seconds, at most 400 days. Errors: InvalidArgument.
Result<Millis> blockLength(double seconds);

/// The stored form, `{"at":1767225600000,"until":1767229200000}`.
std::string encodeBlock(const Block& block);
/// Nothing where the text is no block, or one that is longer than any.
std::optional<Block> decodeBlock(std::string_view text);

/// What an isolate knows of a caller's block: from the store, which may show a change a minute late, and from what was done here.
class KnownBlock {
 public:
  void block(const Block& block) { block_ = block; }
  void lift(Instant now);
  /// Takes in what a read found: the block made last counts, and none that was made before it was lifted here. One that is gone from
  /// the store was lifted elsewhere, unless the store may not show it yet.
  void adopt(const std::optional<Block>& read, Instant now);
  Instant made() const { return block_.made; }
  Instant until() const { return block_.until; }

 private:
  Block block_;
  Instant lifted_ = kEarliest;
};

}  // namespace codex
