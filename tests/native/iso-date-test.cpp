#include "wasm/session/iso-date.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <string>

#include "tests/native/choices.h"
#include "tests/native/instants.h"
#include "tests/native/iso-dates.h"

namespace codex {
namespace {

using testing::Choices;
using testing::inRandomWays;
using testing::unixMs;
using namespace std::string_view_literals;

TEST(IsoDate, ReadsWhatDateParseReads) {
  for (const testing::IsoDate& date : testing::kIsoDates) {
    const std::optional<Instant> instant = parseIsoDate(date.text);
    ASSERT_TRUE(instant) << date.text;
    EXPECT_EQ(unixMs(*instant), date.unixMs) << date.text;
  }
}

TEST(IsoDate, RefusesWhatDateParseRefuses) {
  for (const char* const text : testing::kNoIsoDates) EXPECT_EQ(parseIsoDate(text), std::nullopt) << text;
}

TEST(IsoDate, RefusesWhatOnlySomeEnginesRead) {
  for (const char* const text : testing::kOtherDates) EXPECT_EQ(parseIsoDate(text), std::nullopt) << text;
}

TEST(IsoDate, RefusesDaysThatTheMonthHasNot) {
  for (const char* const text : {"2026-02-29", "2026-02-30", "2024-02-30", "1900-02-29", "2100-02-29", "2026-04-31",
                                 "2026-06-31", "2026-09-31", "2026-11-31T00:00:00Z"}) {
    EXPECT_EQ(parseIsoDate(text), std::nullopt) << text;
  }
}

TEST(IsoDate, RefusesTextAroundADate) {
  for (const std::string_view text : {"2026-01-01T00:00:00Z\0"sv, "\0002026-01-01"sv, "2026-01-01 "sv, " 2026-01-01"sv,
                                      "2026-01-01T00:00:00Z "sv, "\uFEFF2026-01-01"sv, "\"2026-01-01\""sv}) {
    EXPECT_EQ(parseIsoDate(text), std::nullopt) << text;
  }
}

TEST(IsoDate, RefusesLongTextWithoutReadingNumbersPastTheirDigits) {
  EXPECT_EQ(parseIsoDate(std::string(100'000, '9')), std::nullopt);
  EXPECT_EQ(parseIsoDate("2026-01-01T00:00:00." + std::string(100'000, '9') + "x"), std::nullopt);
  EXPECT_EQ(unixMs(*parseIsoDate("2026-01-01T00:00:00." + std::string(100'000, '9') + "Z")), 1'767'225'600'999);
}

/// As Date.prototype.toISOString writes it, with the calendar of the standard library.
std::string toIsoString(Instant instant) {
  const auto day = std::chrono::floor<std::chrono::days>(instant);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss<Millis> time(instant - day);
  char text[48];
  const int year = static_cast<int>(date.year());
  const char* const format =
      year >= 0 && year <= 9999 ? "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ" : "%+07d-%02u-%02uT%02d:%02d:%02d.%03dZ";
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
  std::snprintf(text, sizeof text, format, year, static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                static_cast<int>(time.hours().count()), static_cast<int>(time.minutes().count()),
                static_cast<int>(time.seconds().count()), static_cast<int>(time.subseconds().count()));
#pragma GCC diagnostic pop
  return text;
}

TEST(IsoDate, ReadsBackEveryInstantThatIsWritten) {
  EXPECT_EQ(toIsoString(testing::kStart), "2026-01-01T00:00:00.000Z");
  inRandomWays(20'000, [](Choices& choices) {
    // std::chrono::year reaches from -32767 to 32767.
    constexpr std::size_t kYears = 60'000;
    const std::int64_t days =
        static_cast<std::int64_t>(choices.among(kYears * 365)) - static_cast<std::int64_t>(kYears / 2) * 365;
    const Instant instant{std::chrono::days{days} + Millis{static_cast<std::int64_t>(choices.among(86'400'000))}};
    EXPECT_EQ(parseIsoDate(toIsoString(instant)), instant) << toIsoString(instant);
  });
}

TEST(IsoDate, NeverLeavesTheRangeOfADateWhateverTheBytes) {
  inRandomWays(100'000, [](Choices& choices) {
    std::string text = choices.among(2) == 0 ? "2026-11-22T10:11:12.131+01:00" : "+275760-09-13T00:00:00.000Z";
    for (std::size_t changes = choices.among(4); changes > 0; --changes) {
      constexpr std::string_view kBytes = "0123456789-+:.TZ \0\xFF"sv;
      const std::size_t at = choices.among(text.size());
      if (choices.among(4) == 0) {
        text.erase(at, 1 + choices.among(8));
        text += '0';
      } else {
        text[at] = kBytes[choices.among(kBytes.size())];
      }
    }
    const std::optional<Instant> instant = parseIsoDate(text);
    EXPECT_TRUE(!instant || (*instant >= kEarliest && *instant <= kLatest)) << text;
  });
}

}  // namespace
}  // namespace codex
