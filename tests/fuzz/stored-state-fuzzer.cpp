#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tests/fuzz/fuzzer.h"
#include "wasm/cache/entry.h"
#include "wasm/cache/tags.h"
#include "wasm/json/fields.h"
#include "wasm/json/general-reader.h"
#include "wasm/kv/kv-store.h"
#include "wasm/ratelimit/algorithms.h"
#include "wasm/ratelimit/block.h"
#include "wasm/session/revocations.h"

// The input is what a store holds: anybody's text. A new stored state is one more line at the end.
namespace codex::fuzzing {
namespace {

using Instants = std::vector<Instant>;

struct Stored {
  std::string_view text;
  nlohmann::json document;  // discarded where the text is no JSON
};

/// The fields that a state is read from.
struct Names {
  std::vector<std::string_view> numbers;
  std::vector<std::string_view> texts = {};
};

/// What a reader finds in them.
struct Reading {
  bool good = false;
  std::vector<std::optional<std::int64_t>> numbers = {};
  std::vector<std::optional<std::string>> texts = {};

  bool operator==(const Reading&) const = default;
};

Reading read(bool (*reader)(std::string_view, std::span<const json::Field>), std::string_view text, const Names& names) {
  Reading reading;
  reading.numbers.resize(names.numbers.size());
  reading.texts.resize(names.texts.size());
  std::vector<json::Field> wanted;
  for (std::size_t i = 0; i < names.numbers.size(); ++i) {
    wanted.push_back({.name = names.numbers[i], .number = &reading.numbers[i]});
  }
  for (std::size_t i = 0; i < names.texts.size(); ++i) wanted.push_back({.name = names.texts[i], .text = &reading.texts[i]});
  reading.good = reader(text, wanted);
  return reading.good ? reading : Reading{};
}

/// The same from nlohmann/json's document, which the core does not use: it costs more, and ends the program where it is asked
/// for what is not there.
Reading readDocument(const nlohmann::json& document, const Names& names) {
  if (!document.is_object()) return {};
  Reading reading{.good = true};
  for (const std::string_view name : names.numbers) {
    std::optional<std::int64_t> number;
    if (const auto field = document.find(name); field != document.end() && field->is_number()) {
      const double value = field->get<double>();
      constexpr auto largest = static_cast<double>(json::kMaxExactInteger);
      if (value >= -largest && value <= largest && value == std::trunc(value)) number = static_cast<std::int64_t>(value);
    }
    reading.numbers.push_back(number);
  }
  for (const std::string_view name : names.texts) {
    const auto field = document.find(name);
    const bool found = field != document.end() && field->is_string();
    reading.texts.push_back(found ? std::optional(field->get<std::string>()) : std::nullopt);
  }
  return reading;
}

void checkReaders(const Stored& stored, const Names& names) {
  const Reading reading = read(json::readFields, stored.text, names);
  require(reading == read(json::readFieldsOfAnyJson, stored.text, names), "the fast reader says what the general one does");
  Reading document = readDocument(stored.document, names);
  for (std::size_t i = 0; reading.good && i < document.numbers.size(); ++i) {
    // A fraction that the document has rounded to a whole number, or to nothing, is one to the readers, which want whole numbers.
    const auto field = stored.document.find(names.numbers[i]);
    if (!reading.numbers[i] && field != stored.document.end() && field->is_number_float()) document.numbers[i].reset();
  }
  require(reading == document, "the readers say what the document does");
  for (const std::optional<std::int64_t>& number : reading.numbers) {
    if (number) require(std::abs(*number) <= json::kMaxExactInteger, "a number is one that JSON carries intact");
  }
}

/// The readers agree about the fields that a state is read from, what was decoded is in range, and what is written of it
/// is read as the same. `instantsOf` names the instants of a state.
void checkState(const Stored& stored, const Names& names, auto decode, auto encode, auto instantsOf) {
  checkReaders(stored, names);
  const auto state = decode(stored.text);
  if (!state) return;
  for (const Instant instant : Instants(instantsOf(*state))) {
    require(instant >= kEarliest && instant <= kLatest, "a decoded instant is one that a Date holds");
  }
  require(decode(encode(*state)) == state, "what is written of a state is read as the same state");
}

/// A list of tags and epochs as anybody may have left it.
void checkTags(std::string_view list) {
  const tags::EpochKeys epochs("e::", list);
  require(epochs.keys().size() <= kMaxFurtherKeys + 1, "one read can name the epochs of a list");
  for (const std::string_view key : epochs.keys()) require(key.starts_with("e::"), "an epoch stays in its namespace");
  const tags::Agreement agreement = tags::compare(list, {});
  require(!agreement.holds || agreement.unread == list, "a list of which nothing was read is unread as a whole");
}

/// What the host reads of a record's metadata, in range whatever it holds.
void checkEnvelope(const nlohmann::json& document) {
  if (!document.is_object()) return;
  const auto number = [&](const char* name, double absent) {
    const auto field = document.find(name);
    if (field == document.end()) return absent;
    return field->is_number() ? field->get<double>() : std::nan("");
  };
  const auto text = [&](const char* name) {
    const auto field = document.find(name);
    return field != document.end() && field->is_string() ? field->get<std::string>() : std::string();
  };
  const std::string list = text("t");
  const std::string digest = text("k");
  checkTags(list);
  const entry::Facts facts{.created = number("c", std::nan("")),
                           .fresh = number("s", std::nan("")),
                           .stale = number("g", 0),
                           .error = number("e", 0),
                           .loadTime = number("d", 0),
                           .negative = number("n", 0),
                           .version = number("x", 0),
                           .tags = list,
                           .keyDigest = digest};
  const std::optional<entry::Envelope> envelope = entry::read(facts);
  if (!envelope) return;
  require(envelope->created >= kEarliest && envelope->created <= kLatest, "an entry was made at a time that a Date holds");
  require(envelope->windows.stale >= Millis{0} && envelope->windows.error >= Millis{0}, "no window is shorter than nothing");
  constexpr Instant kNow{Millis{1'767'225'600'000}};
  require(envelope->readable || entry::stateOf(envelope, digest, kNow) == entry::State::Miss, "a later format is not shown");
  require(entry::stateOf(envelope, digest + "x", kNow) == entry::State::Miss, "an entry of another key is not shown");
}

/// The state of a limit under a rule, which decides on it whatever it holds.
void checkLimit(const Stored& stored, const Names& names, LimitAlgorithm algorithm) {
  constexpr Instant kNow{Millis{1'767'225'600'000}};
  const RateLimitRule rule{5, Millis{900'000}, algorithm};
  checkState(
      stored, names, [&](std::string_view text) { return decode(text, rule); },
      [&](const LimitState& state) { return encode(state, rule); },
      [](const LimitState& state) { return Instants{Instant{Millis{state.mark}}}; });
  const LimitDecision decision = decide(decode(stored.text, rule), rule, 0, 1, kNow);
  require(decision.remaining >= 0 && decision.remaining <= rule.limit, "what remains is within the limit");
  require(!decision.retryAfter || *decision.retryAfter <= 2 * rule.window, "nobody waits for longer than windows last");
}

}  // namespace

void check(std::string_view text) {
  const Stored stored{text, nlohmann::json::parse(text, nullptr, false)};
  checkLimit(stored, {{"count", "resetAt"}}, LimitAlgorithm::FixedWindow);
  checkLimit(stored, {{"window", "count", "previous"}}, LimitAlgorithm::SlidingWindow);
  checkLimit(stored, {{"tat", "part"}}, LimitAlgorithm::Gcra);
  checkState(stored, {{"at", "until"}}, decodeBlock, encodeBlock,
             [](const auto& block) { return Instants{block.made, block.until}; });
  checkState(stored, {{"before"}}, decodeWatermark, encodeWatermark, [](Instant before) { return Instants{before}; });
  checkEnvelope(stored.document);
}

}  // namespace codex::fuzzing
