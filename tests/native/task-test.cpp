#include "wasm/async/task.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <type_traits>
#include <vector>

namespace codex {
namespace {

/// An operation of the host that the test ends by hand.
class Gate {
 public:
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> waiter) noexcept { waiter_ = waiter; }
  void await_resume() const noexcept {}

  void open() { std::exchange(waiter_, nullptr).resume(); }
  bool waitedFor() const { return waiter_ != nullptr; }

 private:
  std::coroutine_handle<> waiter_;
};

using Log = std::vector<std::string>;

/// Writes down when it dies.
struct Mourned {
  Log& log;
  std::string name;
  ~Mourned() { log.push_back(name + " gone"); }
};

Task<int> plain(Log& log, int value) {
  log.push_back("ran");
  co_return value;
}

TEST(Task, DoesNotRunBeforeItIsStarted) {
  Log log;
  Task<int> task = plain(log, 5);
  EXPECT_TRUE(log.empty());
  EXPECT_FALSE(task.done());
  task.start();
  EXPECT_EQ(log, Log{"ran"});
  EXPECT_TRUE(task.done());
  EXPECT_EQ(task.result(), 5);
}

TEST(Task, NeverRunsWhereNobodyStartsIt) {
  Log log;
  {
    const Task<int> task = plain(log, 5);
  }
  EXPECT_TRUE(log.empty());
}

Task<int> sum(Log& log, int one, int other) {
  Task<int> first = plain(log, one);
  log.push_back("made");
  const int left = co_await std::move(first);
  co_return left + co_await plain(log, other);
}

TEST(Task, RunsWhenItIsAwaited) {
  Log log;
  Task<int> task = sum(log, 2, 3);
  task.start();
  EXPECT_EQ(log, (Log{"made", "ran", "ran"}));
  EXPECT_EQ(task.result(), 5);
}

static_assert(!std::is_copy_constructible_v<Task<int>> && !std::is_copy_assignable_v<Task<int>>);
static_assert(std::is_nothrow_move_constructible_v<Task<int>> && std::is_nothrow_move_assignable_v<Task<int>>);

TEST(Task, CanBeMovedWithWhatItHasDone) {
  Log log;
  Task<int> first = plain(log, 5);
  first.start();
  Task<int> second = std::move(first);
  EXPECT_EQ(second.result(), 5);
  Task<int> third = plain(log, 6);
  third = std::move(second);
  EXPECT_EQ(third.result(), 5);
  EXPECT_EQ(log, Log{"ran"});
}

Task<std::unique_ptr<int>> unique() { co_return std::make_unique<int>(7); }
Task<int> unpack() {
  const std::unique_ptr<int> value = co_await unique();
  co_return *value;
}

TEST(Task, HandsOverWhatCannotBeCopied) {
  Task<int> task = unpack();
  task.start();
  EXPECT_EQ(task.result(), 7);
}

Task<int> inner(Log& log, Gate& gate) {
  const Mourned local{log, "inner"};
  co_await gate;
  log.push_back("passed");
  co_return 1;
}
Task<int> outer(Log& log, Gate& first, Gate& second, std::string text) {
  const Mourned local{log, "outer"};
  co_await first;
  const int value = co_await inner(log, second);
  co_return value + static_cast<int>(text.size());
}

TEST(Task, WaitsAtEveryDepthAndGoesOn) {
  Log log;
  Gate first;
  Gate second;
  Task<int> task = outer(log, first, second, std::string(100, 'x'));
  task.start();
  EXPECT_TRUE(first.waitedFor());
  first.open();
  EXPECT_TRUE(second.waitedFor());
  EXPECT_FALSE(task.done());
  second.open();
  EXPECT_EQ(task.result(), 101);
  EXPECT_EQ(log, (Log{"passed", "inner gone", "outer gone"}));
}

TEST(Task, DestroyedWhereverItWaitsFreesWhatItHeld) {
  for (const int opened : {0, 1, 2}) {
    Log log;
    Gate first;
    Gate second;
    {
      Task<int> task = outer(log, first, second, std::string(100, 'x'));
      if (opened > 0) task.start();
      if (opened > 1) first.open();
    }
    EXPECT_EQ(log, opened == 0 ? Log{} : opened == 1 ? Log{"outer gone"} : (Log{"inner gone", "outer gone"}));
  }
}

Task<int> deep(int depth, Gate& gate) {
  if (depth == 0) {
    co_await gate;
    co_return 0;
  }
  co_return 1 + co_await deep(depth - 1, gate);
}

#if defined(__SANITIZE_ADDRESS__) || !defined(__OPTIMIZE__)
// g++ makes a tail call of a symmetric transfer from -O2 on, and not under the address sanitizer. The native preset is -O2.
constexpr int kDepth = 1000;
#else
constexpr int kDepth = 100'000;
#endif

TEST(Task, NestsWithoutUsingUpTheStack) {
  Gate gate;
  Task<int> task = deep(kDepth, gate);
  task.start();
  gate.open();
  EXPECT_EQ(task.result(), kDepth);
}

Task<int> manyInARow(int calls) {
  Log log;
  int total = 0;
  for (int i = 0; i < calls; ++i) {
    log.clear();
    total += co_await plain(log, 1);
  }
  co_return total;
}

TEST(Task, AwaitsOneAfterTheOtherWithoutUsingUpTheStack) {
  Task<int> task = manyInARow(kDepth);
  task.start();
  EXPECT_EQ(task.result(), kDepth);
}

}  // namespace
}  // namespace codex
