#pragma once

#include <cstddef>
#include <list>
#include <optional>
#include <string>
#include <string_view>

#include "wasm/memory/key-map.h"
#include "wasm/time.h"

namespace codex {

/// The watermark of a user, or the fence of a token, in its stored form, `{"before":1767225600000}`: every copy loaded at or before
/// it is void.
std::string encodeWatermark(Instant before);
std::optional<Instant> decodeWatermark(std::string_view text);

/// The watermarks and fences this isolate has set or seen lately, by key. KV may show a new one elsewhere a minute late; the
/// isolate that set it must not wait for that. Bounded: the longest unseen goes first, and KV still has it.
class Revocations {
 public:
  Revocations(std::size_t capacity, HashSeed seed) : capacity_(capacity), known_(seed) {}
  Revocations(const Revocations&) = delete;
  Revocations& operator=(const Revocations&) = delete;

  void note(const StoreKey& key, Instant before);
  /// Up to when a revocation made now reaches: ahead of the clock, and past one known already, or what that excepted would outlast
  /// this one where both are made in one millisecond.
  Instant next(const StoreKey& key, Instant now) const;
  std::optional<Instant> before(const StoreKey& key) const;

 private:
  struct Watermark {
    Instant before = kEarliest;
    std::list<const StoreKey*>::iterator place;
  };

  std::size_t capacity_;
  KeyMap<Watermark> known_;
  std::list<const StoreKey*> order_;  // longest unseen first
};

}  // namespace codex
