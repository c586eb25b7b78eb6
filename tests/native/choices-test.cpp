#include "tests/native/choices.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace codex::testing {
namespace {

TEST(Choices, TakesEveryPathOnce) {
  std::set<std::string> paths;
  const std::size_t ways = inEveryWay([&](Choices& choices) {
    std::string path = std::to_string(choices.among(2));
    // The second fork has as many ways as the first choice says.
    path += std::to_string(choices.among(path == "0" ? 1 : 3));
    path += std::to_string(choices.among(2));
    paths.insert(path);
  });
  EXPECT_EQ(ways, 8U);
  EXPECT_EQ(paths, (std::set<std::string>{"000", "001", "100", "101", "110", "111", "120", "121"}));
}

TEST(Choices, RunsAScenarioWithoutChoicesOnce) {
  EXPECT_EQ(inEveryWay([](Choices&) {}), 1U);
}

}  // namespace
}  // namespace codex::testing
