#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace codex::bench {

/// Which objects are asked for, in order. The same on every run.
using Trace = std::vector<std::uint32_t>;

/// Independent requests, the object of rank r with a probability proportional to 1 / r^skew.
Trace zipf(double skew, std::uint32_t objects, std::size_t requests);

/// Zipf, interrupted after every `between` requests by a scan of `length` objects that nobody asks for again.
Trace scanned(double skew, std::uint32_t objects, std::size_t requests, std::size_t between, std::size_t length);

/// Zipf, and before each of its requests one for an object that is asked for twice, `apart` requests in between, and never
/// again: these are what LRU is made for.
Trace paired(double skew, std::uint32_t objects, std::size_t requests, std::size_t apart);

/// The size of an object's payload: 200 to 8,000 bytes, all orders of magnitude alike.
std::uint64_t payloadBytes(std::uint32_t object);

}  // namespace codex::bench
