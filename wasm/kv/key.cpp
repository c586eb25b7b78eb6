#include "wasm/kv/key.h"

#include <algorithm>
#include <array>
#include <initializer_list>

#include "wasm/kv/limits.h"

namespace codex::key {
namespace {

constexpr std::size_t kMaxPrefixBytes = 256;
constexpr std::size_t kMaxUserIdBytes = 200;
constexpr std::size_t kShortDigestCharacters = 22;  // 128 bits and a little: enough that no two keys meet by chance or search

/// What other clients keep in a namespace that the limiter may share with them.
constexpr std::array<std::string_view, 7> kForeignPrefixes = {"session:", "usess:", "urev:", "srev:", "cache:", "e:", "auth:"};

/// What an identifier cannot hold as it is, or must be looked at closely.
constexpr std::array<bool, 256> kSuspect = [] {
  std::array<bool, 256> suspect = {};
  for (std::size_t code = 0; code < 0x20; ++code) suspect[code] = true;
  for (const std::size_t code : {0x7FU, 0x25U, 0x3AU, 0xEDU}) suspect[code] = true;  // DEL, %, :, and what begins a surrogate
  return suspect;
}();

constexpr std::string_view kWatermarkPrefix = "urev:";

std::string joined(std::initializer_list<std::string_view> parts) {
  std::size_t size = 0;
  for (const std::string_view part : parts) size += part.size();
  std::string key;
  key.reserve(size);
  for (const std::string_view part : parts) key += part;
  return key;
}

bool isSuspect(char byte) { return kSuspect[static_cast<unsigned char>(byte)]; }

}  // namespace

void appendEscaped(std::string& key, char byte) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  const auto code = static_cast<unsigned char>(byte);
  key += '%';
  key += kHex[code >> 4];
  key += kHex[code & 15];
}

namespace {

void escapeInto(std::string& key, std::string_view prefix, std::string_view separator, const InputText& identifier,
                std::size_t maxBytes) {
  const std::size_t opening = prefix.size() + separator.size();
  key.clear();
  if (identifier.whole() && opening + identifier.head.size() <= maxBytes) {
    bool plain = true;
    key.resize_and_overwrite(opening + identifier.head.size(), [&](char* const begin, std::size_t) {  // in GCC 12 the capacity
      char* to = std::ranges::copy(separator, std::ranges::copy(prefix, begin).out).out;
      for (const char byte : identifier.head) {
        if (isSuspect(byte)) {
          plain = false;
          break;
        }
        *to++ = byte;
      }
      return static_cast<std::size_t>(to - begin);
    });
    if (plain) return;
    key.clear();
  }
  key.reserve(opening + identifier.head.size());
  key.append(prefix).append(separator);
  if (identifier.whole()) {
    std::string_view rest = identifier.head;
    while (key.size() <= maxBytes) {
      const std::size_t plain = static_cast<std::size_t>(std::ranges::find_if(rest, isSuspect) - rest.begin());
      key += rest.substr(0, plain);
      rest.remove_prefix(plain);
      if (rest.empty()) break;
      const bool surrogate = hasLoneSurrogate(rest.substr(0, 2));
      const std::string_view taken = rest.substr(0, surrogate ? 3 : 1);
      for (const char byte : taken) {
        if (surrogate || byte != '\xED') {
          appendEscaped(key, byte);
        } else {
          key += byte;
        }
      }
      rest.remove_prefix(taken.size());
    }
    if (key.size() <= maxBytes) return;
    key.resize(opening);
  }
  key += "%h";
  key += base64url(identifier.digest());
}

}  // namespace

std::string escaped(std::string_view prefix, const InputText& identifier, std::size_t maxBytes) {
  std::string key;
  escapeInto(key, prefix, {}, identifier, maxBytes);
  return key;
}

std::optional<Error> checkPrefix(std::string_view prefix) {
  const auto refused = [](std::string_view reason) { return Error{ErrorCode::InvalidConfig, reason}; };
  if (prefix.empty()) return refused("keyPrefix must not be empty; use one such as 'rl:login:'");
  if (prefix.size() > kMaxPrefixBytes) return refused("keyPrefix must be at most 256 bytes of UTF-8");
  if (hasLoneSurrogate(prefix)) return refused("keyPrefix must be well-formed Unicode");
  for (std::string_view rest = prefix; !rest.empty(); rest.remove_prefix(1)) {
    if (rest.starts_with("%:") || rest.starts_with("%b:")) return refused("keyPrefix must not contain '%:' or '%b:'");
  }
  for (const std::string_view foreign : kForeignPrefixes) {
    if (prefix.starts_with(foreign)) {
      return refused("keyPrefix belongs to another client (session:, usess:, urev:, srev:, cache:, e:, auth:); use 'rl:...:'");
    }
  }
  return std::nullopt;
}

void writeForLimit(std::string& key, std::string_view prefix, const InputText& identifier) {
  escapeInto(key, prefix, prefix.ends_with(':') ? "" : "%:", identifier, kv::kMaxKeyBytes);
}

Result<std::string> forLimit(std::string_view prefix, const InputText& identifier) {
  if (const std::optional<Error> error = checkPrefix(prefix)) return std::unexpected(*error);
  std::string key;
  writeForLimit(key, prefix, identifier);
  return key;
}

std::string forBlock(std::string_view prefix, const InputText& identifier) {
  std::string key;
  escapeInto(key, prefix, "%b:", identifier, kv::kMaxKeyBytes);
  return key;
}

std::optional<std::string> forSession(const InputText& token) {
  if (token.head.empty() || !token.whole() || token.head.size() > kv::kMaxKeyBytes - kSessionPrefix.size()) return std::nullopt;
  if (hasLoneSurrogate(token.head)) return std::nullopt;
  return joined({kSessionPrefix, token.head});
}

std::string forHashedSession(std::string_view digest) { return joined({kSessionPrefix, kHashMark, digest}); }

std::string forFence(std::string_view digest) { return joined({kFencePrefix, digest.substr(0, kShortDigestCharacters)}); }

std::string forUserWatermark(const InputText& userId) {
  return escaped(kWatermarkPrefix, userId, kWatermarkPrefix.size() + kMaxUserIdBytes);
}

std::string forIndex(std::string_view watermark) { return joined({"usess:", watermark.substr(kWatermarkPrefix.size()), ":"}); }

bool standsAsCacheKey(const InputText& key) {
  return key.whole() && key.head.size() <= kv::kMaxKeyBytes && !hasLoneSurrogate(key.head);
}

Result<CacheKey> forCache(const InputText& key) {
  if (key.head.empty()) return std::unexpected(Error{ErrorCode::InvalidArgument, "key must not be empty"});
  if (key.head == "." || key.head == "..") {
    return std::unexpected(Error{ErrorCode::InvalidArgument, "key must not be '.' or '..', which KV forbids"});
  }
  if (standsAsCacheKey(key)) return CacheKey{std::string(key.head), {}};
  const std::string digest = base64url(key.digest());
  std::string text;
  if (!hasLoneSurrogate(key.head)) text = cutAtCharacter(key.head, kv::kMaxKeyBytes - 1 - kShortDigestCharacters);
  text += '#';
  text += digest.substr(0, kShortDigestCharacters);
  return CacheKey{std::move(text), digest};
}

Result<void> checkCachePrefix(const InputText& prefix) {
  const auto refused = [](ErrorCode code, std::string_view reason) { return std::unexpected(Error{code, reason}); };
  if (!prefix.whole() || prefix.head.size() > kv::kMaxKeyBytes) {
    return refused(ErrorCode::KeyTooLong, "the prefix is longer than KV's 512 bytes");
  }
  if (hasLoneSurrogate(prefix.head)) return refused(ErrorCode::InvalidArgument, "the prefix must be well-formed Unicode");
  for (const std::string_view foreign : kForeignPrefixes) {
    if (foreign == "cache:") continue;
    if (foreign.starts_with(prefix.head) || prefix.head.starts_with(foreign)) {
      return refused(ErrorCode::InvalidArgument,
                     "keys of other clients begin so too (session:, usess:, urev:, srev:, e:, auth:); use a longer prefix");
    }
  }
  return {};
}

}  // namespace codex::key
