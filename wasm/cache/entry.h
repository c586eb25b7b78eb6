#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "wasm/error.h"
#include "wasm/time.h"

// What the cache knows of an entry besides its value: kept in KV metadata, so that the value stays the JSON the spec shows.
namespace codex::entry {

/// Created, and how long it is fresh. Stored as `{"c":1767225600000,"s":30000}`, with `k`, the digest of the full key, where
/// the key was shortened.
struct Envelope {
  Instant created;
  Millis softTtl;
  std::string keyDigest;

  bool operator==(const Envelope&) const = default;
};

std::string encode(const Envelope& envelope);

/// What the metadata of a record says. Nothing where there is no envelope: a value written by a plain `put`, which is fresh
/// for as long as KV keeps it.
std::optional<Envelope> decode(std::string_view metadata);

/// How long an entry lives. `logical` decides; `physical` is what KV is asked to keep it for, never under KV's 60 s.
struct Lifetime {
  Millis logical;
  Seconds physical;
};

/// Checks a TTL in seconds. Any positive one will do, down to a millisecond; what is longer than KV can keep is cut to that.
/// Nothing for zero or less: do not store. A store that keeps no metadata cannot tell the logical end, so there KV's is it.
/// Errors: InvalidArgument for what is no finite number.
Result<std::optional<Lifetime>> lifetime(double ttlSeconds, bool keepsMetadata);

enum class State { Fresh, Miss };

/// Whether an entry found under a key may be shown. One whose full key is another's is a miss.
State stateOf(const std::optional<Envelope>& envelope, std::string_view keyDigest, Instant now);

}  // namespace codex::entry
