#include "bench/native/traces.h"

#include <algorithm>
#include <cmath>
#include <random>

namespace codex::bench {
namespace {

constexpr std::uint64_t kSeed = 20'260'101;

/// Numbers from 0 to 1 that are the same with every standard library, which its distributions are not.
class Uniform {
 public:
  double operator()() { return static_cast<double>(random_() >> 11) / 9'007'199'254'740'992.0; }

 private:
  std::mt19937_64 random_{kSeed};
};

class ZipfRanks {
 public:
  ZipfRanks(double skew, std::uint32_t objects) {
    double sum = 0;
    for (std::uint32_t rank = 1; rank <= objects; ++rank) cumulated_.push_back(sum += std::pow(rank, -skew));
  }
  std::uint32_t operator()() {
    const auto at = std::upper_bound(cumulated_.begin(), cumulated_.end(), uniform_() * cumulated_.back());
    return static_cast<std::uint32_t>(std::min(at, cumulated_.end() - 1) - cumulated_.begin());
  }

 private:
  Uniform uniform_;
  std::vector<double> cumulated_;
};

}  // namespace

Trace zipf(double skew, std::uint32_t objects, std::size_t requests) {
  ZipfRanks ranks(skew, objects);
  Trace trace(requests);
  std::generate(trace.begin(), trace.end(), ranks);
  return trace;
}

Trace scanned(double skew, std::uint32_t objects, std::size_t requests, std::size_t between, std::size_t length) {
  ZipfRanks ranks(skew, objects);
  Trace trace;
  std::uint32_t unseen = objects;
  while (trace.size() < requests) {
    for (std::size_t i = 0; i < between; ++i) trace.push_back(ranks());
    for (std::size_t i = 0; i < length; ++i) trace.push_back(unseen++);
  }
  return trace;
}

Trace paired(double skew, std::uint32_t objects, std::size_t requests, std::size_t apart) {
  ZipfRanks ranks(skew, objects);
  Trace trace;
  // Two requests for a pair and two of Zipf's for each new object.
  const auto behind = static_cast<std::uint32_t>(apart / 4);
  for (std::uint32_t object = objects + behind; trace.size() < requests; ++object) {
    for (const std::uint32_t one : {object, object - behind}) {
      trace.push_back(one);
      trace.push_back(ranks());
    }
  }
  return trace;
}

std::uint64_t payloadBytes(std::uint32_t object) {
  // Fibonacci hashing: neighbours in popularity have unlike sizes.
  const double share = static_cast<double>(object * 2'654'435'769U) / 4'294'967'296.0;
  return static_cast<std::uint64_t>(200.0 * std::pow(40.0, share));
}

}  // namespace codex::bench
