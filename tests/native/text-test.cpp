#include "wasm/kv/text.h"

#include <gtest/gtest.h>

#include <string>

namespace codex {
namespace {

TEST(Text, FindsASurrogateWhereverItStands) {
  for (const char* const surrogate : {"\xED\xA0\x80", "\xED\xAF\xBF", "\xED\xB0\x80", "\xED\xBF\xBF"}) {
    EXPECT_TRUE(hasLoneSurrogate(surrogate));
    EXPECT_TRUE(hasLoneSurrogate("a" + std::string(surrogate)));
    EXPECT_TRUE(hasLoneSurrogate("\xED\x9F\xBF" + std::string(surrogate) + "z"));
  }
}

TEST(Text, TakesNoOtherCharacterForASurrogate) {
  for (const char* const text : {"", "plain", "\xED\x80\x80", "\xED\x9F\xBF", "\xEE\x80\x80", "\xF0\x9F\x98\x80", "\xED"}) {
    EXPECT_FALSE(hasLoneSurrogate(text)) << text;
  }
}

TEST(Text, IsCutBetweenCharacters) {
  const std::string_view text = "a\u00E9\u20AC\U0001F600";  // 1, 2, 3 and 4 bytes
  const std::size_t expected[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 10};
  for (std::size_t bytes = 0; bytes < std::size(expected); ++bytes) {
    EXPECT_EQ(cutAtCharacter(text, bytes), text.substr(0, expected[bytes])) << bytes;
  }
}

TEST(Text, CutsWhatIsNoUtf8WithoutLeavingIt) { EXPECT_EQ(cutAtCharacter("\x80\x80\x80", 2), ""); }

TEST(Text, IsTheSameOnlyToTheLastByte) {
  const InputText whole{"head"};
  const InputText longOne{"head", sha256("head and more")};
  const InputText longOther{"head", sha256("head and another")};
  EXPECT_TRUE(sameText(whole, InputText{"head"}));
  EXPECT_TRUE(sameText(longOne, InputText{"head", sha256("head and more")}));
  EXPECT_FALSE(sameText(whole, longOne));
  EXPECT_FALSE(sameText(longOne, longOther));
  EXPECT_FALSE(sameText(whole, InputText{"Head"}));
}

TEST(Text, HasTheDigestOfAllOfIt) {
  EXPECT_EQ(InputText{"short"}.digest(), sha256("short"));
  EXPECT_EQ((InputText{"head", sha256("head and more")}).digest(), sha256("head and more"));
  EXPECT_TRUE(InputText{"short"}.whole());
  EXPECT_FALSE((InputText{"head", sha256("head and more")}).whole());
}

}  // namespace
}  // namespace codex
