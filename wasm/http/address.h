#pragma once

#include <array>
#include <string_view>

#include "wasm/error.h"

// The form of an IP address that names a client: one text for everything that one client can call itself, and never the
// same text for two. No allocation: texts of at most 64 bytes come in, and the form goes into an array of the caller's.
namespace codex::address {

/// Leading bits of an IPv6 address that name a network. Made by `ipv6Prefix` only, so it is always in range.
struct Ipv6Prefix {
  int bits;
};

/// Checks a prefix: a whole number from 1 to 128. Errors: InvalidConfig.
Result<Ipv6Prefix> ipv6Prefix(double bits);

/// Holds every form: eight groups of four digits, seven colons, `/127`.
using Buffer = std::array<char, 43>;

/// The form of an address, in `buffer`; empty for what is no address.
///
/// | address | form |
/// |---|---|
/// | IPv4, four decimal numbers without leading zeros | itself |
/// | IPv4 within IPv6: `::ffff:0:0/96`, NAT64's `64:ff9b::/96` (RFC 6052), 6to4's `2002::/16` (RFC 3056) | the IPv4 address |
/// | any other IPv6 (RFC 4291, 2.2), a zone after `%` left out | its network, as `2001:db8:1:2::/64`; RFC 5952 text |
/// | the same, under a prefix of 128 | the address, as RFC 5952 has it, without a suffix |
///
/// The form is its own form under the same prefix; no other text with a `/` is taken for an address. Brackets, ports and
/// white space are no part of one. NAT64's local prefix, `64:ff9b:1::/48` (RFC 8215), is a network like any other: where
/// its IPv4 addresses stand is for each of its users to choose.
std::string_view normalize(std::string_view text, Ipv6Prefix prefix, Buffer& buffer);

}  // namespace codex::address
