// Sessions on a KV whose every operation may fail, be slow, show something old or hold something corrupt: no session that has been
// revoked is shown for longer than is said.

#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tests/native/choices.h"
#include "tests/native/repeats.h"
#include "tests/native/session-isolate.h"

namespace codex {
namespace {

using testing::Choices;
using testing::FakeStore;
using testing::Fault;
using testing::fenceOf;
using testing::inRandomWays;
using testing::kMaxStale;
using testing::Lag;
using testing::tenthIfSanitized;

using Isolate = testing::SessionIsolate;
using Call = Isolate::Call;

/// What KV usually takes to show a write elsewhere, how long a read there is cached, and how long a session is in memory.
constexpr Seconds kPropagation{60};
constexpr Seconds kCacheTtl{30};
constexpr Seconds kMemoryAge{2};
/// What a revocation puts before the clock, against others' clocks: a login in that time is dated after it.
constexpr Seconds kAhead{2};
/// The longest that an operation is let wait, and the most of them that a call makes one after the other.
constexpr Seconds kSlow{3};
constexpr int kMostSteps = 4;

/// A session in the database.
struct Session {
  std::string token;
  std::optional<Instant> endedAt = {};
  /// When the revocation was recorded in KV.
  std::optional<Instant> revokedAt = {};
};

/// A load that has been answered by the database, and is not stored yet.
struct Loaded {
  Isolate* isolate;
  std::string token;
  Instant at;
};

/// What has been seen of a scenario, so that one that shows nothing does not pass.
struct Seen {
  int shown = 0;
  int shownEnded = 0;
  int fromMemory = 0;
  int unrecorded = 0;
};

/// A database with the sessions of one user, and two isolates at two places that cache them.
class World {
 public:
  World(Choices& choices, Seen& seen) : choices_(choices), seen_(seen) {
    store_.lag(Lag::Elsewhere);
    store_.propagation(kPropagation);
  }

  void run(int steps) {
    login();
    for (int step = 0; step < steps && !::testing::Test::HasFailure(); ++step) {
      pass();
      switch (choices_.among(8)) {
        case 0:
          login();
          break;
        case 1:
          logout();
          break;
        case 2:
          if (choices_.among(3) == 0) revokeAll();
          break;
        case 3:
          if (choices_.among(4) == 0) corrupt();
          break;
        default:
          read();
      }
      // What is begun together overlaps.
      if (choices_.among(2) == 0) settle();
    }
    settle();
  }

 private:
  void pass() {
    constexpr Millis kPasses[] = {Millis{10}, Millis{500}, Millis{2'000}, Millis{20'000}, Millis{45'000}, Millis{900'000}};
    // No operation waits as long as that.
    const Millis pass = kPasses[choices_.among(std::size(kPasses))];
    if (pass > Millis{500}) settle();
    store_.advance(pass);
  }

  Isolate& someIsolate() { return isolates_[choices_.among(2)]; }
  Session& someSession() { return sessions_[choices_.among(sessions_.size())]; }

  void login() {
    Session& added = sessions_.emplace_back(Session{"token-" + std::to_string(sessions_.size())});
    Isolate& isolate = someIsolate();
    sets_.emplace_back(&isolate, &isolate.beginSet({.session = {.token = added.token}}));
  }

  /// The database first, as every caller does.
  void logout() {
    Session& session = someSession();
    if (!session.endedAt) session.endedAt = store_.now();
    const Call& call = someIsolate().beginDelete(session.token);
    revocations_.push_back({&call, {session.token}});
  }

  void revokeAll() {
    std::vector<std::string> tokens;
    for (Session& session : sessions_) {
      if (!session.endedAt) session.endedAt = store_.now();
      tokens.push_back(session.token);
    }
    revocations_.push_back({&someIsolate().beginRevoke(), std::move(tokens)});
  }

  /// Somebody writes what is no record.
  void corrupt() {
    const std::string& token = someSession().token;
    const std::string keys[] = {"session:" + token, fenceOf(token), "urev:alice"};
    store_.write(keys[choices_.among(std::size(keys))], "[");
  }

  void read() {
    Isolate& isolate = someIsolate();
    const Session& session = someSession();
    if (isolate.recalls(kMemoryAge, kMaxStale, session.token)) {
      ++seen_.fromMemory;
      return shown(session, store_.now());
    }
    gets_.push_back({&isolate, &isolate.beginGet(kMaxStale, session.token), session.token, store_.now()});
  }

  /// Answers everything that was begun, in any order, and each operation as it may be answered.
  void settle() {
    while (store_.waiting() > 0) {
      const std::size_t next = choices_.among(store_.waiting());
      store_.advance(Millis{100 * static_cast<int>(choices_.among(5))});
      constexpr Fault kFaults[] = {Fault::Unavailable, Fault::FailedButLanded, Fault::RateLimited};
      const std::size_t fault = choices_.among(10);
      if (fault < std::size(kFaults)) {
        store_.answer(next, kFaults[fault]);
      } else {
        store_.answer(next);
      }
    }
    // What the database was asked before is stored after it, while other things go on.
    std::vector<Loaded> loaded;
    for (const auto& [isolate, call, token, began] : std::exchange(gets_, {})) {
      const Session& session = sessionOf(token);
      if (call->result().outcome == SessionOutcome::Hit) {
        shown(session, began);
        isolate->keep(*call);
      } else if (!session.endedAt) {
        loaded.push_back({isolate, token, store_.now()});
      }
    }
    for (const auto& [isolate, call] : std::exchange(sets_, {})) isolate->keep(*call);
    for (const auto& [call, tokens] : std::exchange(revocations_, {})) {
      const bool recorded = call->result().outcome == SessionOutcome::Deleted;
      if (!recorded) ++seen_.unrecorded;
      for (const std::string& token : tokens) {
        Session& session = sessionOf(token);
        if (recorded && !session.revokedAt) session.revokedAt = store_.now();
      }
    }
    for (const Loaded& each : loaded) {
      sets_.emplace_back(each.isolate, &each.isolate->beginSet({.session = {.token = each.token}, .loadedAt = each.at}));
    }
  }

  /// A session was shown by a read that began then.
  void shown(const Session& session, Instant began) {
    ++seen_.shown;
    if (!session.endedAt) return;
    ++seen_.shownEnded;
    EXPECT_LE(began - *session.endedAt, kMaxStale + kAhead) << session.token << " past maxStaleMs";
    if (!session.revokedAt) return;
    EXPECT_LE(began - *session.revokedAt, kPropagation + kCacheTtl + kMemoryAge + kMostSteps * kSlow)
        << session.token << " past the usual figure";
  }

  Session& sessionOf(const std::string& token) {
    return *std::ranges::find_if(sessions_, [&](const Session& session) { return session.token == token; });
  }

  struct Get {
    Isolate* isolate;
    const Call* call;
    std::string token;
    Instant began;
  };
  struct Revocation {
    const Call* call;
    std::vector<std::string> tokens;
  };

  Choices& choices_;
  Seen& seen_;
  FakeStore store_;
  Isolate isolates_[2] = {Isolate(store_, 0), Isolate(store_, 1)};
  std::vector<Session> sessions_;
  std::vector<Get> gets_;
  std::vector<std::pair<Isolate*, const Call*>> sets_;
  std::vector<Revocation> revocations_;
};

TEST(SessionFaults, ShowNoRevokedSessionForLongerThanIsSaid) {
  Seen seen;
  inRandomWays(tenthIfSanitized(3'000), [&](Choices& choices) { World(choices, seen).run(60); });
  EXPECT_GT(seen.shown, tenthIfSanitized(10'000));
  EXPECT_GT(seen.shownEnded, tenthIfSanitized(500));
  EXPECT_GT(seen.fromMemory, tenthIfSanitized(500));
  EXPECT_GT(seen.unrecorded, tenthIfSanitized(500));
}

}  // namespace
}  // namespace codex
