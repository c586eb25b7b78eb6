#pragma once

#include <span>
#include <string_view>

#include "wasm/json/fields.h"

namespace codex::json {

/// `readFields` for any JSON text, with nlohmann/json. Kept out of its callers: seldom run, and compiled for size.
[[gnu::noinline, gnu::cold]] bool readFieldsOfAnyJson(std::string_view text, std::span<const Field> wanted);

}  // namespace codex::json
