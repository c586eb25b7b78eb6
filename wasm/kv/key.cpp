#include "wasm/kv/key.h"

#include <array>

#include "wasm/kv/limits.h"

namespace codex::key {
namespace {

constexpr std::size_t kMaxPrefixBytes = 256;
constexpr std::size_t kMaxUserIdBytes = 200;
constexpr std::size_t kShortDigestCharacters = 22;  // 128 bits and a little: enough that no two keys meet by chance or search

/// What other clients keep in a namespace that the limiter may share with them.
constexpr std::array<std::string_view, 6> kForeignPrefixes = {"session:", "usess:", "urev:", "srev:", "cache:", "e:"};

bool mustEscape(char byte) {
  const auto code = static_cast<unsigned char>(byte);
  return code < 0x20 || code == 0x7F || byte == '%' || byte == ':';
}

void appendEscaped(std::string& key, char byte) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  const auto code = static_cast<unsigned char>(byte);
  key += '%';
  key += kHex[code >> 4];
  key += kHex[code & 15];
}

}  // namespace

std::string escaped(std::string_view prefix, const InputText& identifier, std::size_t maxBytes) {
  std::string key(prefix);
  if (identifier.whole()) {
    key.reserve(prefix.size() + identifier.head.size());
    std::string_view rest = identifier.head;
    while (!rest.empty() && key.size() <= maxBytes) {
      const std::size_t taken = hasLoneSurrogate(rest.substr(0, 2)) ? 3 : 1;
      for (const char byte : rest.substr(0, taken)) {
        if (taken > 1 || mustEscape(byte)) {
          appendEscaped(key, byte);
        } else {
          key += byte;
        }
      }
      rest.remove_prefix(taken);
    }
    if (key.size() <= maxBytes) return key;
    key.assign(prefix);
  }
  key += "%h";
  key += base64url(identifier.digest());
  return key;
}

Result<std::string> forLimit(std::string_view prefix, const InputText& identifier) {
  const auto refused = [](std::string_view reason) {
    return std::unexpected(Error{ErrorCode::InvalidConfig, reason});
  };
  if (prefix.empty()) return refused("keyPrefix must not be empty; use one such as 'rl:login:'");
  if (prefix.size() > kMaxPrefixBytes) return refused("keyPrefix must be at most 256 bytes of UTF-8");
  if (hasLoneSurrogate(prefix)) return refused("keyPrefix must be well-formed Unicode");
  if (prefix.find("%:") != std::string_view::npos) return refused("keyPrefix must not contain '%:'");
  for (const std::string_view foreign : kForeignPrefixes) {
    if (prefix.starts_with(foreign)) {
      return refused("keyPrefix belongs to another client (session:, usess:, urev:, srev:, cache:, e:); use 'rl:...:'");
    }
  }
  if (prefix.ends_with(':')) return escaped(prefix, identifier, kv::kMaxKeyBytes);
  return escaped(std::string(prefix) + "%:", identifier, kv::kMaxKeyBytes);
}

std::optional<std::string> forSession(const InputText& token) {
  constexpr std::string_view kPrefix = "session:";
  if (token.head.empty() || !token.whole() || token.head.size() > kv::kMaxKeyBytes - kPrefix.size()) return std::nullopt;
  if (hasLoneSurrogate(token.head)) return std::nullopt;
  std::string key;
  key.reserve(kPrefix.size() + token.head.size());
  key.append(kPrefix).append(token.head);
  return key;
}

std::string forUserWatermark(const InputText& userId) {
  constexpr std::string_view kPrefix = "urev:";
  return escaped(kPrefix, userId, kPrefix.size() + kMaxUserIdBytes);
}

Result<CacheKey> forCache(const InputText& key) {
  if (key.head.empty()) return std::unexpected(Error{ErrorCode::InvalidArgument, "key must not be empty"});
  if (key.head == "." || key.head == "..") {
    return std::unexpected(Error{ErrorCode::InvalidArgument, "key must not be '.' or '..', which KV forbids"});
  }
  const bool surrogates = hasLoneSurrogate(key.head);
  if (key.whole() && key.head.size() <= kv::kMaxKeyBytes && !surrogates) return CacheKey{std::string(key.head), {}};
  const std::string digest = base64url(key.digest());
  std::string text;
  if (!surrogates) text = cutAtCharacter(key.head, kv::kMaxKeyBytes - 1 - kShortDigestCharacters);
  text += '#';
  text += digest.substr(0, kShortDigestCharacters);
  return CacheKey{std::move(text), digest};
}

}  // namespace codex::key
