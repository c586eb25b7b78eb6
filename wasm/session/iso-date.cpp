#include "wasm/session/iso-date.h"

#include <chrono>

namespace codex {
namespace {

/// A cursor over the text that remembers whether everything asked of it was there.
class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  bool done() const { return rest_.empty(); }
  bool good() const { return good_; }
  bool at(char expected) const { return !rest_.empty() && rest_.front() == expected; }

  bool take(char expected) {
    if (!at(expected)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  void require(char expected) { good_ = take(expected) && good_; }

  int number(int digits, int lowest, int highest) {
    int value = 0;
    for (int i = 0; i < digits; ++i) {
      if (!atDigit()) {
        good_ = false;
        return 0;
      }
      value = value * 10 + takeDigit();
    }
    if (value < lowest || value > highest) good_ = false;
    return value;
  }

  /// Digits after the decimal sign, as milliseconds; what is finer is cut off.
  int fraction() {
    if (!atDigit()) good_ = false;
    int millis = 0;
    for (int weight = 100; atDigit(); weight /= 10) millis += weight * takeDigit();
    return millis;
  }

 private:
  bool atDigit() const { return !rest_.empty() && rest_.front() >= '0' && rest_.front() <= '9'; }
  int takeDigit() {
    const int digit = rest_.front() - '0';
    rest_.remove_prefix(1);
    return digit;
  }

  std::string_view rest_;
  bool good_ = true;
};

int readYear(Reader& reader) {
  if (reader.take('+')) return reader.number(6, 0, 275'760);
  if (reader.take('-')) return -reader.number(6, 1, 271'821);
  return reader.number(4, 0, 9999);
}

int daysInMonth(int year, int month) {
  constexpr int kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
  return month == 2 && leap ? 29 : kDays[month - 1];
}

/// Days since 1970-01-01 in the proleptic Gregorian calendar (Howard Hinnant, "chrono-Compatible Low-Level Date
/// Algorithms", days_from_civil). std::chrono::year holds 16 bits, a Date's year needs 20.
std::int64_t daysSinceEpoch(int year, int month, int day) {
  const std::int64_t y = month <= 2 ? year - 1 : year;
  const std::int64_t era = (y >= 0 ? y : y - 399) / 400;
  const std::int64_t yearOfEra = y - era * 400;
  const std::int64_t dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
  return era * 146'097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719'468;
}

/// The time of day, `hh:mm[:ss[.fraction]]`; 24:00 is the end of the day.
Millis readTime(Reader& reader) {
  const std::chrono::hours hours{reader.number(2, 0, 24)};
  reader.require(':');
  const std::chrono::minutes minutes{reader.number(2, 0, 59)};
  Millis time = hours + minutes;
  if (reader.take(':')) {
    time += std::chrono::seconds{reader.number(2, 0, 59)};
    if (reader.take('.')) time += Millis{reader.fraction()};
  }
  return time;
}

/// `Z`, `+hh:mm` or `-hh:mm`; none is UTC.
Millis readOffset(Reader& reader) {
  if (reader.done() || reader.take('Z')) return Millis{0};
  const bool behind = reader.take('-');
  if (!behind) reader.require('+');
  const std::chrono::hours hours{reader.number(2, 0, 23)};
  reader.require(':');
  const Millis offset = hours + std::chrono::minutes{reader.number(2, 0, 59)};
  return behind ? -offset : offset;
}

}  // namespace

std::optional<Instant> parseIsoDate(std::string_view text) {
  Reader reader(text);
  const int year = readYear(reader);
  reader.require('-');
  const int month = reader.number(2, 1, 12);
  reader.require('-');
  const int day = reader.number(2, 1, 31);
  if (!reader.good() || day > daysInMonth(year, month)) return std::nullopt;

  Millis time{0};
  Millis offset{0};
  if (!reader.done()) {
    if (!reader.take('T')) reader.require(' ');
    time = readTime(reader);
    offset = readOffset(reader);
  }
  if (!reader.good() || !reader.done() || time > std::chrono::hours{24}) return std::nullopt;

  const Instant instant{std::chrono::hours{24} * daysSinceEpoch(year, month, day) + time - offset};
  if (instant < kEarliest || instant > kLatest) return std::nullopt;
  return instant;
}

}  // namespace codex
