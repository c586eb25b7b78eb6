#include "wasm/http/address.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "tests/native/choices.h"

namespace codex::address {
namespace {

using codex::testing::Choices;
using codex::testing::inRandomWays;
using namespace std::string_view_literals;

/// The form, or "" for what is no address.
std::string formOf(std::string_view text, int prefix = 64) {
  Buffer buffer;
  return std::string(normalize(text, *ipv6Prefix(prefix), buffer));
}

TEST(Address, LeavesIpv4AsItIs) {
  for (const char* const text : {"0.0.0.0", "1.2.3.4", "10.20.30.40", "127.0.0.1", "255.255.255.255", "203.0.113.7"}) {
    EXPECT_EQ(formOf(text), text);
    EXPECT_EQ(formOf(text, 128), text);
    EXPECT_EQ(formOf(text, 1), text);
  }
}

TEST(Address, RefusesIpv4ThatIsNotFourDecimalNumbers) {
  for (const char* const text : {"1.2.3",
                                 "1.2.3.4.5",
                                 "1.2.3.",
                                 ".1.2.3",
                                 "1..2.3",
                                 "1.2.3.256",
                                 "1.2.3.1000",
                                 "01.2.3.4",
                                 "1.2.3.04",
                                 "1.2.3.00",
                                 "00.0.0.0",
                                 "0x1.2.3.4",
                                 "0x7f000001",
                                 "017.1.1.1",
                                 "1",
                                 "2130706433",
                                 "1.2",
                                 "127.1",
                                 "1.2.3.4 ",
                                 " 1.2.3.4",
                                 "1.2.3.4\n",
                                 "1.2.3.4:80",
                                 "1.2.3.4/8",
                                 "1.2.3.4/32",
                                 "1.2.3.4%1",
                                 "-1.2.3.4",
                                 "+1.2.3.4",
                                 "1.2.3.4e0",
                                 "1.2.3.a",
                                 "1,2,3,4",
                                 "[1.2.3.4]",
                                 "1.2.3.-4",
                                 "1.2.3.٤",
                                 "１.2.3.4",
                                 "1.2.3.4, 5.6.7.8",
                                 "999.1.1.1",
                                 "4294967296.1.1.1",
                                 "1.2.3.4294967297"}) {
    EXPECT_EQ(formOf(text), "") << text;
  }
}

TEST(Address, CutsIpv6ToItsNetwork) {
  EXPECT_EQ(formOf("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::/64");
  EXPECT_EQ(formOf("2001:db8::1"), "2001:db8::/64");
  EXPECT_EQ(formOf("::1"), "::/64");
  EXPECT_EQ(formOf("::"), "::/64");
  EXPECT_EQ(formOf("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"), "ffff:ffff:ffff:ffff::/64");
  EXPECT_EQ(formOf("0:0:0:1:0:0:0:0"), "0:0:0:1::/64") << "the longer run of zeros";
  EXPECT_EQ(formOf("2a06:98c0:3600::103"), "2a06:98c0:3600::/64") << "every Worker of another zone";
}

TEST(Address, CutsWhereThePrefixSays) {
  constexpr std::string_view kFull = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff";
  EXPECT_EQ(formOf(kFull, 1), "8000::/1");
  EXPECT_EQ(formOf(kFull, 15), "fffe::/15");
  EXPECT_EQ(formOf(kFull, 16), "ffff::/16");
  EXPECT_EQ(formOf(kFull, 17), "ffff:8000::/17");
  EXPECT_EQ(formOf(kFull, 48), "ffff:ffff:ffff::/48");
  EXPECT_EQ(formOf(kFull, 56), "ffff:ffff:ffff:ff00::/56");
  EXPECT_EQ(formOf(kFull, 127), "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe/127") << "the longest form";
  EXPECT_EQ(formOf(kFull, 128), kFull) << "an address has no suffix";
  EXPECT_EQ(formOf("2001:db8:1:2:3:4:5:6", 49), "2001:db8:1::/49");
  EXPECT_EQ(formOf("2001:db8:1:8000::", 49), "2001:db8:1:8000::/49");
}

/// RFC 5952, 4: one text for every way to write an address.
TEST(Address, WritesIpv6AsRfc5952Does) {
  const std::vector<std::pair<const char*, const char*>> table = {
      {"2001:0DB8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},
      {"2001:db8::1:0:0:1", "2001:db8::1:0:0:1"},
      {"2001:DB8:0:0:1::1", "2001:db8::1:0:0:1"},
      {"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},
      {"2001:db8::1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},
      {"2001:0:0:1:0:0:0:1", "2001:0:0:1::1"},
      {"1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"},
      {"::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"},
      {"0:0:0:0:0:0:0:0", "::"},
      {"0000:0000:0000:0000:0000:0000:0000:0001", "::1"},
      {"1::", "1::"},
      {"1:0:0:2:3:0:0:4", "1::2:3:0:0:4"},
      {"FE80::A:B", "fe80::a:b"},
      {"::1.2.3.4", "::102:304"},
      {"1:2:3:4:5:6:255.254.1.0", "1:2:3:4:5:6:fffe:100"},
      {"1::5:0.0.0.1", "1::5:0:1"},
  };
  for (const auto& [text, form] : table) EXPECT_EQ(formOf(text, 128), form) << text;
}

TEST(Address, TakesOutTheIpv4AddressWithin) {
  for (const int prefix : {1, 64, 128}) {
    EXPECT_EQ(formOf("::ffff:203.0.113.7", prefix), "203.0.113.7");
    EXPECT_EQ(formOf("::FFFF:cb00:7107", prefix), "203.0.113.7");
    EXPECT_EQ(formOf("0:0:0:0:0:ffff:203.0.113.7", prefix), "203.0.113.7");
    EXPECT_EQ(formOf("::ffff:203.0.113.7%eth0", prefix), "203.0.113.7");
    EXPECT_EQ(formOf("64:ff9b::203.0.113.7", prefix), "203.0.113.7");
    EXPECT_EQ(formOf("64:ff9b::cb00:7107", prefix), "203.0.113.7");
    EXPECT_EQ(formOf("2002:cb00:7107::1", prefix), "203.0.113.7");
    EXPECT_EQ(formOf("2002:cb00:7107:a:b:c:d:e", prefix), "203.0.113.7");
    EXPECT_EQ(formOf("::ffff:0:0", prefix), "0.0.0.0");
    EXPECT_EQ(formOf("2002::", prefix), "0.0.0.0");
  }
}

TEST(Address, TakesNoIpv4AddressOutOfWhatOnlyLooksLikeIt) {
  EXPECT_EQ(formOf("::203.0.113.7"), "::/64") << "IPv4-compatible, deprecated by RFC 4291, 2.5.5.1";
  EXPECT_EQ(formOf("::ffff:0:203.0.113.7"), "::/64") << "IPv4-translated, RFC 2765";
  EXPECT_EQ(formOf("::fffe:203.0.113.7"), "::/64");
  EXPECT_EQ(formOf("::1:ffff:203.0.113.7"), "::/64");
  EXPECT_EQ(formOf("64:ff9b:1::203.0.113.7"), "64:ff9b:1::/64") << "local use, RFC 8215";
  EXPECT_EQ(formOf("64:ff9b::1:203.0.113.7"), "64:ff9b::/64");
  EXPECT_EQ(formOf("2003:cb00:7107::1"), "2003:cb00:7107::/64");
  EXPECT_EQ(formOf("2001:0:cb00:7107::1"), "2001:0:cb00:7107::/64") << "Teredo";
}

TEST(Address, DropsTheZone) {
  for (const char* const text : {"fe80::1%eth0", "fe80::1%1", "fe80::1%en-0.5", "fe80::1%25eth0", "fe80::1%a%b"}) {
    EXPECT_EQ(formOf(text), "fe80::/64") << text;
    EXPECT_EQ(formOf(text, 128), "fe80::1") << text;
  }
  for (const std::string_view text :
       {"fe80::1%"sv, "%eth0"sv, "fe80::1%eth 0"sv, "fe80::1% "sv, "fe80::1%\0"sv, "fe80::1%\x7f"sv, "fe80::1%\xC3\xA9"sv,
        "fe80::1%eth0/64"sv, "fe80::%eth0/64"sv, "fe80::/64%eth0"sv}) {
    EXPECT_EQ(formOf(text), "") << text;
  }
}

TEST(Address, RefusesWhatIsNoIpv6Address) {
  for (const std::string_view text : {""sv,
                                      ":"sv,
                                      ":::"sv,
                                      "::::"sv,
                                      "1"sv,
                                      "1:"sv,
                                      ":1"sv,
                                      "1::2::3"sv,
                                      "1:::2"sv,
                                      "::1:"sv,
                                      ":1::"sv,
                                      "1:2:3:4:5:6:7"sv,
                                      "1:2:3:4:5:6:7:"sv,
                                      "1:2:3:4:5:6:7:8:"sv,
                                      "1:2:3:4:5:6:7:8:9"sv,
                                      "1:2:3:4::5:6:7:8"sv,
                                      "::1:2:3:4:5:6:7:8"sv,
                                      "1:2:3:4:5:6:7:8::"sv,
                                      "12345::"sv,
                                      "00001::"sv,
                                      "g::"sv,
                                      "::g"sv,
                                      "1.2.3.4::"sv,
                                      "::1.2.3.4:5"sv,
                                      "::1.2.3"sv,
                                      "::1.2.3.256"sv,
                                      "::01.2.3.4"sv,
                                      "1:2:3:4:5:6:7:1.2.3.4"sv,
                                      "1:2:3:4:5:1.2.3.4"sv,
                                      "::1:2:3:4:5:6:7:1.2.3.4"sv,
                                      "[::1]"sv,
                                      "[::1]:80"sv,
                                      "::1]"sv,
                                      " ::1"sv,
                                      "::1 "sv,
                                      "::1\n"sv,
                                      "::1\0"sv,
                                      "\0::1"sv,
                                      "::-1"sv,
                                      "::+1"sv,
                                      "::0x1"sv,
                                      "2001:db8::1,2001:db8::2"sv,
                                      "2001:db8::1, 1.2.3.4"sv,
                                      "::ffff:1.2.3.4:80"sv,
                                      "http://[::1]/"sv,
                                      "localhost"sv,
                                      "unknown"sv,
                                      "_hidden"sv,
                                      "\xEF\xBB\xBF::1"sv,
                                      "：：1"sv}) {
    EXPECT_EQ(formOf(text), "") << text;
  }
}

TEST(Address, RefusesWhatIsLongerThanAnyAddress) {
  EXPECT_EQ(formOf("fe80::1%" + std::string(56, 'z')), "fe80::/64");
  EXPECT_EQ(formOf("fe80::1%" + std::string(57, 'z')), "");
  EXPECT_EQ(formOf(std::string(100'000, ':')), "");
  EXPECT_EQ(formOf(std::string(100'000, '1')), "");
  EXPECT_EQ(formOf("1.2.3." + std::string(100'000, '4')), "");
}

TEST(Address, KnowsItsOwnNetworksAndNoOthers) {
  EXPECT_EQ(formOf("2001:db8:1:2::/64"), "2001:db8:1:2::/64");
  EXPECT_EQ(formOf("2001:db8:1::/48", 48), "2001:db8:1::/48");
  EXPECT_EQ(formOf("2002::/15", 15), "2002::/15") << "the network of 2003::";
  EXPECT_EQ(formOf("64:ff9b::/64"), "64:ff9b::/64") << "the network of 64:ff9b::1:0:0:0";
  EXPECT_EQ(formOf("::/64"), "::/64");
  for (const char* const text : {"2001:db8::/48", "2001:db8::/65", "2001:db8::1/64", "2001:db8::/064", "2001:db8::/64 ",
                                 "2001:db8::/", "2001:db8::/64/64", "/64", "2001:db8::/-64", "2001:db8::/6", "2001:db8::/640",
                                 "2002:102:304::/64", "2002::/64", "::ffff:1.2.3.4/64"}) {
    EXPECT_EQ(formOf(text), "") << text;
  }
  EXPECT_EQ(formOf("2002::/16", 16), "") << "6to4 has the names of IPv4";
  EXPECT_EQ(formOf("64:ff9b::/96", 96), "");
  EXPECT_EQ(formOf("::ffff:0:0/96", 96), "");
  EXPECT_EQ(formOf("::1/128", 128), "");
  EXPECT_EQ(formOf("::1/::1", 128), "");
}

TEST(Address, RefusesPrefixesOutOfRange) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  for (const double bits : {0.0, -0.0, -1.0, 0.5, 64.5, 128.5, 129.0, 1e9, 4294967297.0, kInfinity, -kInfinity, std::nan("")}) {
    const Result<Ipv6Prefix> prefix = ipv6Prefix(bits);
    ASSERT_FALSE(prefix) << bits;
    EXPECT_EQ(prefix.error().code, ErrorCode::InvalidConfig);
  }
  EXPECT_EQ(ipv6Prefix(1)->bits, 1);
  EXPECT_EQ(ipv6Prefix(128)->bits, 128);
}

// From here on against the C library, which knows the same addresses in ways of its own.

using Bytes = std::array<std::uint8_t, 16>;

std::optional<Bytes> bytesOf(const std::string& text) {
  Bytes bytes;
  if (inet_pton(AF_INET6, text.c_str(), bytes.data()) != 1) return std::nullopt;
  return bytes;
}

bool begins(const Bytes& bytes, std::initializer_list<int> with) {
  return std::equal(with.begin(), with.end(), bytes.begin(), [](int wanted, std::uint8_t byte) { return wanted == byte; });
}

/// The four bytes of the IPv4 address within, if there is one.
const std::uint8_t* ipv4Within(const Bytes& bytes) {
  if (begins(bytes, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff})) return &bytes[12];
  if (begins(bytes, {0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0})) return &bytes[12];
  if (begins(bytes, {0x20, 0x02})) return &bytes[2];
  return nullptr;
}

bool bit(const Bytes& bytes, std::size_t index) { return (bytes[index / 8] >> (7 - index % 8) & 1) != 0; }

/// What the form should be, without a line of the code under test.
std::string expected(const std::string& text, int prefix) {
  char written[INET6_ADDRSTRLEN];
  in_addr quad;
  if (inet_pton(AF_INET, text.c_str(), &quad) == 1) return inet_ntop(AF_INET, &quad, written, sizeof written);
  std::optional<Bytes> bytes = bytesOf(text);
  if (!bytes) return "";
  if (const std::uint8_t* const within = ipv4Within(*bytes)) return inet_ntop(AF_INET, within, written, sizeof written);
  for (std::size_t index = static_cast<std::size_t>(prefix); index < 128; ++index) {
    (*bytes)[index / 8] &= static_cast<std::uint8_t>(~(0x80U >> index % 8));
  }
  std::string form = inet_ntop(AF_INET6, bytes->data(), written, sizeof written);
  // The C library writes what is left of ::/96 as an IPv4 address, RFC 5952 does not.
  if (form.find('.') != std::string::npos) {
    const auto group = [&](std::size_t at) { return (*bytes)[at] * 256U + (*bytes)[at + 1]; };
    std::snprintf(written, sizeof written, "::%x:%x", group(12), group(14));
    form = written;
  }
  return prefix == 128 ? form : form + '/' + std::to_string(prefix);
}

Bytes someAddress(Choices& choices) {
  constexpr std::uint16_t kGroups[] = {0, 0, 0, 0, 1, 0xffff, 0x64, 0xff9b, 0x2002, 0x2001, 0xdb8, 0xa, 0xf00};
  Bytes bytes;
  for (std::size_t at = 0; at < 16; at += 2) {
    const std::size_t chosen = choices.among(std::size(kGroups) + 2);
    const std::size_t group = chosen < std::size(kGroups) ? kGroups[chosen] : choices.among(0x10000);
    bytes[at] = static_cast<std::uint8_t>(group >> 8);
    bytes[at + 1] = static_cast<std::uint8_t>(group);
  }
  const std::size_t range = choices.among(6);
  if (range == 0) std::copy_n(bytesOf("::ffff:0:0")->begin(), 12, bytes.begin());
  if (range == 1) std::copy_n(bytesOf("64:ff9b::")->begin(), 12, bytes.begin());
  if (range == 2) std::copy_n(bytesOf("2002::")->begin(), 2, bytes.begin());
  return bytes;
}

/// One of the ways to write it: either case, leading zeros, `::` or none, the last 32 bits as IPv4.
std::string someText(Choices& choices, const Bytes& bytes) {
  const std::size_t groups = choices.among(3) == 0 ? 6 : 8;
  const auto group = [&](std::size_t index) { return bytes[2 * index] * 256U + bytes[2 * index + 1]; };
  std::size_t from = choices.among(groups);
  std::size_t to = from;
  if (choices.among(4) > 0) {
    while (to < groups && group(to) == 0) ++to;
  }
  std::string text;
  char piece[INET6_ADDRSTRLEN];
  for (std::size_t index = 0; index < groups; ++index) {
    if (index == from && to > from) {
      text += index == 0 ? "::" : ":";
      index = to - 1;
      continue;
    }
    const int width = static_cast<int>(1 + choices.among(4));
    std::snprintf(piece, sizeof piece, "%0*x", width, group(index));
    if (choices.among(2) == 0)
      std::ranges::transform(piece, piece, [](char c) { return c >= 'a' && c <= 'f' ? static_cast<char>(c - 32) : c; });
    text += piece;
    if (index + 1 < groups) text += ':';
  }
  if (groups == 6) {
    if (!text.ends_with(':')) text += ':';
    text += inet_ntop(AF_INET, &bytes[12], piece, sizeof piece);
  }
  return text;
}

int somePrefix(Choices& choices) {
  constexpr int kUsual[] = {64, 64, 128, 48, 56, 16, 15, 96, 1};
  const std::size_t chosen = choices.among(std::size(kUsual) + 4);
  return chosen < std::size(kUsual) ? kUsual[chosen] : static_cast<int>(1 + choices.among(128));
}

TEST(Address, ReadsWhatTheCLibraryReads) {
  inRandomWays(50'000, [](Choices& choices) {
    const Bytes bytes = someAddress(choices);
    const std::string text = someText(choices, bytes);
    ASSERT_EQ(bytesOf(text), bytes) << text;
    const int prefix = somePrefix(choices);
    EXPECT_EQ(formOf(text, prefix), expected(text, prefix)) << text;
    EXPECT_EQ(formOf(text + "%eth0", prefix), expected(text, prefix)) << text;
  });
}

TEST(Address, RefusesWhatTheCLibraryRefuses) {
  std::size_t addresses = 0;
  std::size_t others = 0;
  inRandomWays(100'000, [&](Choices& choices) {
    std::string text = choices.among(4) == 0 ? "203.0.113.70" : someText(choices, someAddress(choices));
    for (std::size_t changes = 1 + choices.among(3); changes > 0 && !text.empty(); --changes) {
      constexpr std::string_view kCharacters = "0123456789abcdefABCDEF::::....gG xX[]-+,_\n\t\x7f\x80\xFF";
      const std::size_t at = choices.among(text.size());
      const char character = kCharacters[choices.among(kCharacters.size())];
      switch (choices.among(3)) {
        case 0:
          text.erase(at, 1 + choices.among(3));
          break;
        case 1:
          text.insert(at, 1, character);
          break;
        default:
          text[at] = character;
      }
    }
    const int prefix = somePrefix(choices);
    EXPECT_EQ(formOf(text, prefix), expected(text, prefix)) << text;
    ++(expected(text, prefix).empty() ? others : addresses);
  });
  EXPECT_GT(addresses, 10'000U);
  EXPECT_GT(others, 10'000U);
}

TEST(Address, IsItsOwnForm) {
  inRandomWays(50'000, [](Choices& choices) {
    const std::string text = someText(choices, someAddress(choices));
    const int prefix = somePrefix(choices);
    const std::string form = formOf(text, prefix);
    ASSERT_NE(form, "") << text;
    EXPECT_EQ(formOf(form, prefix), form) << text;
  });
}

TEST(Address, HasOneFormForANetworkAndNoneForTwo) {
  std::size_t same = 0;
  inRandomWays(100'000, [&](Choices& choices) {
    const std::size_t prefix = static_cast<std::size_t>(somePrefix(choices));
    const Bytes one = someAddress(choices);
    Bytes other = one;
    // Near the edge of the network mostly, where a bit more or less decides.
    for (std::size_t flips = choices.among(3); flips > 0; --flips) {
      const std::size_t near = prefix + choices.among(4);
      const std::size_t index = choices.among(2) == 0 ? std::clamp<std::size_t>(near, 2, 129) - 2 : choices.among(128);
      other[index / 8] ^= static_cast<std::uint8_t>(0x80U >> index % 8);
    }
    const std::uint8_t* const within = ipv4Within(one);
    const std::uint8_t* const otherWithin = ipv4Within(other);
    bool together = within != nullptr && otherWithin != nullptr && std::equal(within, within + 4, otherWithin);
    if (within == nullptr && otherWithin == nullptr) {
      together = true;
      for (std::size_t index = 0; index < prefix; ++index) together = together && bit(one, index) == bit(other, index);
    }
    const std::string text = someText(choices, one);
    const std::string otherText = someText(choices, other);
    const int bits = static_cast<int>(prefix);
    EXPECT_EQ(formOf(text, bits) == formOf(otherText, bits), together) << text << " " << otherText << " /" << bits;
    if (together) ++same;
  });
  EXPECT_GT(same, 20'000U);
  EXPECT_LT(same, 80'000U);
}

TEST(Address, IsNothingButAFormWhateverTheBytes) {
  inRandomWays(100'000, [](Choices& choices) {
    std::string text;
    constexpr std::string_view kCharacters = "0123456789afAF::::....%/64 []\0\xFF"sv;
    for (std::size_t length = choices.among(70); length > 0; --length) text += kCharacters[choices.among(kCharacters.size())];
    const int prefix = somePrefix(choices);
    const std::string form = formOf(text, prefix);
    if (form.empty()) return;
    EXPECT_EQ(formOf(form, prefix), form) << text;
    EXPECT_EQ(form.find_first_not_of("0123456789abcdef:./"), std::string::npos) << text;
  });
}

}  // namespace
}  // namespace codex::address
