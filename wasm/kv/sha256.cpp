#include "wasm/kv/sha256.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace codex {
namespace {

using Constants = std::array<std::uint32_t, 64>;

/// The first 32 bits of the fractions of the cube roots of the first 64 primes (FIPS 180-4, 4.2.2). Worked out at run time, since
/// nothing compresses them.
Constants roundConstants() {
  Constants constants;
  std::size_t count = 0;
  for (int number = 2; count < constants.size(); ++number) {
    int divisor = 2;
    while (number % divisor != 0) ++divisor;
    if (divisor < number) continue;
    // Newton's method, from above: the largest of the primes, 311, takes nine steps to the last bit.
    double root = 8;
    for (int step = 0; step < 12; ++step) root -= (root * root * root - number) / (3 * root * root);
    constants[count++] = static_cast<std::uint32_t>(static_cast<std::uint64_t>(root * 4'294'967'296.0));
  }
  return constants;
}

std::uint32_t bigEndian32(const std::uint8_t* bytes) {
  return (std::uint32_t{bytes[0]} << 24) | (std::uint32_t{bytes[1]} << 16) | (std::uint32_t{bytes[2]} << 8) | bytes[3];
}

}  // namespace

void Sha256::compress(const std::uint8_t* block) {
  std::array<std::uint32_t, 64> w;
  for (std::size_t i = 0; i < 16; ++i) w[i] = bigEndian32(block + 4 * i);
  for (std::size_t i = 16; i < 64; ++i) {
    const std::uint32_t s0 = std::rotr(w[i - 15], 7) ^ std::rotr(w[i - 15], 18) ^ (w[i - 15] >> 3);
    const std::uint32_t s1 = std::rotr(w[i - 2], 17) ^ std::rotr(w[i - 2], 19) ^ (w[i - 2] >> 10);
    w[i] = w[i - 16] + s0 + w[i - 7] + s1;
  }
  static const Constants kRoundConstants = roundConstants();
  auto [a, b, c, d, e, f, g, h] = state_;
  for (std::size_t i = 0; i < 64; ++i) {
    const std::uint32_t s1 = std::rotr(e, 6) ^ std::rotr(e, 11) ^ std::rotr(e, 25);
    const std::uint32_t t1 = h + s1 + ((e & f) ^ (~e & g)) + kRoundConstants[i] + w[i];
    const std::uint32_t s0 = std::rotr(a, 2) ^ std::rotr(a, 13) ^ std::rotr(a, 22);
    const std::uint32_t t2 = s0 + ((a & b) ^ (a & c) ^ (b & c));
    h = g;
    g = f;
    f = e;
    e = d + t1;
    d = c;
    c = b;
    b = a;
    a = t1 + t2;
  }
  const std::array<std::uint32_t, 8> mixed = {a, b, c, d, e, f, g, h};
  for (std::size_t i = 0; i < 8; ++i) state_[i] += mixed[i];
}

void Sha256::update(std::string_view bytes) {
  length_ += bytes.size();
  while (!bytes.empty()) {
    const std::size_t taken = std::min(bytes.size(), block_.size() - pending_);
    std::memcpy(block_.data() + pending_, bytes.data(), taken);
    bytes.remove_prefix(taken);
    pending_ += taken;
    if (pending_ == block_.size()) {
      compress(block_.data());
      pending_ = 0;
    }
  }
}

Digest Sha256::finish() {
  block_[pending_++] = 0x80;
  if (pending_ > 56) {
    std::fill(block_.begin() + static_cast<std::ptrdiff_t>(pending_), block_.end(), std::uint8_t{0});
    compress(block_.data());
    pending_ = 0;
  }
  std::fill(block_.begin() + static_cast<std::ptrdiff_t>(pending_), block_.begin() + 56, std::uint8_t{0});
  const std::uint64_t bits = length_ * 8;
  for (std::size_t i = 0; i < 8; ++i) block_[56 + i] = static_cast<std::uint8_t>(bits >> (56 - 8 * i));
  compress(block_.data());

  Digest digest;
  for (std::size_t i = 0; i < 32; ++i) digest[i] = static_cast<std::uint8_t>(state_[i / 4] >> (24 - 8 * (i % 4)));
  return digest;
}

Digest sha256(std::string_view bytes) {
  Sha256 hash;
  hash.update(bytes);
  return hash.finish();
}

std::string base64url(const Digest& digest, std::size_t characters) {
  constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::string text;
  text.reserve(characters);
  std::uint32_t bits = 0;
  std::uint32_t held = 0;
  for (std::size_t i = 0; text.size() < characters; ++i) {
    bits = (bits << 8) | (i < digest.size() ? digest[i] : 0U);
    for (held += 8; held >= 6 && text.size() < characters; held -= 6) text += kAlphabet[(bits >> (held - 6)) & 63];
  }
  return text;
}

}  // namespace codex
