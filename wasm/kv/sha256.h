#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace codex {

using Digest = std::array<std::uint8_t, 32>;

/// SHA-256 (FIPS 180-4) over bytes that may come in pieces. Here because WebCrypto's is asynchronous and the libraries that
/// have it are larger than the rest of this module.
class Sha256 {
 public:
  void update(std::string_view bytes);
  /// Ends the computation; the object is spent.
  Digest finish();

 private:
  void compress(const std::uint8_t* block);

  std::array<std::uint32_t, 8> state_ = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                         0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  std::array<std::uint8_t, 64> block_ = {};
  std::size_t pending_ = 0;
  std::uint64_t length_ = 0;
};

Digest sha256(std::string_view bytes);

/// The first `characters` (at most 43) of the digest in base64url (RFC 4648, 5) without padding.
std::string base64url(const Digest& digest, std::size_t characters = 43);

}  // namespace codex
