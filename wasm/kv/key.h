#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "wasm/error.h"
#include "wasm/kv/text.h"

// From what callers name to what KV stores under. Every key made here is 1 to 512 bytes of valid UTF-8.
namespace codex::key {

/// `prefix` then the identifier with `%`, `:`, control bytes and lone surrogates percent-encoded; when that would exceed
/// `maxBytes`, `%h` and the SHA-256 of the identifier instead. No two identifiers share a key, none leaves its prefix, and
/// IPv4 addresses and UUIDs stand as they are.
std::string escaped(std::string_view prefix, const InputText& identifier, std::size_t maxBytes);

/// Percent-encodes a byte.
void appendEscaped(std::string& key, char byte);

/// The key of a rate-limit counter. A prefix that does not end in `:` is closed with `%:`, so that ("rl:a", "b") and
/// ("rl:ab", "") differ. Errors: InvalidConfig for a prefix that is empty, longer than 256 bytes, not UTF-8, contains `%:`
/// or `%b:`, or belongs to the other clients.
Result<std::string> forLimit(std::string_view prefix, const InputText& identifier);
/// The same in two steps, for whoever has many keys of one prefix: what is wrong with it, if anything is, and the key, into a
/// string whose memory is used again.
std::optional<Error> checkPrefix(std::string_view prefix);
void writeForLimit(std::string& key, std::string_view prefix, const InputText& identifier);

/// The key of a caller's block, within the same prefix. The prefix is one that `forLimit` has accepted.
std::string forBlock(std::string_view prefix, const InputText& identifier);

/// The key of a session; nothing for a token that cannot be a key (empty, too long, lone surrogates), which is therefore
/// nobody's session.
std::optional<std::string> forSession(const InputText& token);

inline constexpr std::string_view kSessionPrefix = "session:";
inline constexpr std::string_view kFencePrefix = "srev:";
/// Begins what takes a token's place in a key that holds its hash.
inline constexpr std::string_view kHashMark = "h:";

/// The key of a session that is stored under the whole digest of its token.
std::string forHashedSession(std::string_view digest);

/// The key of the fence that says a session was revoked; of the token's digest only the first 22 characters count.
std::string forFence(std::string_view digest);

/// The key of a user's revocation watermark.
std::string forUserWatermark(const InputText& userId);

/// What the keys of the index of a user's sessions begin with, given the key of the watermark, which holds the user's name
/// already. No other user's begin so, since no name holds a `:`.
std::string forIndex(std::string_view watermark);

/// The key of a cache entry and, where it had to be shortened, the digest that tells whose it is.
struct CacheKey {
  std::string text;
  std::string digest;  // empty where the key stands verbatim
};

/// Verbatim, except that a key above 512 bytes or with lone surrogates becomes a prefix of itself, `#` and 128 bits of its
/// SHA-256. Errors: InvalidArgument for "", "." and "..", which KV forbids.
Result<CacheKey> forCache(const InputText& key);

/// Whether a cache key stands verbatim.
bool standsAsCacheKey(const InputText& key);

/// Checks what the keys of cache entries that are to be deleted begin with. Errors: InvalidArgument where sessions, their
/// revocations, the epochs of groups or better-auth's values could begin so too, and where it is empty or not UTF-8; KeyTooLong
/// above 512 bytes.
Result<void> checkCachePrefix(const InputText& prefix);

}  // namespace codex::key
