#pragma once

#include <optional>
#include <string_view>

#include "wasm/error.h"
#include "wasm/time.h"

// What the cache knows of an entry besides its value: kept in KV metadata, so that the value stays the JSON the spec shows.
namespace codex::entry {

/// How long an entry is good, one span after the other: fresh; then served while it is loaded anew; then served only where
/// loading fails.
struct Windows {
  Millis fresh{0};
  Millis stale{0};
  Millis error{0};

  bool operator==(const Windows&) const = default;
};

/// What lies beside a value.
struct Envelope {
  Instant created;
  Windows windows;
  Millis loadTime{0};               // what the value took to load; 0: nobody knows
  bool negative = false;            // the value is null: what was looked for is not there
  bool readable = true;             // false: of a format made later than this program
  std::string_view tags = {};       // with the epochs seen, as `tags.h` writes them
  std::string_view keyDigest = {};  // whose it is, where the key was shortened
};

/// The metadata of a record as the host reads it, which has it parsed: the fields `c`, `s`, `g`, `e`, `d`, `n`, `x`, NaN where
/// there is something else and 0 where there is nothing (but NaN for an absent `c` or `s`), and the texts `t` and `k`, empty where
/// there is none. `c` and `s` are NaN where the record has no such metadata.
struct Facts {
  double created;
  double fresh = 0;
  double stale = 0;
  double error = 0;
  double loadTime = 0;
  double negative = 0;
  double version = 0;
  std::string_view tags = {};
  std::string_view keyDigest = {};
};

/// What the metadata of a record says. Nothing where there is no envelope: a value written by a plain `put`, which is fresh
/// for as long as KV keeps it.
std::optional<Envelope> read(const Facts& facts);

/// The bytes that the JSON of an envelope takes at most, without its tags:
/// `{"c":8640000000000000,"s":...,"g":...,"e":...,"d":2147483647000,"n":1,"k":"43 characters","t":""}`.
inline constexpr std::size_t kMaxUntaggedBytes = 157;

/// What a caller asks for, in seconds.
struct Terms {
  double ttl = 1;
  double negativeTtl = 1;  // for a null
  double stale = 0;
  double error = 0;
};

/// How long an entry lives. The windows decide; `physical` is what KV is asked to keep it for, never under KV's 60 s.
struct Lifetime {
  Windows windows;
  Seconds physical;
};

/// Checks what a caller asks for. Any positive TTL will do, down to a millisecond; what is longer than KV can keep is cut to
/// that. Nothing for a TTL of zero or less: do not store. A store that keeps no metadata cannot tell the logical end, so there
/// KV's is it. Errors: InvalidArgument for what is no finite number.
Result<std::optional<Lifetime>> lifetime(const Terms& terms, bool negative, bool keepsMetadata);

/// A fresh span shortened by up to a twentieth, so that what was loaded at once does not end at once. The same for the same key
/// and instant.
Millis jittered(Millis fresh, std::string_view key, Instant created);

enum class State {
  Fresh,
  Stale,      // may be served, and should be loaded anew
  ErrorOnly,  // may be served where loading fails
  Miss,
};

/// Whether an entry found under a key may be shown. One whose full key is another's is a miss.
State stateOf(const std::optional<Envelope>& envelope, std::string_view keyDigest, Instant now);

/// Whether a fresh entry should be loaded anew before it ends, so that not all who want it wait for it together: the nearer the
/// end and the dearer the load, the likelier. `chance` is -ln(u), u uniform in (0, 1]: the host has a logarithm. At most the last quarter of the fresh span; never where
/// nobody knows how long loading takes. Of use only for an entry in memory: elsewhere the new value is seen too late.
/// (XFetch: Vattani, Chierichetti and Lowenstein, Optimal Probabilistic Cache Stampede Prevention, VLDB 2015.)
bool refreshesEarly(const Windows& windows, Millis loadTime, Millis age, double chance);

/// The age of an entry, at least 0: clocks differ.
Millis ageOf(const Envelope& envelope, Instant now);

}  // namespace codex::entry
