#pragma once

#include <cstddef>
#include <utility>

namespace codex {

/// A value that several hold, and that goes with the last of them. In the place of `std::shared_ptr`, which brings weak holders,
/// a table of functions for each type and an exception of its own into a module where nobody asks for them.
template <class T>
class Shared {
 public:
  Shared() = default;
  Shared(std::nullptr_t) {}
  explicit Shared(T value) : held_(new Held{std::move(value), 1}) {}
  Shared(const Shared& other) : held_(other.held_) {
    if (held_ != nullptr) ++held_->holders;
  }
  Shared(Shared&& other) noexcept : held_(std::exchange(other.held_, nullptr)) {}
  Shared& operator=(Shared other) noexcept {
    std::swap(held_, other.held_);
    return *this;
  }
  ~Shared() {
    if (held_ != nullptr && --held_->holders == 0) delete held_;
  }

  explicit operator bool() const { return held_ != nullptr; }
  const T& operator*() const { return held_->value; }
  const T* operator->() const { return &held_->value; }

 private:
  struct Held {
    T value;
    std::size_t holders;
  };

  Held* held_ = nullptr;
};

}  // namespace codex
