#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "tests/fuzz/fuzzer.h"
#include "wasm/http/address.h"

// The input is `prefix|address`. The C library reads the same addresses; what it must have read is worked out here on bits.
namespace codex::fuzzing {
namespace {

using Bytes = std::array<std::uint8_t, 16>;

constexpr int kIpv6Bits = 128;
constexpr Bytes kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};  // ::ffff:0:0/96
constexpr Bytes kNat64 = {0, 0x64, 0xFF, 0x9B};                        // 64:ff9b::/96
constexpr Bytes kSixToFour = {0x20, 0x02};                             // 2002::/16

std::string form(std::string_view text, address::Ipv6Prefix prefix) {
  address::Buffer buffer;
  const std::string_view form = address::normalize(text, prefix, buffer);
  const bool within = form.empty() || (form.data() == buffer.data() && form.size() <= buffer.size());
  require(within, "the form of an address stands in the caller's array");
  return std::string(form);
}

bool sameBits(const Bytes& one, const Bytes& other, std::size_t bytes) {
  return std::equal(one.begin(), one.begin() + static_cast<std::ptrdiff_t>(bytes), other.begin());
}

/// What the C library reads, an IPv4 address as the IPv6 address it is mapped to.
std::optional<Bytes> read(const std::string& text) {
  if (text.find('\0') != std::string::npos) return std::nullopt;
  Bytes bytes = {};
  if (inet_pton(AF_INET6, text.c_str(), bytes.data()) == 1) return bytes;
  bytes = kMapped;
  if (inet_pton(AF_INET, text.c_str(), bytes.data() + 12) == 1) return bytes;
  return std::nullopt;
}

/// Where an IPv4 address stands in an IPv6 one.
std::optional<std::size_t> ipv4Within(const Bytes& bytes) {
  if (sameBits(bytes, kMapped, 12) || sameBits(bytes, kNat64, 12)) return 12;
  if (sameBits(bytes, kSixToFour, 2)) return 2;
  return std::nullopt;
}

Bytes networkOf(Bytes bytes, int bits) {
  for (int bit = bits; bit < kIpv6Bits; ++bit) {
    bytes[static_cast<std::size_t>(bit / 8)] &= static_cast<std::uint8_t>(~(0x80U >> (bit % 8)));
  }
  return bytes;
}

/// The form of an address without a zone or a prefix of its own.
void requireForm(const std::string& form, const Bytes& bytes, int bits) {
  if (const std::optional<std::size_t> at = ipv4Within(bytes)) {
    std::array<char, INET_ADDRSTRLEN> spelt = {};
    inet_ntop(AF_INET, bytes.data() + *at, spelt.data(), spelt.size());
    require(form == spelt.data(), "an IPv4 address within IPv6 has the form of the IPv4 address");
    return;
  }
  const std::string suffix = bits == kIpv6Bits ? "" : "/" + std::to_string(bits);
  require(form.ends_with(suffix), "the form of a network says how long it is");
  const Bytes network = networkOf(bytes, bits);
  const std::string address = form.substr(0, form.size() - suffix.size());
  require(read(address) == network, "the form of an address is its network");
  std::array<char, INET6_ADDRSTRLEN> spelt = {};
  inet_ntop(AF_INET6, network.data(), spelt.data(), spelt.size());
  // It still writes ::1.2.3.4, as RFC 4291 had it before RFC 5952.
  const bool dotted = std::string_view(spelt.data()).find('.') != std::string_view::npos;
  require(dotted || address == spelt.data(), "a form is spelt as RFC 5952 has it");
}

address::Ipv6Prefix takePrefix(std::string_view& input) {
  const std::string_view digits = takeText(input);
  int bits = 64;
  std::from_chars(digits.data(), digits.data() + digits.size(), bits);
  const Result<address::Ipv6Prefix> prefix = address::ipv6Prefix(bits);
  require(prefix.has_value() == (bits >= 1 && bits <= kIpv6Bits), "a prefix has 1 to 128 bits");
  return prefix.value_or(address::Ipv6Prefix{64});
}

}  // namespace

void check(std::string_view input) {
  const address::Ipv6Prefix prefix = takePrefix(input);
  const std::string text(input);
  const std::string made = form(text, prefix);
  if (const std::optional<Bytes> bytes = read(text)) {
    require(!made.empty(), "what the C library takes for an address is one");
    requireForm(made, *bytes, prefix.bits);
    require(form(text + "%eth0", prefix) == (text.find(':') == std::string::npos ? "" : made), "a zone names no other client");
  } else if (const std::size_t end = text.find_first_of("%/"); end == std::string::npos) {
    require(made.empty(), "what the C library does not take for an address is none");
  } else if (!made.empty()) {
    const std::string before = text.substr(0, end);
    require(before.find(':') != std::string::npos, "only an IPv6 address has a zone or a prefix");
    if (text[end] == '%') require(made == form(before, prefix), "a zone changes nothing");
    if (text[end] == '/') require(read(before) == read(made.substr(0, made.find('/'))), "a network is taken for itself");
  }
  if (made.empty()) return;
  require(form(made, prefix) == made, "a form is its own form");
}

}  // namespace codex::fuzzing
