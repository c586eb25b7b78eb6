#pragma once

#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "tests/native/fake-store.h"
#include "wasm/async/task.h"

namespace codex::testing {

/// A call under way on the fake store, with a connection of its own as the mailbox gives each call a slot. Destroying it is
/// what happens to a call whose request has died.
template <class T>
class RunningCall {
 public:
  /// `make` makes the call's coroutine from the store it is to use.
  template <class Make>
  RunningCall(FakeStore& store, Make make, std::string payload = {}, int place = 0, HostKnownSessions* sessions = nullptr)
      : connection_(store, std::move(payload), place, sessions), task_(make(connection_)) {
    task_.start();
  }
  RunningCall(const RunningCall&) = delete;
  RunningCall& operator=(const RunningCall&) = delete;
  ~RunningCall() {
    if (!done()) connection_.expectKeysUnchanged();
  }

  bool done() const { return task_.done(); }
  const T& result() const {
    EXPECT_TRUE(done()) << "the call still waits";
    return task_.result();
  }

 private:
  Connection connection_;
  Task<T> task_;
};

}  // namespace codex::testing
