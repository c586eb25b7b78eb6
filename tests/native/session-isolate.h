#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/native/fake-store.h"
#include "tests/native/host-session.h"
#include "tests/native/running-call.h"
#include "wasm/kv/key.h"
#include "wasm/session/session-cache.h"
#include "wasm/session/session-recall.h"

namespace codex::testing {

inline constexpr Seconds kLongestSession{2'592'000};
inline constexpr Millis kMaxStale{3'600'000};
inline constexpr Instant kSessionEnd = kStart + std::chrono::hours{24};

/// The metadata of a copy loaded then.
inline std::string loadedAt(Instant instant) { return R"({"l":)" + std::to_string(unixMs(instant)) + "}"; }

/// The fence of a token.
inline std::string fenceOf(const std::string& token) { return key::forFence(base64url(sha256(token))); }

/// A session that is to be stored.
struct ToSet {
  SessionText session = {};
  Instant expiresAt = kSessionEnd;
  std::optional<Instant> loadedAt = {};
  std::optional<Instant> touchedAt = {};
};

/// An isolate in front of the fake: what it remembers of sessions, and the calls in flight in it.
class SessionIsolate {
 public:
  using Call = RunningCall<SessionAnswer>;

  explicit SessionIsolate(FakeStore& store, int place = 0, TokenForm form = TokenForm::Plain)
      : store_(store), place_(place), form_(form) {
    tier_.raiseBound(1 << 20);
  }

  Call& beginGet(Millis maxStale = kMaxStale, const std::string& token = "token-of-alice") {
    return beginGet(ReadTerms{maxStale}, token);
  }
  Call& beginGet(ReadTerms terms, const std::string& token = "token-of-alice") {
    return begin([&](KvStore& kv) { return getSession(memory_, kv, names(token), terms); });
  }
  Call& beginSet(const ToSet& set = {}) {
    const std::string& token = set.session.token;
    SharedNames named = namesWith(*names(token), {0, key::forUserWatermark({set.session.userId})});
    const SessionToStore session{
        .expiresAt = set.expiresAt, .stamps = {.loadedAt = set.loadedAt, .touchedAt = set.touchedAt}, .idJson = R"("s1")"};
    return begin([&](KvStore& kv) { return setSession(memory_, kv, std::move(named), kLongestSession, session, store_.now()); },
                 set.session.json());
  }
  Call& beginDelete(const std::string& token = "token-of-alice") {
    return begin([&](KvStore& kv) { return deleteSession(memory_, kv, names(token), kLongestSession, true, store_.now()); });
  }
  Call& beginRevoke(const std::string& user = "alice") {
    return begin([&](KvStore& kv) {
      return revokeUser(memory_, kv, {0, key::forUserWatermark({user})}, kLongestSession, store_.now());
    });
  }
  Call& beginDrop(std::string session, std::string index) {
    return begin([&](KvStore& kv) { return dropSession(kv, std::move(session), std::move(index)); });
  }

  /// What memory answers, once it has been given what the call offers.
  bool keep(const Call& call) { return call.result().offer && take(tier_, *call.result().offer, 400).has_value(); }
  bool recalls(Millis maxAge = std::chrono::seconds{2}, Millis maxStale = kMaxStale,
               const std::string& token = "token-of-alice") {
    return recallSession(tier_, 0, token, store_.now(), maxAge, maxStale).has_value();
  }

  /// Reads of known keys that found a session as it was before.
  std::size_t foundAgain() const { return sessions_.foundAgain(); }

  SessionOutcome get(Millis maxStale = kMaxStale, const std::string& token = "token-of-alice") {
    return outcome(beginGet(maxStale, token));
  }
  SessionOutcome set(const ToSet& set = {}) { return outcome(beginSet(set)); }
  SessionOutcome revoke() { return outcome(beginRevoke()); }
  SessionOutcome remove() { return outcome(beginDelete()); }
  SessionOutcome outcome(const Call& call) {
    store_.answerAll();
    return call.result().outcome;
  }

 private:
  SharedNames names(const std::string& token) {
    SharedNames known = memory_.known.find(0, token, form_);
    return known ? known : namesOf(0, {token}, form_);
  }
  template <class Make>
  Call& begin(Make make, std::string payload = {}) {
    return *calls_.emplace_back(std::make_unique<Call>(store_, make, std::move(payload), place_, &sessions_));
  }

  FakeStore& store_;
  int place_;
  TokenForm form_;
  Tier tier_{HashSeed{3, 4}};
  HostKnownSessions sessions_;
  SessionMemory memory_{64, HashSeed{1, 2}, tier_};
  std::vector<std::unique_ptr<Call>> calls_;
};

}  // namespace codex::testing
