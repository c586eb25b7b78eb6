#include "wasm/json/general-reader.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

namespace codex::json {
namespace {

/// There is no document, so nothing is converted to one.
template <class, class>
struct NoConversion {};

/// The library's reader as a type of our own, so that what is specialised below is specialised for nobody else.
using Json = nlohmann::basic_json<std::map, std::vector, std::string, bool, std::int64_t, std::uint64_t, double, std::allocator,
                                  NoConversion>;
using Input = decltype(nlohmann::detail::input_adapter(std::declval<const char*>(), std::declval<const char*>()));

/// Event by event (SAX), since building a document costs twice as much and, compiled without exceptions, its accessors end
/// the program where the text is not what they hoped for.
class FieldReader final {
 public:
  explicit FieldReader(std::span<const Field> wanted) : wanted_(wanted) {}

  bool null() { return scalar(); }
  bool boolean(bool) { return scalar(); }
  bool number_integer(std::int64_t value) { return number(value, value >= -kMaxExactInteger); }
  bool number_unsigned(std::uint64_t value) {
    const bool exact = value <= static_cast<std::uint64_t>(kMaxExactInteger);
    return number(exact ? static_cast<std::int64_t>(value) : 0, exact);
  }
  bool number_float(double value, const std::string&) {
    const bool exact = value >= -9e15 && value <= 9e15 && value == static_cast<double>(static_cast<std::int64_t>(value));
    return number(exact ? static_cast<std::int64_t>(value) : 0, exact);
  }
  bool string(std::string& value) {
    if (current_ != nullptr && current_->text != nullptr) *current_->text = std::move(value);
    return scalar();
  }
  bool binary(Json::binary_t&) { return scalar(); }

  bool key(std::string& name) {
    if (depth_ != 1) return true;
    current_ = nullptr;
    for (const Field& field : wanted_) {
      if (field.name != name) continue;
      current_ = &field;
      if (field.number != nullptr) field.number->reset();
      if (field.text != nullptr) field.text->reset();
    }
    return true;
  }
  bool start_object(std::size_t) { return open(); }
  bool end_object() { return close(); }
  // An array at the top is no object, and there is nothing to read in it.
  bool start_array(std::size_t) { return depth_ != 0 && open(); }
  bool end_array() { return close(); }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) { return false; }

 private:
  bool number(std::int64_t value, bool exact) {
    if (exact && current_ != nullptr && current_->number != nullptr) *current_->number = value;
    return scalar();
  }
  bool scalar() {
    current_ = nullptr;
    return depth_ != 0;
  }
  bool open() {
    current_ = nullptr;
    ++depth_;
    return true;
  }
  bool close() {
    --depth_;
    return true;
  }

  std::span<const Field> wanted_;
  const Field* current_ = nullptr;
  std::size_t depth_ = 0;
};

/// What a number written with a fraction or an exponent comes to: exactly that where it is whole and below 2^53, which is all
/// that is wanted; something fractional where it is not whole; and infinity where no double holds it.
double valueIfWhole(const char* text) {
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

}  // namespace
}  // namespace codex::json

// What of the library is not wanted here, and weighs more than what is: the C library's conversion of any decimal to the
// nearest double, its locale and its `snprintf`, and messages that say where a text is wrong.
namespace nlohmann::detail {

using codex::json::Input;
using codex::json::Json;

template <>
[[gnu::nonnull]] void lexer<Json, Input>::strtof(double& number, const char* text, char** end) noexcept {
  number = codex::json::valueIfWhole(text);
  *end = const_cast<char*>(text) + std::strlen(text);  // all of it, which the library asserts
}

template <>
char lexer<Json, Input>::get_decimal_point() noexcept {
  return '.';
}

template <>
std::string lexer<Json, Input>::get_token_string() const {
  return {};
}

template <>
std::string parser<Json, Input>::exception_message(token_type, const std::string&) {
  return {};
}

template <>
parse_error parse_error::create(int id, const position_t& position, const std::string&, std::nullptr_t) {
  return {id, position.chars_read_total, ""};
}

}  // namespace nlohmann::detail

namespace codex::json {

bool readFieldsOfAnyJson(std::string_view text, std::span<const Field> wanted) {
  FieldReader reader(wanted);
  return Json::sax_parse(text.data(), text.data() + text.size(), &reader);
}

}  // namespace codex::json
