#include "wasm/ratelimit/store-pace.h"

#include <gtest/gtest.h>

#include "tests/native/instants.h"

namespace codex {
namespace {

using testing::kStart;

Instant after(std::int64_t ms) { return kStart + Millis{ms}; }

TEST(StorePace, ReadsAtOnceAndThenOnceInThirtySeconds) {
  StorePace pace;
  EXPECT_TRUE(pace.readDue(kStart));
  pace.noteRead(kStart);
  EXPECT_FALSE(pace.readDue(after(29'999)));
  EXPECT_TRUE(pace.readDue(after(30'000)));
  EXPECT_TRUE(pace.readDue(after(-1))) << "the clock went back";
}

TEST(StorePace, WritesAtOnceAndThenOnceASecond) {
  StorePace pace;
  EXPECT_EQ(pace.untilWrite(kStart), Millis{0});
  pace.noteWrite(kStart);
  EXPECT_EQ(pace.untilWrite(kStart), Millis{1000});
  EXPECT_EQ(pace.untilWrite(after(999)), Millis{1});
  EXPECT_EQ(pace.untilWrite(after(1000)), Millis{0});
  EXPECT_EQ(pace.untilWrite(after(-1)), Millis{0}) << "the clock went back";
}

TEST(StorePace, AsksOneToWriteUntilThePromiseIsKeptOrOld) {
  StorePace pace;
  pace.noteWrite(kStart);
  EXPECT_EQ(pace.promiseWrite(after(400)), Millis{600});
  EXPECT_EQ(pace.promiseWrite(after(400)), std::nullopt);
  EXPECT_EQ(pace.promiseWrite(after(2999)), std::nullopt);
  EXPECT_EQ(pace.promiseWrite(after(3000)), Millis{0}) << "who promised must have died";
  EXPECT_EQ(pace.promiseWrite(after(3001)), std::nullopt);
  pace.releasePromise();
  EXPECT_EQ(pace.promiseWrite(after(3001)), Millis{0});
  EXPECT_EQ(pace.promiseWrite(after(3000)), Millis{0}) << "the clock went back";
}

TEST(StorePace, StaysInRangeAtTheEdgesOfTime) {
  StorePace pace;
  pace.noteRead(kEarliest);
  pace.noteWrite(kEarliest);
  EXPECT_TRUE(pace.readDue(kLatest));
  EXPECT_EQ(pace.promiseWrite(kLatest), Millis{0});
  EXPECT_EQ(pace.promiseWrite(kLatest), std::nullopt);
  EXPECT_EQ(pace.promiseWrite(kEarliest), Millis{1000});
}

}  // namespace
}  // namespace codex
