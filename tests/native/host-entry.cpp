#include "tests/native/host-entry.h"

#include <limits>
#include <nlohmann/json.hpp>

namespace codex::testing {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

const nlohmann::json* fieldOf(const nlohmann::json& record, const char* name) {
  if (!record.is_object()) return nullptr;
  const auto found = record.find(name);
  return found == record.end() ? nullptr : &*found;
}

double numberIn(const nlohmann::json& record, const char* name, double absent) {
  const nlohmann::json* field = fieldOf(record, name);
  if (field == nullptr) return absent;
  const auto* whole = field->get_ptr<const nlohmann::json::number_integer_t*>();
  const auto* fraction = field->get_ptr<const nlohmann::json::number_float_t*>();
  if (whole != nullptr) return static_cast<double>(*whole);
  return fraction == nullptr ? kNaN : *fraction;
}

std::string textIn(const nlohmann::json& record, const char* name) {
  const nlohmann::json* field = fieldOf(record, name);
  const auto* text = field == nullptr ? nullptr : field->get_ptr<const nlohmann::json::string_t*>();
  return text == nullptr ? std::string() : *text;
}

}  // namespace

std::string metadataOf(const entry::Envelope& envelope) {
  std::string text = R"({"c":)" + std::to_string(envelope.created.time_since_epoch().count());
  const auto number = [&text](const char* name, std::int64_t value) {
    text += std::string(",\"") + name + "\":" + std::to_string(value);
  };
  number("s", envelope.windows.fresh.count());
  if (envelope.windows.stale.count() != 0) number("g", envelope.windows.stale.count());
  if (envelope.windows.error.count() != 0) number("e", envelope.windows.error.count());
  if (envelope.loadTime.count() != 0) number("d", envelope.loadTime.count());
  if (envelope.negative) number("n", 1);
  const auto quoted = [&text](const char* name, std::string_view value) {
    if (value.empty()) return;
    const auto handler = nlohmann::json::error_handler_t::replace;
    text += std::string(",\"") + name + "\":" + nlohmann::json(value).dump(-1, ' ', false, handler);
  };
  quoted("k", envelope.keyDigest);
  quoted("t", envelope.tags);
  return text + '}';
}

HostEntry::HostEntry(std::string_view metadata) {
  const nlohmann::json record = nlohmann::json::parse(metadata, nullptr, false);
  tags_ = textIn(record, "t");
  keyDigest_ = textIn(record, "k");
  facts_ = {.created = numberIn(record, "c", kNaN),
            .fresh = numberIn(record, "s", kNaN),
            .stale = numberIn(record, "g", 0),
            .error = numberIn(record, "e", 0),
            .loadTime = numberIn(record, "d", 0),
            .negative = numberIn(record, "n", 0),
            .version = numberIn(record, "x", 0),
            .tags = tags_,
            .keyDigest = keyDigest_};
}

}  // namespace codex::testing
