#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/native/host-session.h"
#include "tests/native/instants.h"
#include "wasm/kv/kv-store.h"

namespace codex::testing {

/// What goes wrong with an operation.
enum class Fault {
  None,
  Unavailable,      // KV answers 500, and nothing was done
  FailedButLanded,  // the host gave up waiting, and the write landed all the same
  RateLimited,      // KV answers 429, and nothing was done
};

/// How late reads show what was written (KV-documented: usually at once where it was written, a minute or more elsewhere;
/// that a key is absent is cached too).
enum class Lag { None, Elsewhere, Everywhere };

struct StoredRecord {
  std::string value;
  std::string metadata;
  std::optional<Instant> expiresAt = {};
};

/// An operation as the store received it.
struct Asked {
  KvVerb verb;
  KvValue kind;
  std::string key;
  std::string value;
  std::string metadata;
  Seconds ttl;
  std::optional<Seconds> cacheTtl;
  std::vector<std::string> also;
  std::uint64_t knownKeys;
};

class Connection;

/// Workers KV, as far as the core can tell: one namespace, its clock, and a queue of operations that the test lets take
/// effect and answers in the order it likes. A request that KV would refuse, or that breaks the law on keys, fails the test.
class FakeStore {
 public:
  explicit FakeStore(Instant now = kStart) : now_(now) {}
  FakeStore(const FakeStore&) = delete;
  FakeStore& operator=(const FakeStore&) = delete;

  Instant now() const { return now_; }
  void advance(Millis duration) { now_ += duration; }

  /// What stands under a key, whatever any place has cached.
  std::optional<StoredRecord> at(std::string_view key) const;
  std::size_t size() const { return records_.size(); }
  /// A write by somebody else.
  void write(std::string_view key, std::string value, std::string metadata = {}, std::optional<Seconds> ttl = {});
  void erase(std::string_view key);

  /// What every operation of a kind meets from now on.
  void fail(KvVerb verb, Fault fault) { faults_[static_cast<std::size_t>(verb)] = fault; }
  /// From now on a key can be put once a second; another put is answered 429.
  void enforceWriteRate() { enforcesWriteRate_ = true; }
  void lag(Lag lag) { lag_ = lag; }
  /// From now on a read at another place finds a write that late, unless it finds what is cached there. Somebody else's writes are
  /// everywhere at once.
  void propagation(Millis late) { propagation_ = late; }

  /// Keys read, as KV bills them.
  std::size_t keysRead() const { return keysRead_; }
  /// The operations not answered yet, oldest first.
  std::size_t waiting() const { return waiting_.size(); }
  const Asked& waiting(std::size_t index) const { return waiting_[index]->asked; }
  bool landed(std::size_t index) const { return waiting_[index]->landed; }
  /// Whether its call is still there to be answered.
  bool awaited(std::size_t index) const { return waiting_[index]->operation != nullptr; }

  /// Lets an operation take effect. Its answer is still on its way.
  void land(std::size_t index);
  void land(std::size_t index, Fault fault);
  /// Answers an operation, which takes effect first if it has not. Its call runs on.
  void answer(std::size_t index);
  void answer(std::size_t index, Fault fault);
  /// Answers everything, oldest first, until nothing waits.
  void answerAll();

  std::size_t reads() const { return asked_[0]; }
  std::size_t writes() const { return asked_[1]; }
  std::size_t deletes() const { return asked_[2]; }
  std::size_t operations() const { return reads() + writes() + deletes(); }
  std::size_t rateLimited() const { return rateLimited_; }

 private:
  friend class Connection;

  struct Waiting {
    KvOperation* operation;  // null once its call is gone
    Connection* connection;
    Asked asked;
    std::string payload;
    int place;
    bool landed = false;
    Fault fault = Fault::None;
    std::optional<StoredRecord> found = {};
    std::vector<std::optional<StoredRecord>> foundAlso = {};
  };
  struct Cached {
    std::optional<StoredRecord> record;
    Instant until;
  };
  struct Version {
    std::optional<StoredRecord> record;
    Instant at;
    std::optional<int> place;
  };

  void begin(Connection& connection, KvOperation& operation);
  void leave(Connection& connection);
  std::optional<StoredRecord> read(const Waiting& waiting, const std::string& key);
  std::optional<StoredRecord> visible(int place, const std::string& key) const;
  void apply(const Waiting& waiting);
  void change(std::string_view key, std::optional<StoredRecord> record, std::optional<int> place);
  bool tooSoon(const Waiting& waiting) const;

  Instant now_;
  std::map<std::string, StoredRecord, std::less<>> records_;
  std::map<std::string, std::vector<Version>, std::less<>> versions_;
  std::map<std::string, Instant, std::less<>> putAt_;
  std::map<std::pair<int, std::string>, Cached> cached_;
  std::vector<std::unique_ptr<Waiting>> waiting_;
  std::array<Fault, 3> faults_ = {};
  std::array<std::size_t, 3> asked_ = {};
  std::size_t keysRead_ = 0;
  std::size_t rateLimited_ = 0;
  bool enforcesWriteRate_ = false;
  Lag lag_ = Lag::None;
  Millis propagation_{0};
};

/// The way of one call to the store. It holds the core to the law that a key it has passed lives unchanged at its address
/// until the call ends. When it goes, nobody is answered any more, and writes under way may still land.
class Connection final : public KvStore {
 public:
  /// `payload` is the value that the host holds for the call; `place`, where its isolate runs; `sessions`, what the host of that isolate
  /// keeps of them, where it keeps any.
  explicit Connection(FakeStore& store, std::string payload = {}, int place = 0, HostKnownSessions* sessions = nullptr)
      : store_(store), payload_(std::move(payload)), place_(place), sessions_(sessions) {}
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection() override { store_.leave(*this); }

  void begin(KvOperation& operation) override;
  void expectKeysUnchanged();

 private:
  friend class FakeStore;

  struct Key {
    std::string_view view;
    std::string copy;
  };
  FakeStore& store_;
  std::string payload_;
  int place_;
  HostKnownSessions* sessions_;
  std::vector<Key> keys_;
};

}  // namespace codex::testing
