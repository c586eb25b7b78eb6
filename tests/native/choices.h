#pragma once

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

namespace codex::testing {

/// What a scenario asks wherever things can go more than one way, such as which operation is answered next.
class Choices {
 public:
  virtual ~Choices() = default;
  /// One of 0 to `options` - 1.
  virtual std::size_t among(std::size_t options) = 0;
};

/// Depth first through every sequence of choices: `next` turns to one that has not been taken yet. The scenario runs anew
/// for each, since a coroutine cannot be copied half-way.
class EveryChoice final : public Choices {
 public:
  std::size_t among(std::size_t options) override {
    if (at_ == path_.size()) path_.push_back({0, options});
    EXPECT_EQ(path_[at_].options, options) << "the scenario is not deterministic";
    return path_[at_++].taken;
  }
  bool next() {
    at_ = 0;
    while (!path_.empty() && path_.back().taken + 1 == path_.back().options) path_.pop_back();
    if (path_.empty()) return false;
    ++path_.back().taken;
    return true;
  }

 private:
  struct Fork {
    std::size_t taken;
    std::size_t options;
  };
  std::vector<Fork> path_;
  std::size_t at_ = 0;
};

class RandomChoice final : public Choices {
 public:
  explicit RandomChoice(std::uint64_t seed) : random_(seed) {}
  std::size_t among(std::size_t options) override {
    return std::uniform_int_distribution<std::size_t>(0, options - 1)(random_);
  }

 private:
  std::mt19937_64 random_;
};

/// Runs the scenario in every way it can go, until it fails. Returns how many there were.
template <class Scenario>
std::size_t inEveryWay(Scenario scenario) {
  EveryChoice choices;
  std::size_t ways = 0;
  do {
    scenario(choices);
    ++ways;
  } while (!::testing::Test::HasFailure() && choices.next());
  return ways;
}

/// Runs the scenario once for each seed from 1 on. A failure names its seed.
template <class Scenario>
void inRandomWays(std::uint64_t seeds, Scenario scenario) {
  for (std::uint64_t seed = 1; seed <= seeds && !::testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE(::testing::Message() << "seed " << seed);
    RandomChoice choices(seed);
    scenario(choices);
  }
}

}  // namespace codex::testing
