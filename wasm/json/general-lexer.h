#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

// The lexer of nlohmann/json as a type of our own, so that what is specialised here is specialised for nobody else. What is
// replaced weighs more than all the rest of the library that is wanted: the text read so far, the C library's conversions, its locale
// and its `snprintf`.

namespace codex::json {

/// There is no document, so nothing is converted to one.
template <class, class>
struct NoConversion {};

using Json = nlohmann::basic_json<std::map, std::vector, std::string, bool, std::int64_t, std::uint64_t, double, std::allocator,
                                  NoConversion>;
using Input = decltype(nlohmann::detail::input_adapter(std::declval<const char*>(), std::declval<const char*>()));

/// What a number comes to: exactly that where it is whole and below 2^53, which is all that is wanted; something fractional
/// where it is not whole; and infinity where no double holds it. `text` is a number as JSON writes it.
inline double valueIfWhole(const char* text) {
  constexpr std::uint64_t kFull = 100'000'000'000'000'000;
  constexpr int kLargestExponent = 9'999;
  constexpr double kFractional = 0.5;

  const bool negative = *text == '-';
  if (negative) ++text;
  std::uint64_t digits = 0;
  int exponent = 0;
  for (bool point = false; *text != '\0' && *text != 'e' && *text != 'E'; ++text) {
    if (*text == '.') {
      point = true;
    } else if (digits < kFull) {
      digits = digits * 10 + static_cast<std::uint64_t>(*text - '0');
      if (point) --exponent;
    } else if (*text != '0') {
      return kFractional;  // or far above 2^53
    } else if (!point) {
      ++exponent;
    }
  }
  if (*text != '\0') {
    ++text;
    const bool smaller = *text == '-';
    if (smaller || *text == '+') ++text;
    int written = 0;
    for (; *text != '\0'; ++text) written = std::min(written * 10 + (*text - '0'), kLargestExponent);
    exponent += smaller ? -written : written;
  }
  if (digits == 0) return 0;
  for (; exponent < 0; ++exponent) {
    if (digits % 10 != 0) return kFractional;
    digits /= 10;
  }
  auto value = static_cast<double>(digits);
  for (; exponent > 0 && value <= std::numeric_limits<double>::max(); --exponent) value *= 10;
  return negative ? -value : value;
}

}  // namespace codex::json

namespace nlohmann::detail {

using codex::json::Input;
using codex::json::Json;

template <>
inline char lexer<Json, Input>::get_decimal_point() noexcept {
  return '.';
}

template <>
inline int lexer<Json, Input>::get() {
  ++position.chars_read_total;
  if (!std::exchange(next_unget, false)) current = ia.get_character();
  return current;
}

template <>
inline void lexer<Json, Input>::unget() {
  --position.chars_read_total;
  next_unget = true;
}

template <>
inline void lexer<Json, Input>::reset() noexcept {
  token_buffer.clear();
}

/// RFC 8259, 7: what is escaped, and well-formed UTF-8 (Unicode 16, table 3-7).
template <>
inline auto lexer<Json, Input>::scan_string() -> token_type {
  constexpr std::string_view kEscaped = R"("\/bfnrt)";
  constexpr std::string_view kMeant = "\"\\/\b\f\n\r\t";
  for (reset(); get() != '"';) {
    if (current < ' ') return token_type::parse_error;  // a control character, or the end
    if (current != '\\') {
      const int lead = current;
      add(lead);
      if (lead < 0x80) continue;
      if (lead < 0xC2 || lead > 0xF4) return token_type::parse_error;
      int least = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
      int most = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
      for (int more = lead < 0xE0 ? 1 : lead < 0xF0 ? 2 : 3; more > 0; --more) {
        if (get() < least || current > most) return token_type::parse_error;
        add(current);
        least = 0x80;
        most = 0xBF;
      }
    } else if (get() != 'u') {
      const std::size_t at = kEscaped.find(static_cast<char>(current));
      if (at == std::string_view::npos) return token_type::parse_error;
      add(kMeant[at]);
    } else {
      int point = get_codepoint();
      if (point >= 0xD800 && point < 0xDC00) {
        if (get() != '\\' || get() != 'u') return token_type::parse_error;
        const int low = get_codepoint() - 0xDC00;
        if (low < 0 || low >= 0x400) return token_type::parse_error;
        point = 0x10000 + ((point - 0xD800) << 10) + low;
      } else if (point < 0 || (point >= 0xDC00 && point < 0xE000)) {
        return token_type::parse_error;
      }
      if (point < 0x80) {
        add(point);
        continue;
      }
      int shift = point < 0x800 ? 6 : point < 0x10000 ? 12 : 18;
      add((0xF00 >> (shift / 6 + 1)) | (point >> shift));
      while (shift > 0) {
        shift -= 6;
        add(0x80 | ((point >> shift) & 0x3F));
      }
    }
  }
  return token_type::value_string;
}

/// RFC 8259, 6. Every number is told as one with a fraction may be.
template <>
inline auto lexer<Json, Input>::scan_number() -> token_type {
  const auto take = [this](bool wanted) {
    if (!wanted) return false;
    add(current);
    get();
    return true;
  };
  const auto takeDigit = [this, take] { return take(current >= '0' && current <= '9'); };
  const auto takeDigits = [takeDigit] {
    const bool any = takeDigit();
    while (takeDigit()) continue;
    return any;
  };
  reset();
  take(current == '-');
  bool valid = take(current == '0') || takeDigits();
  if (take(current == '.')) valid &= takeDigits();
  if (take(current == 'e' || current == 'E')) {
    take(current == '+' || current == '-');
    valid &= takeDigits();
  }
  if (!valid) return token_type::parse_error;
  unget();
  value_float = codex::json::valueIfWhole(token_buffer.c_str());
  return token_type::value_float;
}

/// RFC 8259, 2 and 3.
template <>
inline auto lexer<Json, Input>::scan() -> token_type {
  const auto literal = [this](std::string_view rest, token_type token) {
    for (const char wanted : rest) {
      if (get() != wanted) return token_type::parse_error;
    }
    return token;
  };
  if (position.chars_read_total == 0 && !skip_bom()) return token_type::parse_error;
  skip_whitespace();
  switch (current) {
    case '[':
      return token_type::begin_array;
    case ']':
      return token_type::end_array;
    case '{':
      return token_type::begin_object;
    case '}':
      return token_type::end_object;
    case ':':
      return token_type::name_separator;
    case ',':
      return token_type::value_separator;
    case '"':
      return scan_string();
    case 't':
      return literal("rue", token_type::literal_true);
    case 'f':
      return literal("alse", token_type::literal_false);
    case 'n':
      return literal("ull", token_type::literal_null);
    case '\0':
    case char_traits<char_type>::eof():
      return token_type::end_of_input;
    default:
      return scan_number();
  }
}

}  // namespace nlohmann::detail
