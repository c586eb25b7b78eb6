#include "wasm/json/fields.h"

#include <array>
#include <cstddef>
#include <cstdint>

#include "wasm/json/general-reader.h"

namespace codex::json {
namespace {

bool takePrefix(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

/// A whole number of at most 15 digits, which any double holds, and which needs no check for overflow digit by digit.
bool takeNumber(std::string_view& text, std::optional<std::int64_t>& number) {
  constexpr std::size_t kMaxDigits = 15;
  std::size_t digits = 0;
  std::int64_t value = 0;
  // One digit more than will do is read, so that a longer number is known for one.
  for (; digits < text.size() && digits <= kMaxDigits && text[digits] >= '0' && text[digits] <= '9'; ++digits) {
    value = value * 10 + (text[digits] - '0');
  }
  const bool leadingZero = digits > 1 && text.front() == '0';
  if (digits == 0 || digits > kMaxDigits || leadingZero) return false;
  number = value;
  text.remove_prefix(digits);
  return true;
}

/// The form in which this library writes its own records: exactly the wanted numbers, in order, without white space. It is
/// what nearly every read finds, and costs a fraction of the general reader.
bool readPlainNumbers(std::string_view text, std::span<const Field> wanted) {
  char before = '{';
  for (const Field& field : wanted) {
    if (field.number == nullptr) break;
    if (text.empty() || text.front() != before) return false;
    text.remove_prefix(1);
    before = ',';
    if (!takePrefix(text, "\"") || !takePrefix(text, field.name) || !takePrefix(text, "\":")) return false;
    if (!takeNumber(text, *field.number)) return false;
  }
  return text == "}";
}

}  // namespace

bool readFields(std::string_view text, std::span<const Field> wanted) {
  return readPlainNumbers(text, wanted) || readFieldsOfAnyJson(text, wanted);
}

void appendNumber(std::string& text, std::int64_t number) {
  std::array<char, 20> digits;  // the longest, -9223372036854775808
  char* const end = digits.data() + digits.size();
  char* begin = end;
  const auto put = [&begin](std::uint32_t part) {
    do {
      *--begin = static_cast<char>('0' + part % 10);
      part /= 10;
    } while (part != 0);
  };
  // In parts of 32 bits: dividing 64-bit numbers digit by digit is what `std::to_chars` spends its time on.
  constexpr std::uint32_t kPart = 1'000'000'000;
  constexpr std::ptrdiff_t kPartDigits = 9;
  auto rest = static_cast<std::uint64_t>(number);
  if (number < 0) rest = -rest;
  while (rest >= kPart) {
    char* const partEnd = begin;
    put(static_cast<std::uint32_t>(rest % kPart));
    while (partEnd - begin < kPartDigits) *--begin = '0';
    rest /= kPart;
  }
  put(static_cast<std::uint32_t>(rest));
  if (number < 0) *--begin = '-';
  text.append(begin, end);
}

}  // namespace codex::json
