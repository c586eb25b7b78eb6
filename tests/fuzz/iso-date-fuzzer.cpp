#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <optional>
#include <string>
#include <string_view>

#include "tests/fuzz/fuzzer.h"
#include "wasm/session/iso-date.h"

// The input is a date as a session record holds it. The calendar is checked against the C library's.
namespace codex::fuzzing {
namespace {

constexpr Millis kHour = std::chrono::hours{1};

/// The instant as `Date.prototype.toISOString` writes it, with the C library's calendar.
std::string isoString(Instant instant) {
  const auto second = std::chrono::floor<Seconds>(instant);
  const auto millis = static_cast<int>((instant - second).count());
  const std::time_t time = second.time_since_epoch().count();
  std::tm parts = {};
  require(gmtime_r(&time, &parts) != nullptr, "the C library knows the date");
  const int year = parts.tm_year + 1900;
  const char* const form = year < 0      ? "%07d-%02d-%02dT%02d:%02d:%02d.%03dZ"
                           : year > 9999 ? "+%06d-%02d-%02dT%02d:%02d:%02d.%03dZ"
                                         : "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ";
  std::array<char, 96> text = {};
  const int length = std::snprintf(text.data(), text.size(), form, year, parts.tm_mon + 1, parts.tm_mday, parts.tm_hour,
                                   parts.tm_min, parts.tm_sec, millis);
  return std::string(text.data(), static_cast<std::size_t>(length));
}

/// An instant for each input, so that dates are tried that must not be refused.
Instant anyInstant(std::string_view text) {
  constexpr auto kRange = static_cast<std::uint64_t>((kLatest - kEarliest).count()) + 1;
  std::uint64_t number = 14'695'981'039'346'656'037U;  // FNV-1a
  for (const char byte : text) number = (number ^ static_cast<unsigned char>(byte)) * 1'099'511'628'211U;
  return kEarliest + Millis{static_cast<std::int64_t>(number % kRange)};
}

}  // namespace

void check(std::string_view text) {
  const Instant any = anyInstant(text);
  require(parseIsoDate(isoString(any)) == any, "every date of the other calendar is read");

  const std::optional<Instant> instant = parseIsoDate(text);
  if (!instant) return;
  require(*instant >= kEarliest && *instant <= kLatest, "a date is one that a Date holds");
  require(parseIsoDate(isoString(*instant)) == instant, "a date written by another calendar is the same date");

  for (const char junk : {' ', '0', 'Z', '\0', '-'}) {
    const std::optional<Instant> longer = parseIsoDate(std::string(text) + junk);
    require(!longer || *longer >= *instant, "more digits are never earlier");
    require(parseIsoDate(junk + std::string(text)) != instant, "nothing stands before a date");
  }
  if (!text.ends_with('Z')) return;
  const std::string local(text.substr(0, text.size() - 1));
  require(parseIsoDate(local) == instant, "a date without an offset is UTC");
  require(parseIsoDate(local + "+00:00") == instant, "Z is no offset");
  if (const auto ahead = parseIsoDate(local + "+01:00")) require(*ahead == *instant - kHour, "an hour ahead is earlier");
  if (const auto behind = parseIsoDate(local + "-01:00")) require(*behind == *instant + kHour, "an hour behind is later");
}

}  // namespace codex::fuzzing
