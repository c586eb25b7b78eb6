#include "wasm/cache/tags.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "wasm/kv/limits.h"

namespace codex::tags {
namespace {

std::string listOf(const std::vector<std::string>& names) {
  std::string list;
  for (const std::string& name : names) EXPECT_TRUE(add(list, {name})) << name;
  return list;
}
std::vector<std::string> keysOf(std::string_view prefix, std::string_view list) {
  const EpochKeys epochs(prefix, list);
  return {epochs.keys().begin(), epochs.keys().end()};
}

TEST(Tags, AreListedOnceWithoutEpochs) {
  EXPECT_EQ(listOf({"a", "post 7", "a"}), "a::post 7::");
  EXPECT_EQ(listOf({"user:7", "100%"}), "user%3A7::100%25::");
  EXPECT_EQ(listOf({"\u00FC", "\U0001F511"}), "%C3%BC::%F0%9F%94%91::");
}

TEST(Tags, AreRefusedWhereTheyAreEmptyOrDoNotFit) {
  std::string list;
  EXPECT_EQ(add(list, {""}).error().code, ErrorCode::InvalidArgument);
  int fitted = 0;
  while (add(list, {"tag number " + std::to_string(100 + fitted)})) ++fitted;
  EXPECT_EQ(fitted, 27);
  std::string quoted;
  int fittedQuoted = 0;
  while (add(quoted, {"\"\"\"\"\"\"\"\"\"\"\"" + std::to_string(100 + fittedQuoted)})) ++fittedQuoted;
  EXPECT_EQ(fittedQuoted, 20) << "each quote takes two bytes of JSON";
}

TEST(Tags, ThatAreLongAreHashed) {
  const std::string list = listOf({std::string(121, 'x'), std::string(120, 'x'), std::string(122, 'x')});
  EXPECT_EQ(list.substr(0, 2), "%h");
  EXPECT_EQ(keysOf("e::", list).size(), 3U);
  std::string umlauts;
  for (int i = 0; i < 21; ++i) umlauts += "\u00FC";
  EXPECT_EQ(listOf({umlauts}).size(), 2 + 43 + 2U);
  EXPECT_EQ(listOf({umlauts.substr(2)}).size(), 20 * 6 + 2U);
  for (const std::string& key : keysOf(epochPrefix(std::string(384, 'n')), list)) EXPECT_LE(key.size(), kv::kMaxKeyBytes);
}

TEST(Tags, HaveTheirEpochsUnderKeysOfTheirNamespace) {
  EXPECT_EQ(keysOf(epochPrefix(""), "a::b:7:"), (std::vector<std::string>{"e::a", "e::b"}));
  EXPECT_EQ(keysOf(epochPrefix("shop"), "a::"), (std::vector<std::string>{"e:shop:a"}));
  EXPECT_NE(keysOf(epochPrefix("a"), listOf({"b:c"})), keysOf(epochPrefix("a:b"), listOf({"c"})));
}

TEST(Tags, OfAListThatIsNoneOfOursHaveNoKeys) {
  std::string list;
  for (int i = 0; i < 101; ++i) list += "a::";
  EXPECT_TRUE(keysOf("e::", list).empty());
  EXPECT_EQ(keysOf("e::", list.substr(3)).size(), 100U);
  EXPECT_TRUE(keysOf("e::", "nonsense").empty());
}

TEST(Tags, TakeTheEpochsThatWereFound) {
  const std::vector<Found> found = {"123", std::nullopt, "9007199254740991"};
  EXPECT_EQ(withEpochs("a::b::c::", nullptr, found), "a:123:b::c:9007199254740991:");
  const Found first = "7";
  EXPECT_EQ(withEpochs("z::a::b::c::", &first, found), "z:7:a:123:b::c:9007199254740991:");
}

TEST(Tags, TakeAnEpochThatIsNoneOfOursForOneUnlikeAny) {
  for (const char* const odd : {"", "12:34", "abc", "12345678901234567", "-1", "1.5", "\"1\""}) {
    const std::vector<Found> found = {odd};
    EXPECT_EQ(withEpochs("a::", nullptr, found), "a:?:") << odd;
  }
}

TEST(Tags, AgreeWhileNoEpochDiffers) {
  EXPECT_TRUE(compare("a:1:b::", "b::a:1:").holds);
  EXPECT_TRUE(compare("a:1:b::", "c:5:b::a:1:").holds) << "the caller may name more";
  EXPECT_FALSE(compare("a:1:b::", "a:1:b:2:").holds);
  EXPECT_FALSE(compare("a:1:", "a::").holds) << "an epoch that was lost";
  EXPECT_FALSE(compare("a:1:", "a:?:").holds);
  EXPECT_TRUE(compare("", "a:1:").holds);
}

TEST(Tags, SayWhichEpochsAreStillToBeRead) {
  const Agreement agreement = compare("a:1:b:2:c::", "b:2:");
  EXPECT_TRUE(agreement.holds);
  EXPECT_EQ(agreement.unread, "a:1:c::");
}

TEST(Tags, OfAListThatIsNoneHoldNothing) {
  for (const char* const odd : {"a", "a:", ":", "a:1", "a:1:b", "a:1:b:2"}) EXPECT_FALSE(compare(odd, "a:1:").holds) << odd;
}

}  // namespace
}  // namespace codex::tags
