#include "wasm/json/general-reader.h"

#include <cmath>
#include <cstdint>
#include <string>
#include <utility>

#include "wasm/json/general-lexer.h"

namespace codex::json {
namespace {

/// Event by event (SAX), since building a document costs twice as much and, compiled without exceptions, its accessors end
/// the program where the text is not what they hoped for.
class FieldReader final {
 public:
  explicit FieldReader(std::span<const Field> wanted) : wanted_(wanted) {}

  bool null() { return scalar(); }
  bool boolean(bool) { return scalar(); }
  // The lexer tells every number as one that may have a fraction.
  bool number_integer(std::int64_t) { return false; }
  bool number_unsigned(std::uint64_t) { return false; }
  bool number_float(double value, const std::string&) {
    constexpr auto kMost = static_cast<double>(kMaxExactInteger);
    const bool exact = value >= -kMost && value <= kMost && std::trunc(value) == value;
    if (exact && current_ != nullptr && current_->number != nullptr) *current_->number = static_cast<std::int64_t>(value);
    return scalar();
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

}  // namespace
}  // namespace codex::json

// Nobody looks at what is wrong with a text, and where.
namespace nlohmann::detail {

template <>
std::string parser<Json, Input>::exception_message(token_type, const std::string&) {
  return {};
}

template <>
parse_error parse_error::create(int id, const position_t& position, const std::string&, std::nullptr_t) {
  return {id, position.chars_read_total, ""};
}

template <>
out_of_range out_of_range::create(int id, const std::string&, std::nullptr_t) {
  return {id, ""};
}

}  // namespace nlohmann::detail

namespace codex::json {

bool readFieldsOfAnyJson(std::string_view text, std::span<const Field> wanted) {
  FieldReader reader(wanted);
  return Json::sax_parse(text.data(), text.data() + text.size(), &reader);
}

}  // namespace codex::json
