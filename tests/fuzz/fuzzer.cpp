#include "tests/fuzz/fuzzer.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "tests/native/utf8.h"

namespace codex::fuzzing {
namespace {

enum class Surrogate { None, High, Low };

Surrogate surrogateAt(std::string_view bytes) {
  const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(bytes[at]); };
  if (bytes.size() < 3 || byte(0) != 0xED || byte(1) < 0xA0 || byte(1) > 0xBF || byte(2) < 0x80 || byte(2) > 0xBF) {
    return Surrogate::None;
  }
  return byte(1) < 0xB0 ? Surrogate::High : Surrogate::Low;
}

/// How many bytes the well-formed character at the start has; 0 where there is none.
std::size_t characterLength(std::string_view bytes) {
  if (static_cast<unsigned char>(bytes.front()) < 0x80) return 1;
  for (std::size_t length = 2; length <= std::min<std::size_t>(4, bytes.size()); ++length) {
    if (testing::isUtf8(bytes.substr(0, length))) return length;
  }
  return 0;
}

}  // namespace

void require(bool holds, std::string_view property) {
  if (holds) return;
  std::fprintf(stderr, "\nDoes not hold: %.*s\n", static_cast<int>(property.size()), property.data());
  std::abort();
}

std::string_view takeText(std::string_view& input) {
  const std::size_t end = std::min(input.find('|'), input.size());
  const std::string_view text = input.substr(0, end);
  input.remove_prefix(std::min(end + 1, input.size()));
  return text;
}

std::string asInputText(std::string_view bytes) {
  std::string text;
  bool afterHigh = false;
  while (!bytes.empty()) {
    const Surrogate surrogate = surrogateAt(bytes);
    const std::size_t length = surrogate == Surrogate::None ? characterLength(bytes) : 3;
    if (length == 0) {
      const auto code = static_cast<unsigned char>(bytes.front());  // 0x80 or above: everything below is a character
      text += static_cast<char>(0xC0 | (code >> 6));
      text += static_cast<char>(0x80 | (code & 0x3F));
    } else if (!(afterHigh && surrogate == Surrogate::Low)) {  // two that meet are one character, and not these six bytes
      text += bytes.substr(0, length);
    }
    afterHigh = surrogate == Surrogate::High;
    bytes.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return text;
}

}  // namespace codex::fuzzing

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  codex::fuzzing::check({reinterpret_cast<const char*>(data), size});
  return 0;
}
