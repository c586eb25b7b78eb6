#include "wasm/json/general-reader.h"

#include <nlohmann/json.hpp>
#include <utility>

namespace codex::json {
namespace {

/// Event by event (SAX), since building a document costs twice as much and, compiled without exceptions, its accessors end
/// the program where the text is not what they hoped for.
class FieldReader final : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit FieldReader(std::span<const Field> wanted) : wanted_(wanted) {}

  bool null() override { return scalar(); }
  bool boolean(bool) override { return scalar(); }
  bool number_integer(number_integer_t value) override { return number(value, value >= -kMaxExactInteger); }
  bool number_unsigned(number_unsigned_t value) override {
    const bool exact = value <= static_cast<number_unsigned_t>(kMaxExactInteger);
    return number(exact ? static_cast<std::int64_t>(value) : 0, exact);
  }
  bool number_float(number_float_t value, const string_t&) override {
    const bool exact = value >= -9e15 && value <= 9e15 && value == static_cast<double>(static_cast<std::int64_t>(value));
    return number(exact ? static_cast<std::int64_t>(value) : 0, exact);
  }
  bool string(string_t& value) override {
    if (current_ != nullptr && current_->text != nullptr) *current_->text = std::move(value);
    return scalar();
  }
  bool binary(binary_t&) override { return scalar(); }

  bool key(string_t& name) override {
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
  bool start_object(std::size_t) override { return open(); }
  bool end_object() override { return close(); }
  // An array at the top is no object, and there is nothing to read in it.
  bool start_array(std::size_t) override { return depth_ != 0 && open(); }
  bool end_array() override { return close(); }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override { return false; }

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

}  // namespace

bool readFieldsOfAnyJson(std::string_view text, std::span<const Field> wanted) {
  FieldReader reader(wanted);
  return nlohmann::json::sax_parse(text, &reader);
}

}  // namespace codex::json
