#pragma once

#include <coroutine>
#include <cstdlib>
#include <optional>
#include <utility>

namespace codex {

/// A lazy computation that may wait for the host.
///
/// The body runs when the task is awaited by another coroutine, or when its owner calls `start()`; never before. It is
/// awaited or started at most once. It ends by producing a `T`; failures travel inside `T` as `std::expected`. Destroying
/// a task destroys its frame wherever it is suspended, which is how a call whose request has died is reclaimed.
///
/// Nested awaits use symmetric transfer, so depth costs heap and no stack (link the wasm with -mtail-call).
template <class T>
class [[nodiscard]] Task {
 public:
  class promise_type;
  using Handle = std::coroutine_handle<promise_type>;

  Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Task& operator=(Task&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  Task(const Task&) = delete;
  Task& operator=(const Task&) = delete;
  ~Task() {
    if (handle_) handle_.destroy();
  }

  /// Gives the frame away, to an owner that knows many kinds of tasks by their handles only.
  Handle release() { return std::exchange(handle_, nullptr); }

  /// Runs the body until it first waits or ends. For the owner of a whole call; coroutines use `co_await`.
  void start() { handle_.resume(); }
  bool done() const { return handle_.done(); }
  /// The outcome. Only after `done()`.
  const T& result() const { return *handle_.promise().value; }

  auto operator co_await() && noexcept {
    struct Awaiter {
      Handle task;
      bool await_ready() const noexcept { return false; }
      std::coroutine_handle<> await_suspend(std::coroutine_handle<> waiter) noexcept {
        task.promise().waiter = waiter;
        return task;
      }
      T await_resume() { return std::move(*task.promise().value); }
    };
    return Awaiter{handle_};
  }

 private:
  explicit Task(Handle handle) : handle_(handle) {}

  Handle handle_;
};

template <class T>
class Task<T>::promise_type {
 public:
  std::optional<T> value;
  std::coroutine_handle<> waiter;

  Task get_return_object() { return Task(Handle::from_promise(*this)); }
  std::suspend_always initial_suspend() noexcept { return {}; }
  auto final_suspend() noexcept {
    struct ToWaiter {
      bool await_ready() const noexcept { return false; }
      std::coroutine_handle<> await_suspend(Handle task) const noexcept {
        std::coroutine_handle<> next = task.promise().waiter;
        return next ? next : std::noop_coroutine();
      }
      void await_resume() const noexcept {}
    };
    return ToWaiter{};
  }
  template <class U>
  void return_value(U&& result) {
    value.emplace(std::forward<U>(result));
  }
  // The core is compiled without exceptions; a bug ends the instance.
  [[noreturn]] void unhandled_exception() noexcept { std::abort(); }
};

}  // namespace codex
