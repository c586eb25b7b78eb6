#include "wasm/json/fields.h"

#include <gtest/gtest.h>

#include <array>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/native/choices.h"

namespace codex::json {
namespace {

using codex::testing::Choices;
using codex::testing::inRandomWays;
using namespace std::string_view_literals;

/// What an object was read as.
struct Read {
  bool object = false;
  std::optional<std::int64_t> count;
  std::optional<std::int64_t> resetAt;
  std::optional<std::string> name;

  bool operator==(const Read&) const = default;
};

/// Reads two numbers, the shape for which there is a fast path.
Read readNumbers(std::string_view text) {
  Read read;
  const std::array<Field, 2> wanted = {
      {{.name = "count", .number = &read.count}, {.name = "resetAt", .number = &read.resetAt}}};
  read.object = readFields(text, wanted);
  return read.object ? read : Read{};
}

/// Reads two numbers and a text.
Read readAll(std::string_view text) {
  Read read;
  const std::array<Field, 3> wanted = {{{.name = "count", .number = &read.count},
                                        {.name = "resetAt", .number = &read.resetAt},
                                        {.name = "name", .text = &read.name}}};
  read.object = readFields(text, wanted);
  return read.object ? read : Read{};
}

std::optional<std::int64_t> count(std::string_view text) { return readNumbers(text).count; }

TEST(Fields, AreReadFromOurOwnRecords) {
  EXPECT_EQ(readNumbers(R"({"count":4,"resetAt":1767225600000})"), (Read{true, 4, 1'767'225'600'000, {}}));
  EXPECT_EQ(readAll(R"({"count":4,"resetAt":5,"name":"n"})"), (Read{true, 4, 5, "n"}));
  EXPECT_EQ(readAll(R"({"count":4,"resetAt":5})"), (Read{true, 4, 5, {}}));
}

TEST(Fields, AreReadWhateverTheirOrderSpacingAndCompany) {
  const Read expected{true, 4, 5, {}};
  for (const char* const text :
       {R"({"resetAt":5,"count":4})", " {\t\"count\" : 4 ,\r\n \"resetAt\" : 5 } ",
        R"({"a":null,"count":4,"b":[{}],"resetAt":5,"c":{"d":true}})", R"({"\u0063\u006f\u0075\u006e\u0074":4,"resetAt":5})",
        R"({"count":4.0,"resetAt":0.5e1})", R"({"count":4,"resetAt":5,"":1})"}) {
    EXPECT_EQ(readNumbers(text), expected) << text;
  }
}

TEST(Fields, AreWhatStandsThereLast) {
  EXPECT_EQ(count(R"({"count":1,"count":2})"), 2);
  EXPECT_EQ(count(R"({"count":1,"count":"2"})"), std::nullopt);
  EXPECT_EQ(count(R"({"count":"1","count":2})"), 2);
  EXPECT_EQ(count(R"({"count":1,"count":null})"), std::nullopt);
  EXPECT_EQ(count(R"({"count":1,"count":{"count":3}})"), std::nullopt);
  EXPECT_EQ(readAll(R"({"name":"a","name":5})").name, std::nullopt);
  EXPECT_EQ(readAll(R"({"name":"a","name":"b"})").name, "b");
}

TEST(Fields, AreNotReadFromNestedValues) {
  EXPECT_EQ(count(R"({"a":{"count":1}})"), std::nullopt);
  EXPECT_EQ(count(R"({"a":[{"count":1}]})"), std::nullopt);
  EXPECT_EQ(count(R"({"count":[1]})"), std::nullopt);
  EXPECT_EQ(count(R"({"count":{"a":1},"b":2})"), std::nullopt);
  EXPECT_EQ(count(R"({"a":{"count":1},"count":2})"), 2);
  EXPECT_EQ(count(R"({"count":2,"a":{"count":1}})"), 2);
}

TEST(Fields, AreWholeNumbersThatADoubleHoldsExactly) {
  EXPECT_EQ(count(R"({"count":9007199254740991})"), 9'007'199'254'740'991);
  EXPECT_EQ(count(R"({"count":-9007199254740991})"), -9'007'199'254'740'991);
  EXPECT_EQ(count(R"({"count":-0})"), 0);
  for (const auto& [number, value] : std::vector<std::pair<const char*, std::int64_t>>{
           {"1e3", 1000},
           {"1E+3", 1000},
           {"0.1e1", 1},
           {"-2.50e1", -25},
           {"1000e-3", 1},
           {"0.0", 0},
           {"-0e-7", 0},
           {"0e99999999999999999999", 0},
           {"8999999999999999.0", 8'999'999'999'999'999},
           {"9007199254740991.0", 9'007'199'254'740'991},
           {"-900719925474099.1e1", -9'007'199'254'740'991},
           {"8999999999999999000000000e-9", 8'999'999'999'999'999},
           {"1.0000000000000000000000000000", 1},
           {"0.0000000000000000000000000001e28", 1},
           {"10000000000000000000000000000e-28", 1},
       }) {
    EXPECT_EQ(count(std::string(R"({"count":)") + number + "}"), value) << number;
  }
  for (const char* const number : {"9007199254740992", "-9007199254740992", "18446744073709551615", "9223372036854775808",
                                   "1.5", "1e17", "-1e300", "1e-5", "123456789012345678901234567890", "1.7e308",
                                   "1e-9999999999", "1.00000000000000000001", "9007199254740992.0", "0.5", "25e-1"}) {
    const Read read = readNumbers(std::string(R"({"count":)") + number + "}");
    EXPECT_TRUE(read.object) << number;
    EXPECT_EQ(read.count, std::nullopt) << number;
  }
}

TEST(Fields, AreNoneInWhatIsNoObject) {
  for (const char* const text : {"",
                                 " ",
                                 "null",
                                 "true",
                                 "5",
                                 "\"text\"",
                                 "[]",
                                 "[1]",
                                 R"([{"count":1}])",
                                 "{",
                                 "}",
                                 "{}}",
                                 "{]",
                                 "{,}",
                                 R"({"count"})",
                                 R"({"count":})",
                                 R"({"count":1,})",
                                 R"({count:1})",
                                 R"({'count':1})",
                                 R"({"count":1}x)",
                                 R"({"count":1}{"count":2})",
                                 R"({"count":01})",
                                 R"({"count":+1})",
                                 R"({"count":.5})",
                                 R"({"count":1.})",
                                 R"({"count":0x1})",
                                 R"({"count":1e999})",
                                 R"({"count":-1e309})",
                                 R"({"count":1e99999999999999999999})",
                                 R"({"count":NaN})",
                                 R"({"count":Infinity})",
                                 R"({"count":1 2})",
                                 R"({"count":"\x"})",
                                 R"({"count":"\ud800"})",
                                 "{\"count\":\"\xFF\"}",
                                 "{\"count\":\"a\nb\"}",
                                 R"(/**/{"count":1})"}) {
    EXPECT_FALSE(readNumbers(text).object) << text;
  }
}

TEST(Fields, AreReadPastAnyDepthOfNesting) {
  constexpr std::size_t kDepth = 200'000;
  const std::string deep = R"({"a":)" + std::string(kDepth, '[') + std::string(kDepth, ']') + R"(,"count":4})";
  EXPECT_EQ(count(deep), 4);
  EXPECT_FALSE(readNumbers(R"({"a":)" + std::string(kDepth, '[')).object);
}

/// A text that is or resembles one of our own records.
std::string nearlyOurs(Choices& choices) {
  const std::vector<std::string> numbers = {"0",
                                            "1",
                                            "4",
                                            "1767225600000",
                                            "9007199254740991",
                                            "9007199254740992",
                                            "-1",
                                            "-0",
                                            "00",
                                            "01",
                                            "1.0",
                                            "1.5",
                                            "1e3",
                                            "1E400",
                                            "18446744073709551616",
                                            "9223372036854775807",
                                            "9223372036854775808",
                                            "\"4\"",
                                            "null",
                                            "true",
                                            "[1]",
                                            "{\"count\":7}",
                                            "",
                                            " 4",
                                            "4 ",
                                            "+4",
                                            "0x4",
                                            "4,",
                                            "4}"};
  const std::vector<std::string> names = {"\"count\"", "\"count\"",       "\"resetAt\"", "\"resetAt\"", "\"name\"",
                                          "\"c\"",     "\"\\u0063ount\"", "count",       "\"\"",        "\"Count\""};
  std::string text = choices.among(20) == 0 ? "[" : "{";
  const std::size_t fields = choices.among(5);
  const bool inOrder = choices.among(2) == 0;
  for (std::size_t i = 0; i < fields; ++i) {
    if (i > 0) text += choices.among(30) == 0 ? ";" : ",";
    text += inOrder && i < 2 ? names[2 * i] : names[choices.among(names.size())];
    text += choices.among(30) == 0 ? "" : ":";
    text += numbers[choices.among(choices.among(2) == 0 ? 5 : numbers.size())];
  }
  text += choices.among(20) == 0 ? "" : "}";
  if (choices.among(30) == 0) text += "x";
  return text;
}

TEST(Fields, AreTheSameByTheFastPathAndTheGeneralOne) {
  std::size_t fast = 0;
  inRandomWays(20'000, [&](Choices& choices) {
    const std::string text = nearlyOurs(choices);
    // White space before the text keeps the fast path away from it.
    const Read general = readNumbers(" " + text);
    EXPECT_EQ(readNumbers(text), general) << text;
    fast += general.count && general.resetAt ? 1U : 0U;
  });
  EXPECT_GT(fast, 1000U) << "texts that hold both numbers";
}

/// What the library's own document says.
Read byDocument(std::string_view text) {
  const nlohmann::json document = nlohmann::json::parse(text, nullptr, false);
  Read read;
  read.object = document.is_object();
  if (!read.object) return read;
  const auto number = [&](const char* name) -> std::optional<std::int64_t> {
    const auto found = document.find(name);
    if (found == document.end() || !found->is_number()) return std::nullopt;
    const double value = *found;
    if (!(std::abs(value) <= static_cast<double>(kMaxExactInteger)) || value != std::floor(value)) return std::nullopt;
    return static_cast<std::int64_t>(value);
  };
  read.count = number("count");
  read.resetAt = number("resetAt");
  if (const auto found = document.find("name"); found != document.end() && found->is_string()) read.name = *found;
  return read;
}

/// One to `most` of the pieces, in any order.
std::string piecesOf(const std::vector<std::string>& pieces, std::size_t most, Choices& choices) {
  std::string text;
  for (std::size_t left = 1 + choices.among(most); left > 0; --left) text += pieces[choices.among(pieces.size())];
  return text;
}

TEST(Fields, AreWhatTheDocumentHolds) {
  inRandomWays(20'000, [](Choices& choices) {
    const std::string text = nearlyOurs(choices);
    EXPECT_EQ(readAll(text), byDocument(text)) << text;
  });
}

TEST(Fields, AreTheNumbersThatTheDocumentHolds) {
  const std::vector<std::string> signs = {"", "", "-", "+", "--"};
  const std::vector<std::string> digits = {"0", "1", "25", "900", "1234567", "x"};
  const std::vector<std::string> fractions = {"", "", ".", ".0", ".5", ".00", ".250", ".."};
  const std::vector<std::string> exponents = {"", "", "e", "e0", "E1", "e+2", "e-2", "E-", "e+", "e1.0"};
  std::size_t good = 0;
  inRandomWays(20'000, [&](Choices& choices) {
    const std::string text = R"({"count":)" + piecesOf(signs, 1, choices) + piecesOf(digits, 2, choices) +
                             piecesOf(fractions, 1, choices) + piecesOf(exponents, 1, choices) + "}";
    const Read read = readAll(text);
    EXPECT_EQ(read, byDocument(text)) << text;
    good += read.count ? 1U : 0U;
  });
  EXPECT_GT(good, 1000U) << "whole numbers";
}

TEST(Fields, AreTheTextsThatTheDocumentHolds) {
  const std::vector<std::string> pieces = {"a",
                                           "\x7F",
                                           "\"",
                                           "\n",
                                           "\x1F",
                                           "\xFF",
                                           "\x80",
                                           "\xC3\xA9",
                                           "\xC3",
                                           "\xC0\x80",
                                           "\xC1\xBF",
                                           "\xDF\xBF",
                                           "\xE0\xA0\x80",
                                           "\xE0\x9F\xBF",
                                           "\xE2\x82\xAC",
                                           "\xE2\x82",
                                           "\xED\x9F\xBF",
                                           "\xED\xA0\x80",
                                           "\xEF\xBF\xBF",
                                           "\xF0\x90\x80\x80",
                                           "\xF0\x8F\xBF\xBF",
                                           "\xF3\xBF\xBF\xBF",
                                           "\xF4\x8F\xBF\xBF",
                                           "\xF4\x90\x80\x80",
                                           "\xF5\x80\x80\x80",
                                           R"(\")",
                                           R"(\\)",
                                           R"(\/)",
                                           R"(\b)",
                                           R"(\f)",
                                           R"(\n)",
                                           R"(\r)",
                                           R"(\t)",
                                           R"(\x)",
                                           R"(\)",
                                           R"(\u0000)",
                                           R"(\u007f)",
                                           R"(\u0080)",
                                           R"(\u07FF)",
                                           R"(\u0800)",
                                           R"(\uFfFf)",
                                           R"(\u20aC)",
                                           R"(\u12)",
                                           R"(\u12g4)",
                                           R"(\uD83D\uDE00)",
                                           R"(\ud800\udc00)",
                                           R"(\udbff\udfff)",
                                           R"(\uD83D)",
                                           R"(\uDE00)",
                                           R"(\uD800\u0041)",
                                           R"(\uD800\n)"};
  std::size_t good = 0;
  inRandomWays(20'000, [&](Choices& choices) {
    const std::string text = R"({"name":")" + piecesOf(pieces, 3, choices) + R"("})";
    const Read read = readAll(text);
    EXPECT_EQ(read, byDocument(text)) << text;
    good += read.name ? 1U : 0U;
  });
  EXPECT_GT(good, 1000U) << "texts";
}

TEST(Fields, SurviveRandomBytes) {
  inRandomWays(100, [](Choices& choices) {
    constexpr std::string_view kLikely = "{}[]\",:0123456789-+.eE \\utfnlcoresAm\0\xFF\xC3\xED"sv;
    for (int i = 0; i < 1000; ++i) {
      std::string text = choices.among(2) == 0 ? "{" : "";
      for (std::size_t left = choices.among(60); left > 0; --left) {
        text += choices.among(8) == 0 ? static_cast<char>(choices.among(256)) : kLikely[choices.among(kLikely.size())];
      }
      readNumbers(text);
      readAll(text);
    }
  });
}

TEST(Fields, SurviveMutatedRecords) {
  inRandomWays(100, [](Choices& choices) {
    for (int i = 0; i < 1000; ++i) {
      std::string text = R"({"count":4,"resetAt":1767225600000,"name":"RafH75XDQX6AA2L1"})";
      for (std::size_t changes = 1 + choices.among(4); changes > 0 && !text.empty(); --changes) {
        const std::size_t at = choices.among(text.size());
        switch (choices.among(4)) {
          case 0:
            text[at] = static_cast<char>(choices.among(256));
            break;
          case 1:
            text.erase(at, 1 + choices.among(4));
            break;
          case 2:
            text.insert(at, text.substr(at, 1 + choices.among(12)));
            break;
          default:
            text.resize(at);
        }
      }
      EXPECT_EQ(readNumbers(text), readNumbers(" " + text)) << text;
      readAll(text);
    }
  });
}

}  // namespace
}  // namespace codex::json
