#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "wasm/kv/sha256.h"

namespace codex {

/// Text from outside. The bytes are UTF-8, except that a lone surrogate keeps its identity as the three bytes it would have
/// (WTF-8), so that different strings stay different. Text too long to enter whole is its first bytes and its digest.
struct InputText {
  std::string_view head = {};
  std::optional<Digest> digestOfWhole = {};

  bool whole() const { return !digestOfWhole.has_value(); }
  Digest digest() const { return digestOfWhole ? *digestOfWhole : sha256(head); }
};

/// Whether two texts are the same to the last byte.
inline bool sameText(const InputText& one, const InputText& other) {
  return one.head == other.head && one.digestOfWhole == other.digestOfWhole;
}

/// Whether the bytes hold a surrogate, which UTF-8 forbids and KV cannot carry.
inline bool hasLoneSurrogate(std::string_view wtf8) {
  for (std::size_t at = wtf8.find('\xED'); at != std::string_view::npos; at = wtf8.find('\xED', at + 1)) {
    if (at + 1 < wtf8.size() && static_cast<unsigned char>(wtf8[at + 1]) >= 0xA0) return true;
  }
  return false;
}

/// The longest prefix of at most `bytes` bytes that does not cut a character in two.
inline std::string_view cutAtCharacter(std::string_view text, std::size_t bytes) {
  if (text.size() <= bytes) return text;
  while (bytes > 0 && (static_cast<unsigned char>(text[bytes]) & 0xC0) == 0x80) --bytes;
  return text.substr(0, bytes);
}

}  // namespace codex
