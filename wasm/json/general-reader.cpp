#include "wasm/json/general-reader.h"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "wasm/json/general-lexer.h"

namespace codex::json {
namespace {

/// Token by token, since building a document costs twice as much and, compiled without exceptions, its accessors end the program
/// where the text is not what they hoped for. The library's own parser would bring an exception for each mistake, which nobody
/// looks at.
class ObjectReader {
 public:
  ObjectReader(std::string_view text, std::span<const Field> wanted)
      : lexer_(nlohmann::detail::input_adapter(text.data(), text.data() + text.size())), wanted_(wanted) {}

  /// Whether the text is an object.
  bool read() {
    if (next() != Token::begin_object) return false;
    while (true) {
      // A value begins here.
      if (token_ == Token::begin_object || token_ == Token::begin_array) {
        current_ = nullptr;
        ends_.push_back(token_ == Token::begin_object ? kEndOfObject : kEndOfArray);
        if (!ends(next())) {
          if (ends_.back() == kEndOfObject && !name()) return false;
          continue;
        }
      } else {
        if (!scalar()) return false;
        next();
      }
      for (; ends(token_); next()) {
        ends_.pop_back();
        if (ends_.empty()) return next() == Token::end_of_input;
      }
      if (token_ != Token::value_separator) return false;
      next();
      if (ends_.back() == kEndOfObject && !name()) return false;
    }
  }

 private:
  using Lexer = nlohmann::detail::lexer<Json, Input>;
  using Token = Lexer::token_type;

  static constexpr char kEndOfObject = static_cast<char>(Token::end_object);
  static constexpr char kEndOfArray = static_cast<char>(Token::end_array);

  Token next() { return token_ = lexer_.scan(); }

  /// Whether this is the end of the innermost object or array.
  bool ends(Token token) const { return static_cast<char>(token) == ends_.back(); }

  /// A name with its colon, up to the value.
  bool name() {
    if (token_ != Token::value_string) return false;
    if (ends_.size() == 1) find(lexer_.get_string());
    if (next() != Token::name_separator) return false;
    next();
    return true;
  }

  /// Looks for a name of the outermost object among the wanted.
  void find(std::string_view name) {
    for (const Field& field : wanted_) {
      if (field.name != name) continue;
      current_ = &field;
      if (field.number != nullptr) field.number->reset();
      if (field.text != nullptr) field.text->reset();
    }
  }

  bool scalar() {
    const Field* const field = std::exchange(current_, nullptr);
    switch (token_) {
      case Token::value_float: {
        const double value = lexer_.get_number_float();
        constexpr auto kMost = static_cast<double>(kMaxExactInteger);
        const bool exact = std::abs(value) <= kMost && std::trunc(value) == value;
        if (exact && field != nullptr && field->number != nullptr) *field->number = static_cast<std::int64_t>(value);
        return std::isfinite(value);
      }
      case Token::value_string:
        if (field != nullptr && field->text != nullptr) *field->text = std::move(lexer_.get_string());
        return true;
      case Token::literal_true:
      case Token::literal_false:
      case Token::literal_null:
        return true;
      default:
        return false;
    }
  }

  Lexer lexer_;
  std::span<const Field> wanted_;
  const Field* current_ = nullptr;
  Token token_ = Token::uninitialized;
  std::string ends_;  // what ends each object and array that is open, outermost first
};

}  // namespace

bool readFieldsOfAnyJson(std::string_view text, std::span<const Field> wanted) { return ObjectReader(text, wanted).read(); }

}  // namespace codex::json
