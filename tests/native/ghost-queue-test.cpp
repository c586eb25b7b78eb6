#include "wasm/memory/ghost-queue.h"

#include <gtest/gtest.h>

namespace codex {
namespace {

TEST(GhostQueue, GivesEachGhostBackOnce) {
  GhostQueue ghosts;
  ghosts.add(1);
  EXPECT_FALSE(ghosts.take(2));
  EXPECT_TRUE(ghosts.take(1));
  EXPECT_FALSE(ghosts.take(1));
  EXPECT_EQ(ghosts.count(), 0U);
}

TEST(GhostQueue, LetsTheOldestGo) {
  GhostQueue ghosts;
  for (std::uint64_t hash = 1; hash <= 5; ++hash) ghosts.add(hash);
  EXPECT_TRUE(ghosts.take(3));
  ghosts.trim(2);
  EXPECT_FALSE(ghosts.take(1));
  EXPECT_FALSE(ghosts.take(2));
  EXPECT_TRUE(ghosts.take(4));
  EXPECT_TRUE(ghosts.take(5));
}

}  // namespace
}  // namespace codex
