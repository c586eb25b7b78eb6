#pragma once

#include <cstddef>

#include "wasm/time.h"

// What Workers KV accepts, each with where it is documented or enforced.
namespace codex::kv {

/// UTF-8 bytes of a key. developers.cloudflare.com/kv/platform/limits; workerd `src/workerd/api/kv.c++`, kMaxKeyLength.
inline constexpr std::size_t kMaxKeyBytes = 512;

/// Bytes of a value, 25 MiB. developers.cloudflare.com/kv/platform/limits.
inline constexpr std::size_t kMaxValueBytes = 26'214'400;

/// Bytes of metadata as serialised JSON. developers.cloudflare.com/kv/platform/limits.
inline constexpr std::size_t kMaxMetadataBytes = 1024;

/// The shortest `expirationTtl`. developers.cloudflare.com/kv/api/write-key-value-pairs.
inline constexpr Seconds kMinTtl{60};

/// The longest `expirationTtl`: an int32 in workerd `src/workerd/api/kv.h`, PutOptions.
inline constexpr Seconds kMaxTtl{2'147'483'647};

/// The shortest `cacheTtl` of a read. developers.cloudflare.com/kv/api/read-key-value-pairs.
inline constexpr Seconds kMinCacheTtl{30};

}  // namespace codex::kv
