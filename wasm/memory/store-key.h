#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <string>

#include "wasm/memory/siphash.h"

namespace codex {

/// Names a KV namespace within this instance. Given out by the host, one for each binding it has seen.
using StoreId = std::uint32_t;

/// A key of one namespace, for what the isolate remembers: two namespaces never share an entry.
struct StoreKey {
  StoreId store;
  std::string text;

  bool operator==(const StoreKey&) const = default;
};

struct StoreKeyHash {
  HashSeed seed;
  std::size_t operator()(const StoreKey& key) const {
    return static_cast<std::size_t>(siphash({seed.low ^ key.store, seed.high}, key.text));
  }
};

}  // namespace codex
