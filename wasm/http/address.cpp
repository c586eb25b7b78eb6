#include "wasm/http/address.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>

namespace codex::address {
namespace {

/// The longest address has 45 characters (RFC 4291, 2.2, with an IPv4 tail); the rest is for a zone.
constexpr std::size_t kMaxTextBytes = 64;
constexpr int kAddressBits = 128;
constexpr int kGroupBits = 16;
constexpr int kGroups = 8;

using Groups = std::array<std::uint16_t, kGroups>;

class Reader {
 public:
  explicit Reader(std::string_view text) : at_(text.data()), end_(at_ + text.size()) {}

  bool done() const { return at_ == end_; }
  bool sees(char expected) const { return !done() && *at_ == expected; }
  bool take(char expected) {
    if (!sees(expected)) return false;
    ++at_;
    return true;
  }

  /// The number that stands here, in 1 to `most` digits; -1, and nothing is taken, where there is none or a longer one.
  int number(int base, int most) {
    int value = 0;
    const char* next = at_;
    for (; next != end_; ++next) {
      const int digit = digitOf(*next);
      if (digit >= base) break;
      if (next - at_ == most) return -1;
      value = value * base + digit;
    }
    if (next == at_) return -1;
    at_ = next;
    return value;
  }

  /// Takes a zone: visible characters, any but the one that begins a prefix.
  bool zone() {
    const char* const begin = at_;
    while (!done() && *at_ > ' ' && *at_ < '\x7f' && *at_ != '/') ++at_;
    return at_ != begin;
  }

 private:
  static int digitOf(char character) {
    if (character >= '0' && character <= '9') return character - '0';
    const int lower = character | 0x20;
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : kNoDigit;
  }

  static constexpr int kNoDigit = 16;
  const char* at_;
  const char* end_;
};

/// Reads `1.2.3.4` into two groups.
bool readQuad(Reader& reader, std::uint16_t* groups) {
  for (int index = 0; index < 4; ++index) {
    if (index > 0 && !reader.take('.')) return false;
    // Some read a leading zero as octal, so such a text names two addresses: a zero stands alone.
    const int octet = reader.take('0') ? 0 : reader.number(10, 3);
    if (octet < 0 || octet > 255) return false;
    groups[index / 2] = static_cast<std::uint16_t>(groups[index / 2] << 8 | octet);
  }
  return true;
}

/// Reads an address into groups that are 0; an IPv4 address as the one that it is mapped to. What follows an IPv6 address is
/// left; nothing may follow an IPv4 address.
bool readAddress(Reader& reader, std::uint16_t* groups) {
  int count = 0;
  int gap = -1;  // where `::` stands
  bool groupMustFollow = true;
  if (reader.take(':')) {
    if (!reader.take(':')) return false;
    gap = 0;
    groupMustFollow = false;
  }
  while (count < kGroups) {
    const Reader before = reader;
    const int group = reader.number(16, 4);
    if (group < 0) break;
    if (reader.sees('.')) {
      reader = before;
      if (count == 0 && gap < 0) {
        groups[kGroups - 3] = 0xffff;
        return readQuad(reader, groups + kGroups - 2) && reader.done();
      }
      if (count > kGroups - 2 || !readQuad(reader, groups + count)) return false;
      count += 2;
      groupMustFollow = false;
      break;
    }
    groups[count++] = static_cast<std::uint16_t>(group);
    groupMustFollow = reader.take(':');
    if (!groupMustFollow) break;
    if (reader.take(':')) {
      if (gap >= 0) return false;
      gap = count;
      groupMustFollow = false;
    }
  }
  if (groupMustFollow) return false;
  if (gap < 0) return count == kGroups;
  // A gap stands for one group of zeros at least.
  const int missing = kGroups - count;
  for (int index = kGroups - 1; index >= gap; --index) {
    const int from = index - missing;
    groups[index] = from < gap ? std::uint16_t{0} : groups[from];
  }
  return missing > 0;
}

/// The group at which an IPv4 address begins, right after the prefix that says so; 0 where there is none.
std::size_t ipv4In(const Groups& groups) {
  if (groups[0] == 0x2002) return 1;
  if ((groups[2] | groups[3] | groups[4]) != 0) return 0;
  const bool mapped = (groups[0] | groups[1]) == 0 && groups[5] == 0xffff;
  const bool translated = groups[0] == 0x64 && groups[1] == 0xff9b && groups[5] == 0;
  return mapped || translated ? 6 : 0;
}

class Writer {
 public:
  explicit Writer(Buffer& buffer) : begin_(buffer.data()), at_(begin_) {}

  std::string_view text() const { return {begin_, static_cast<std::size_t>(at_ - begin_)}; }
  void put(char character) { *at_++ = character; }

  void number(unsigned value, unsigned base) {
    if (value >= base) number(value / base, base);
    put("0123456789abcdef"[value % base]);
  }

  void ipv4(unsigned high, unsigned low) {
    for (const unsigned octet : {high >> 8, high & 0xff, low >> 8, low & 0xff}) {
      if (at_ != begin_) put('.');
      number(octet, 10);
    }
  }

  /// RFC 5952, 4: lower case, no leading zeros, `::` for the first of the longest runs of zeros that are more than one.
  void ipv6(const Groups& groups) {
    std::size_t gap = kGroups;
    std::size_t length = 1;
    for (std::size_t from = 0, to = 0; from < kGroups; from = ++to) {
      while (to < kGroups && groups[to] == 0) ++to;
      if (to - from <= length) continue;
      gap = from;
      length = to - from;
    }
    for (std::size_t index = 0; index < kGroups; ++index) {
      if (index > 0 || gap == 0) put(':');
      if (index == gap) {
        index += length - 1;
        if (index == kGroups - 1) put(':');
      } else {
        number(groups[index], 16);
      }
    }
  }

 private:
  char* begin_;
  char* at_;
};

}  // namespace

Result<Ipv6Prefix> ipv6Prefix(double bits) {
  if (bits >= 1 && bits <= kAddressBits && bits == std::floor(bits)) return Ipv6Prefix{static_cast<int>(bits)};
  return std::unexpected(Error{ErrorCode::InvalidConfig, "ipv6Prefix must be a whole number from 1 to 128", bits});
}

std::string_view normalize(std::string_view text, Ipv6Prefix prefix, Buffer& buffer) {
  if (text.size() > kMaxTextBytes) return {};
  Reader reader(text);
  Groups groups = {};
  if (!readAddress(reader, groups.data())) return {};
  const bool hasZone = reader.take('%');
  const bool isNetwork = !hasZone && reader.take('/');
  if (hasZone && !reader.zone()) return {};
  // Of networks only those that are written here: of this length, nothing set beyond it, and not among IPv4's addresses.
  if (isNetwork && (prefix.bits == kAddressBits || reader.sees('0') || reader.number(10, 3) != prefix.bits)) return {};
  if (!reader.done()) return {};

  Writer form(buffer);
  const std::size_t ipv4 = ipv4In(groups);
  if (ipv4 != 0 && (!isNetwork || prefix.bits >= static_cast<int>(ipv4) * kGroupBits)) {
    if (isNetwork) return {};
    form.ipv4(groups[ipv4], groups[ipv4 + 1]);
    return form.text();
  }
  int bits = prefix.bits;
  for (std::uint16_t& group : groups) {
    const unsigned beyond = 0xffffU >> std::clamp(bits, 0, kGroupBits);
    if (isNetwork && (group & beyond) != 0) return {};
    group = static_cast<std::uint16_t>(group & ~beyond);
    bits -= kGroupBits;
  }
  form.ipv6(groups);
  if (prefix.bits < kAddressBits) {
    form.put('/');
    form.number(static_cast<unsigned>(prefix.bits), 10);
  }
  return form.text();
}

}  // namespace codex::address
