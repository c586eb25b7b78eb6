#include "tests/native/fake-store.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/native/host-entry.h"
#include "tests/native/host-session.h"
#include "tests/native/utf8.h"
#include "wasm/kv/limits.h"

namespace codex::testing {
namespace {

bool isJson(std::string_view text) { return nlohmann::json::accept(text); }

void expectAcceptableKey(const std::string& key) {
  EXPECT_GE(key.size(), 1U) << "KV refuses an empty key";
  EXPECT_LE(key.size(), kv::kMaxKeyBytes) << "KV answers 414 to this key";
  EXPECT_TRUE(key != "." && key != "..") << "KV refuses this key";
  EXPECT_TRUE(isUtf8(key)) << "KV cannot carry this key";
}

void expectAcceptable(const Asked& asked) {
  expectAcceptableKey(asked.key);
  EXPECT_TRUE(asked.also.empty() || asked.verb == KvVerb::Get) << "only reads take more than one key";
  EXPECT_LE(asked.also.size(), kMaxFurtherKeys) << "KV answers 400 to more than 100 keys";
  for (const std::string& key : asked.also) expectAcceptableKey(key);
  EXPECT_GE(asked.cacheTtl.value_or(kv::kMinCacheTtl).count(), 30) << "KV answers 400 to this cacheTtl";
  if (asked.verb != KvVerb::Put) return;
  EXPECT_GE(asked.ttl.count(), 60) << "KV answers 400 to this TTL";
  EXPECT_LE(asked.ttl.count(), 2'147'483'647) << "workerd throws at this TTL";
  EXPECT_LE(asked.value.size(), kv::kMaxValueBytes) << "KV answers 413 to this value";
  EXPECT_LE(asked.metadata.size(), kv::kMaxMetadataBytes) << "KV answers 413 to this metadata";
  EXPECT_TRUE(asked.metadata.empty() || isJson(asked.metadata)) << asked.metadata;
  // A token stands in the index as it is.
  EXPECT_TRUE(asked.kind == KvValue::Payload || asked.key.starts_with("usess:") || isJson(asked.value)) << asked.value;
}

bool gone(const StoredRecord& record, Instant now) { return record.expiresAt && *record.expiresAt <= now; }

}  // namespace

std::optional<StoredRecord> FakeStore::at(std::string_view key) const {
  const auto found = records_.find(key);
  if (found == records_.end() || gone(found->second, now_)) return std::nullopt;
  return found->second;
}

void FakeStore::write(std::string_view key, std::string value, std::string metadata, std::optional<Seconds> ttl) {
  StoredRecord record{std::move(value), std::move(metadata)};
  if (ttl) record.expiresAt = now_ + *ttl;
  change(key, std::move(record), std::nullopt);
}

void FakeStore::erase(std::string_view key) { change(key, std::nullopt, std::nullopt); }

void FakeStore::change(std::string_view key, std::optional<StoredRecord> record, std::optional<int> place) {
  if (propagation_ > Millis{0}) versions_[std::string(key)].push_back({record, now_, place});
  if (record) {
    records_.insert_or_assign(std::string(key), *std::move(record));
  } else {
    records_.erase(std::string(key));
  }
}

std::optional<StoredRecord> FakeStore::visible(int place, const std::string& key) const {
  if (propagation_ == Millis{0}) return at(key);
  const auto versions = versions_.find(key);
  if (versions == versions_.end()) return std::nullopt;
  for (auto version = versions->second.rbegin(); version != versions->second.rend(); ++version) {
    if (version->place && *version->place != place && now_ - version->at < propagation_) continue;
    return version->record && gone(*version->record, now_) ? std::nullopt : version->record;
  }
  return std::nullopt;
}

void FakeStore::begin(Connection& connection, KvOperation& operation) {
  const KvRequest& request = operation.request();
  Asked asked{request.verb,
              request.kind,
              std::string(request.key),
              std::string(request.value),
              request.entry == nullptr ? std::string(request.metadata) : metadataOf(*request.entry),
              request.ttl,
              request.cacheTtl == Seconds{0} ? std::nullopt : std::optional(request.cacheTtl),
              {request.also.begin(), request.also.end()},
              request.knownKeys};
  expectAcceptable(asked);
  ++asked_[static_cast<std::size_t>(request.verb)];
  if (request.verb == KvVerb::Get) keysRead_ += 1 + request.also.size();
  waiting_.push_back(
      std::make_unique<Waiting>(Waiting{&operation, &connection, std::move(asked), connection.payload_, connection.place_}));
}

void FakeStore::leave(Connection& connection) {
  for (const auto& waiting : waiting_) {
    if (waiting->connection != &connection) continue;
    waiting->connection = nullptr;
    waiting->operation = nullptr;
  }
}

std::optional<StoredRecord> FakeStore::read(const Waiting& waiting, const std::string& key) {
  if (lag_ == Lag::None) return at(key);
  const std::pair place{waiting.place, key};
  const auto cached = cached_.find(place);
  if (cached != cached_.end() && now_ < cached->second.until) {
    const std::optional<StoredRecord>& record = cached->second.record;
    return record && gone(*record, now_) ? std::nullopt : record;
  }
  constexpr Seconds kDefaultCacheTtl{60};
  std::optional<StoredRecord> record = visible(waiting.place, key);
  cached_.insert_or_assign(place, Cached{record, now_ + waiting.asked.cacheTtl.value_or(kDefaultCacheTtl)});
  return record;
}

void FakeStore::apply(const Waiting& waiting) {
  const Asked& asked = waiting.asked;
  if (lag_ == Lag::Elsewhere) cached_.erase({waiting.place, asked.key});
  if (asked.verb == KvVerb::Delete) return change(asked.key, std::nullopt, waiting.place);
  putAt_.insert_or_assign(asked.key, now_);
  StoredRecord record{asked.kind == KvValue::Payload ? waiting.payload : asked.value, asked.metadata, now_ + asked.ttl};
  change(asked.key, std::move(record), waiting.place);
}

bool FakeStore::tooSoon(const Waiting& waiting) const {
  if (!enforcesWriteRate_ || waiting.asked.verb != KvVerb::Put) return false;
  const auto last = putAt_.find(waiting.asked.key);
  return last != putAt_.end() && now_ - last->second < Seconds{1};
}

void FakeStore::land(std::size_t index) { land(index, faults_[static_cast<std::size_t>(waiting_[index]->asked.verb)]); }

void FakeStore::land(std::size_t index, Fault fault) {
  Waiting& waiting = *waiting_[index];
  if (waiting.landed) return;
  waiting.landed = true;
  waiting.fault = fault == Fault::None && tooSoon(waiting) ? Fault::RateLimited : fault;
  if (waiting.fault == Fault::RateLimited) ++rateLimited_;
  const bool takesEffect = waiting.fault == Fault::None || waiting.fault == Fault::FailedButLanded;
  if (!takesEffect) return;
  if (waiting.asked.verb == KvVerb::Get) {
    waiting.found = read(waiting, waiting.asked.key);
    for (const std::string& key : waiting.asked.also) waiting.foundAlso.push_back(read(waiting, key));
  } else {
    apply(waiting);
  }
}

void FakeStore::answer(std::size_t index) {
  land(index);
  // What the answer shows is gone as soon as it has been taken in, and so is the operation.
  const std::unique_ptr<Waiting> waiting = std::move(waiting_[index]);
  waiting_.erase(waiting_.begin() + static_cast<std::ptrdiff_t>(index));
  if (waiting->operation == nullptr) return;
  waiting->connection->expectKeysUnchanged();
  KvOperation& operation = *waiting->operation;
  if (waiting->fault == Fault::RateLimited) {
    operation.answer({std::unexpected(Error{ErrorCode::StoreRateLimited, "429"}), now_});
  } else if (waiting->fault != Fault::None) {
    operation.answer({std::unexpected(Error{ErrorCode::StoreUnavailable, "500"}), now_});
  } else {
    std::vector<std::optional<std::string_view>> also;
    for (const auto& found : waiting->foundAlso)
      also.push_back(found ? std::optional<std::string_view>(found->value) : std::nullopt);
    if (!waiting->found) return operation.answer({std::optional<KvRecord>{}, now_, also});
    const HostSession session(waiting->found->value, waiting->found->metadata);
    const HostEntry entry(waiting->found->metadata);
    const KvValue kind = waiting->asked.kind;
    KvRecord record;
    if (kind == KvValue::Record) record.metadata = waiting->found->metadata;
    if (kind == KvValue::Payload) record.entry = &entry.facts();
    if (kind == KvValue::Text || kind == KvValue::Record) record.text = waiting->found->value;
    const Asked& asked = waiting->asked;
    SessionFacts facts = session.facts();
    HostKnownSessions* const known = waiting->connection->sessions_;
    if (kind == KvValue::Session && known != nullptr && asked.knownKeys != 0) {
      facts = known->facts(asked.knownKeys, asked.key, asked.also.back(), waiting->found->value, facts);
    }
    if (kind == KvValue::Session) record.session = &facts;
    operation.answer({std::optional(record), now_, also});
  }
}

void FakeStore::answer(std::size_t index, Fault fault) {
  land(index, fault);
  answer(index);
}

void FakeStore::answerAll() {
  while (waiting() > 0) answer(0);
}

void Connection::begin(KvOperation& operation) {
  expectKeysUnchanged();
  const KvRequest& request = operation.request();
  keys_.push_back({request.key, std::string(request.key)});
  for (const std::string_view key : request.also) keys_.push_back({key, std::string(key)});
  store_.begin(*this, operation);
}

void Connection::expectKeysUnchanged() {
  for (Key& key : keys_) {
    EXPECT_EQ(key.view, key.copy) << "a key changed while its call was under way";
    key.copy = key.view;
  }
}

}  // namespace codex::testing
