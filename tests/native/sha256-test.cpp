#include "wasm/kv/sha256.h"

#include <gtest/gtest.h>

#include <string>

namespace codex {
namespace {

std::string hex(const Digest& digest) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const std::uint8_t byte : digest) {
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

std::string patterned(std::size_t length) {
  std::string bytes;
  for (std::size_t i = 0; i < length; ++i) bytes += static_cast<char>((i * 7 + length) & 255);
  return bytes;
}

// FIPS 180-2, appendix B, and the NIST example of 896 bits.
TEST(Sha256, HashesTheVectorsOfTheStandard) {
  EXPECT_EQ(hex(sha256("")), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(hex(sha256("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(hex(sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(hex(sha256("abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrs"
                       "mnopqrstnopqrstu")),
            "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1");
  EXPECT_EQ(hex(sha256(std::string(1'000'000, 'a'))), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

// The hash of the 300 digests was computed with Python's hashlib.
TEST(Sha256, HashesEveryLengthAcrossBlockBoundaries) {
  Sha256 all;
  for (std::size_t length = 0; length < 300; ++length) {
    const Digest digest = sha256(patterned(length));
    for (const std::uint8_t byte : digest) {
      const char piece = static_cast<char>(byte);
      all.update({&piece, 1});
    }
  }
  EXPECT_EQ(hex(all.finish()), "d5238871a46ac4a1a75ac3fb19d645b0b3b9e5f35f5f720e2b240d605c6b694e");
}

TEST(Sha256, DoesNotMindWhereTheTextIsCut) {
  for (const std::size_t length : {0U, 1U, 55U, 56U, 63U, 64U, 65U, 119U, 120U, 128U, 193U}) {
    const std::string whole = patterned(length);
    const Digest expected = sha256(whole);
    for (std::size_t first = 0; first <= length; ++first) {
      for (std::size_t second = first; second <= length; second += length > 100 ? 7 : 1) {
        Sha256 hash;
        hash.update(whole.substr(0, first));
        hash.update(whole.substr(first, second - first));
        hash.update(whole.substr(second));
        ASSERT_EQ(hash.finish(), expected) << length << " cut at " << first << " and " << second;
      }
    }
  }
}

TEST(Sha256, IsWrittenInBase64Url) {
  EXPECT_EQ(base64url(sha256("abc")), "ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0");
  EXPECT_EQ(base64url(sha256("")), "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU");
  EXPECT_EQ(base64url(sha256("abc"), 22), "ungWv48Bz-pBQUDeXa4iI7");
  EXPECT_EQ(base64url(sha256("abc"), 0), "");
}

}  // namespace
}  // namespace codex
