#pragma once

#include <string_view>

namespace codex::testing {

/// Whether the bytes are well-formed UTF-8 (Unicode, table 3-7).
bool isUtf8(std::string_view bytes);

}  // namespace codex::testing
