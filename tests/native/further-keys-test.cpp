#include "bindings/further-keys.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

namespace codex::bindings {
namespace {

/// The host's side: it reads the numbers it was shown, and writes the lengths of what it found in their place.
class FurtherKeysTest : public ::testing::Test {
 protected:
  void write(std::size_t index, std::string_view text) {
    std::ranges::copy(text, buffer->address() + at_);
    at_ += text.size();
    numbers()[index] = static_cast<std::int32_t>(text.size());
  }
  std::int32_t* numbers() { return const_cast<std::int32_t*>(keys->address()); }

  // On the heap, so that the sanitizers guard their ends.
  std::unique_ptr<FurtherKeys> keys = std::make_unique<FurtherKeys>();
  std::unique_ptr<TextBuffer> buffer = std::make_unique<TextBuffer>();

 private:
  std::size_t at_ = 0;
};

TEST_F(FurtherKeysTest, ShowsWhereEachKeyStands) {
  const std::vector<std::string> names = {"rl:login:%b:203.0.113.7", "", "urev:u"};
  const std::vector<std::string_view> views(names.begin(), names.end());
  keys->show(views);
  for (std::size_t i = 0; i < names.size(); ++i) {
    const auto address = static_cast<std::int32_t>(reinterpret_cast<std::uintptr_t>(names[i].data()));
    EXPECT_EQ(keys->address()[2 * i], address);
    EXPECT_EQ(keys->address()[2 * i + 1], static_cast<std::int32_t>(names[i].size()));
  }
}

TEST_F(FurtherKeysTest, TakesTheTextsInOrderAndTellsAbsentFromEmpty) {
  write(0, "first");
  numbers()[1] = -1;
  write(2, "");
  write(3, "last");
  const auto texts = keys->take(4, *buffer);
  ASSERT_EQ(texts.size(), 4U);
  EXPECT_EQ(texts[0], "first");
  EXPECT_EQ(texts[1], std::nullopt);
  EXPECT_EQ(texts[2], "");
  EXPECT_EQ(texts[3], "last");
  EXPECT_TRUE(keys->take(0, *buffer).empty());
}

TEST_F(FurtherKeysTest, HoldsAsManyKeysAsKvReadsAtOnce) {
  const std::vector<std::string> names(kMaxFurtherKeys, "k");
  const std::vector<std::string_view> views(names.begin(), names.end());
  keys->show(views);
  for (std::size_t i = 0; i < kMaxFurtherKeys; ++i) write(i, std::to_string(i));
  const auto texts = keys->take(kMaxFurtherKeys, *buffer);
  for (std::size_t i = 0; i < kMaxFurtherKeys; ++i) EXPECT_EQ(texts[i], std::to_string(i));
}

}  // namespace
}  // namespace codex::bindings
