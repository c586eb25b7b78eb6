// The memory tier beside a plain LRU of the same bytes: hit ratios on traces, and nanoseconds an operation. JSON to stdout.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

#include "bench/native/lru.h"
#include "bench/native/traces.h"
#include "wasm/memory/tier.h"

namespace codex::bench {
namespace {

constexpr Instant kNow{Millis{1'767'225'600'000}};
constexpr Millis kAge{10'000};
constexpr std::uint64_t kMiB = 1024 * 1024;

std::string keyOf(std::uint32_t object) { return "content:published:" + std::to_string(object); }

TierKey inTier(std::string_view key) { return {0, Maker::Cache, key}; }

/// The tier as a cache that is asked and filled, with nothing expiring.
class TierCache {
 public:
  explicit TierCache(std::uint64_t bound) : tier_({1, 2}) { tier_.raiseBound(bound); }

  bool find(std::string_view key) { return tier_.find(inTier(key), kNow, kAge).has_value(); }
  void put(std::string_view key, std::uint64_t payloadBytes) {
    tier_.put(inTier(key), {tier_.stamp(), kLatest}, {kLatest, {}}, payloadBytes, kNow);
    tier_.drained();
  }

 private:
  Tier tier_;
};

/// The share of requests that hit, after a first third that fills the cache.
template <class Cache>
double hitRatio(Cache cache, const Trace& trace) {
  const std::size_t counted = trace.size() / 3;
  std::size_t hits = 0;
  for (std::size_t i = 0; i < trace.size(); ++i) {
    const std::string key = keyOf(trace[i]);
    const bool hit = cache.find(key);
    if (!hit) cache.put(key, payloadBytes(trace[i]));
    hits += hit && i >= counted;
  }
  return static_cast<double>(hits) / static_cast<double>(trace.size() - counted);
}

void printRatios() {
  constexpr std::uint32_t kObjects = 100'000;
  constexpr std::size_t kRequests = 3'000'000;
  const struct {
    const char* name;
    Trace trace;
  } traces[] = {
      {"Zipf 0.9", zipf(0.9, kObjects, kRequests)},
      {"Zipf 1.0", zipf(1.0, kObjects, kRequests)},
      {"Zipf 0.9, a fifth scans", scanned(0.9, kObjects, kRequests, 40'000, 10'000)},
      {"Zipf 0.9, half asked twice", paired(0.9, kObjects, kRequests, 4'000)},
  };
  const char* separator = "";
  for (const auto& [name, trace] : traces) {
    for (const std::uint64_t bound : {1 * kMiB, 8 * kMiB, 32 * kMiB}) {
      const double lru = hitRatio(Lru(bound, Tier::kEntryOverhead), trace);
      const double tier = hitRatio<TierCache>(TierCache(bound), trace);
      std::printf(R"(%s{"trace":"%s","mib":%u,"lru":%.5f,"tier":%.5f})", separator, name, static_cast<unsigned>(bound / kMiB),
                  lru, tier);
      separator = ",";
    }
  }
}

template <class Operation>
double nanoseconds(std::size_t times, Operation operation) {
  const auto began = std::chrono::steady_clock::now();
  for (std::size_t i = 0; i < times; ++i) operation(i);
  const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - began;
  return took.count() / static_cast<double>(times);
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

/// Both sides take turns, so that what slows one down slows the other.
template <class Operation>
void printTimes(const char* separator, const char* name, std::uint64_t bound, std::size_t filled, Operation operation) {
  constexpr std::size_t kRounds = 31;
  constexpr std::size_t kTimes = 20'000;
  Lru lru(bound, Tier::kEntryOverhead);
  TierCache tier(bound);
  for (std::uint32_t object = 0; object < filled; ++object) {
    lru.put(keyOf(object), 960);
    tier.put(keyOf(object), 960);
  }
  std::vector<double> lruTimes;
  std::vector<double> tierTimes;
  for (std::size_t round = 0; round < kRounds; ++round) {
    std::vector<std::string> keys;
    for (std::size_t i = 0; i < kTimes; ++i) keys.push_back(keyOf(operation.object(round * kTimes + i)));
    lruTimes.push_back(nanoseconds(kTimes, [&](std::size_t i) { operation(lru, keys[i]); }));
    tierTimes.push_back(nanoseconds(kTimes, [&](std::size_t i) { operation(tier, keys[i]); }));
  }
  std::printf(R"(%s{"operation":"%s","lru":%.1f,"tier":%.1f})", separator, name, median(lruTimes), median(tierTimes));
}

constexpr std::uint32_t kFilled = 5'000;

struct Hit {
  std::uint32_t object(std::size_t i) const { return static_cast<std::uint32_t>(i * 7919 % kFilled); }
  void operator()(auto& cache, std::string_view key) const { cache.find(key); }
};
struct Miss {
  std::uint32_t object(std::size_t i) const { return static_cast<std::uint32_t>(kFilled + i); }
  void operator()(auto& cache, std::string_view key) const { cache.find(key); }
};
struct Replace : Hit {
  void operator()(auto& cache, std::string_view key) const { cache.put(key, 960); }
};
struct Evict : Miss {
  void operator()(auto& cache, std::string_view key) const { cache.put(key, 960); }
};

void printAllTimes() {
  printTimes("", "hit", 8 * kMiB, kFilled, Hit{});
  printTimes(",", "miss", 8 * kMiB, kFilled, Miss{});
  printTimes(",", "put, known key", 8 * kMiB, kFilled, Replace{});
  printTimes(",", "put, new key, evicting", 4 * kMiB, kFilled, Evict{});
}

}  // namespace
}  // namespace codex::bench

int main() {
  std::printf(R"({"ratios":[)");
  codex::bench::printRatios();
  std::printf(R"(],"times":[)");
  codex::bench::printAllTimes();
  std::printf("]}\n");
}
