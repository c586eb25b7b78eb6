#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "tests/fuzz/fuzzer.h"
#include "tests/native/utf8.h"
#include "wasm/kv/key.h"
#include "wasm/kv/limits.h"

// The input is `prefix|identifier|prefix|identifier`. What the keys must be is written here a second time and backwards: from
// a key to what it was made of. What can be undone was one to one.
namespace codex::fuzzing {
namespace {

constexpr std::size_t kMaxUserKeyBytes = 205;  // `urev:` and 200
constexpr std::size_t kDigestCharacters = 43;
constexpr std::size_t kHeadBytes = 520;  // enough of a long text to show that it is one

struct Origin {
  std::string prefix;
  std::string identifier;

  bool operator==(const Origin&) const = default;
};

bool mustBeEscaped(char byte) { return byte == '%' || byte == ':' || byte == 0x7F || (byte >= 0 && byte < 0x20); }

/// The identifier as a key holds it, however long.
std::string spelt(std::string_view identifier) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string text;
  std::size_t surrogate = 0;  // how many bytes of one are still to come
  for (std::size_t at = 0; at < identifier.size(); ++at) {
    if (identifier[at] == '\xED' && hasLoneSurrogate(identifier.substr(at, 2))) surrogate = 3;
    if (surrogate > 0 || mustBeEscaped(identifier[at])) {
      const auto code = static_cast<unsigned char>(identifier[at]);
      text += {'%', kHex[code / 16], kHex[code % 16]};
    } else {
      text += identifier[at];
    }
    if (surrogate > 0) --surrogate;
  }
  return text;
}

int digit(char hex) { return hex >= 'A' ? hex - 'A' + 10 : hex - '0'; }

/// What stands before the escapes; nothing where the key is a digest.
std::optional<std::string> unspelt(std::string_view text) {
  if (text.starts_with("%h")) return std::nullopt;
  std::string identifier;
  for (; !text.empty(); text.remove_prefix(1)) {
    if (text.front() == '%') {
      require(text.size() >= 3, "an escape is whole");
      identifier += static_cast<char>(digit(text[1]) * 16 + digit(text[2]));
      text.remove_prefix(2);
    } else {
      identifier += text.front();
    }
  }
  return identifier;
}

void requireStorable(std::string_view key) {
  require(!key.empty() && key.size() <= kv::kMaxKeyBytes, "a key has 1 to 512 bytes");
  require(testing::isUtf8(key), "a key is UTF-8");
  require(key != "." && key != "..", "a key is none that KV forbids");
}

/// A key made of the prefix, which ends it with its last `:`, and the escaped identifier.
void requireEscaped(std::string_view key, std::string_view closedPrefix, std::string_view identifier, std::size_t maxBytes) {
  requireStorable(key);
  require(key.size() <= maxBytes, "a key keeps to its length");
  require(key.starts_with(closedPrefix), "a key stays in its prefix");
  require(key.rfind(':') + 1 == closedPrefix.size(), "the identifier of a key holds no ':'");
  const std::string_view rest = key.substr(closedPrefix.size());
  const std::string whole = spelt(identifier);
  if (closedPrefix.size() + whole.size() <= maxBytes) {
    require(rest == whole, "an identifier is escaped where it must be and nowhere else");
    require(unspelt(rest) == identifier, "an escaped identifier can be read back");
  } else {
    require(rest == "%h" + base64url(sha256(identifier)), "an identifier that is too long is a digest");
  }
}

/// The whole text, and as it enters when it is long: its head and the digest of all of it.
std::array<InputText, 2> asEntered(std::string_view text) {
  if (text.size() <= kHeadBytes) return {InputText{text}, InputText{text}};
  return {InputText{text}, InputText{text.substr(0, kHeadBytes), sha256(text)}};
}

std::optional<std::string> checkLimitKey(const Origin& origin) {
  constexpr std::array<std::string_view, 7> kForeign = {"session:", "usess:", "urev:", "srev:", "cache:", "e:", "auth:"};
  const std::string_view prefix = origin.prefix;
  const bool foreign = std::ranges::any_of(kForeign, [&](std::string_view one) { return prefix.starts_with(one); });
  const bool acceptable = !prefix.empty() && prefix.size() <= 256 && testing::isUtf8(prefix) &&
                          prefix.find("%:") == std::string_view::npos && prefix.find("%b:") == std::string_view::npos &&
                          !foreign;
  std::optional<std::string> made;
  for (const InputText& identifier : asEntered(origin.identifier)) {
    const Result<std::string> key = key::forLimit(prefix, identifier);
    require(key.has_value() == acceptable, "a prefix is refused exactly when it may not be one");
    if (!key) return std::nullopt;
    const std::string closed = origin.prefix + (prefix.ends_with(':') ? "" : "%:");
    requireEscaped(*key, closed, origin.identifier, kv::kMaxKeyBytes);
    requireEscaped(key::forBlock(prefix, identifier), origin.prefix + "%b:", origin.identifier, kv::kMaxKeyBytes);
    for (const std::string_view one : kForeign) require(!key->starts_with(one), "a counter is no other client's key");
    require(!made || made == *key, "a long identifier has one key, however it entered");
    made = *key;
  }
  return made;
}

void checkUserKey(std::string_view userId) {
  for (const InputText& entered : asEntered(userId)) {
    requireEscaped(key::forUserWatermark(entered), "urev:", userId, kMaxUserKeyBytes);
  }
}

void checkSessionKey(std::string_view token) {
  for (const InputText& entered : asEntered(token)) {
    const std::optional<std::string> key = key::forSession(entered);
    const bool possible = !token.empty() && token.size() <= kv::kMaxKeyBytes - 8 && testing::isUtf8(token);
    require(key.has_value() == possible, "a token has a key exactly when it can be one");
    if (!key) continue;
    requireStorable(*key);
    require(*key == "session:" + std::string(token), "a session is stored under its token");
  }
}

bool sameEntry(const key::CacheKey& one, const key::CacheKey& other) {
  return one.text == other.text && one.digest == other.digest;
}

std::optional<key::CacheKey> checkCacheKey(std::string_view text) {
  std::optional<key::CacheKey> made;
  for (const InputText& entered : asEntered(text)) {
    Result<key::CacheKey> key = key::forCache(entered);
    require(key.has_value() == (!text.empty() && text != "." && text != ".."), "the keys refused are those KV forbids");
    if (!key) return std::nullopt;
    requireStorable(key->text);
    const bool verbatim = text.size() <= kv::kMaxKeyBytes && testing::isUtf8(text);
    require(verbatim == key->digest.empty(), "a cache key that stands as it is has no digest");
    require(verbatim || key->digest.size() == kDigestCharacters, "a shortened cache key has the digest of all of it");
    require(!verbatim || key->text == text, "a cache key stands as it is where it can");
    const bool sees = testing::isUtf8(text);  // a lone surrogate behind the head is seen only in a text that entered whole
    require(!made || !sees || sameEntry(*made, *key), "a long key has one key, however it entered");
    made = std::move(*key);
  }
  return made;
}

}  // namespace

void check(std::string_view input) {
  std::array<Origin, 2> origins;
  for (Origin& origin : origins) {
    origin.prefix = asInputText(takeText(input));
    origin.identifier = asInputText(takeText(input));
  }
  const auto& [first, second] = origins;

  const std::optional<std::string> one = checkLimitKey(first);
  const std::optional<std::string> other = checkLimitKey(second);
  if (one && other) {
    require((*one == *other) == (first == second), "no two identifiers share a counter");
    const std::string block = key::forBlock(first.prefix, InputText{first.identifier});
    const std::string next = key::forBlock(second.prefix, InputText{second.identifier});
    require((block == next) == (first == second), "no two identifiers share a block");
    require(block != *other && next != *one, "a block is nobody's counter");
  }

  checkUserKey(first.identifier);
  checkSessionKey(first.identifier);
  const std::optional<key::CacheKey> cached = checkCacheKey(first.identifier);
  const std::optional<key::CacheKey> next = checkCacheKey(second.identifier);
  if (cached && next) {
    require(sameEntry(*cached, *next) == (first.identifier == second.identifier), "no two keys share a cache entry");
  }
  // The likeliest to be taken for another: a key that is spelt like a shortened one.
  if (cached && cached->text != first.identifier) {
    const std::optional<key::CacheKey> twin = checkCacheKey(cached->text);
    require(twin && !sameEntry(*cached, *twin), "a shortened key is not the key that is spelt like it");
  }
}

}  // namespace codex::fuzzing
