#include "wasm/kv/key.h"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "tests/native/choices.h"
#include "tests/native/utf8.h"
#include "wasm/kv/limits.h"

namespace codex::key {
namespace {

using codex::testing::Choices;
using codex::testing::inRandomWays;
using codex::testing::isUtf8;

std::string limitKey(std::string_view prefix, std::string_view identifier) {
  const Result<std::string> key = forLimit(prefix, InputText{identifier});
  EXPECT_TRUE(key) << prefix << identifier;
  return key.value_or("refused");
}

TEST(LimitKey, LeavesTheSpecsExamplesAsTheyAre) {
  EXPECT_EQ(limitKey("rl:login:", "203.0.113.7"), "rl:login:203.0.113.7");
  EXPECT_EQ(limitKey("rl:api:", "8f14e45f-ceea-467f-9575-aa2c1d0b4f3e"), "rl:api:8f14e45f-ceea-467f-9575-aa2c1d0b4f3e");
  EXPECT_EQ(limitKey("rl:register:", "user@example.com"), "rl:register:user@example.com");
  EXPECT_EQ(limitKey("rl:login:", "J\u00FCrgen \U0001F600"), "rl:login:J\u00FCrgen \U0001F600");
}

TEST(LimitKey, EscapesWhatCouldBeTakenForAnotherPart) {
  EXPECT_EQ(limitKey("rl:login:", "2001:db8::1"), "rl:login:2001%3Adb8%3A%3A1");
  EXPECT_EQ(limitKey("rl:login:", "100%"), "rl:login:100%25");
  EXPECT_EQ(limitKey("rl:login:", std::string_view("a\0b\n\x1F\x7F", 6)), "rl:login:a%00b%0A%1F%7F");
  EXPECT_EQ(limitKey("rl:login:", ""), "rl:login:");
}

TEST(LimitKey, EscapesLoneSurrogatesAndNothingThatOnlyLooksLikeOne) {
  EXPECT_EQ(limitKey("rl:", "\xED\xA0\x80"), "rl:%ED%A0%80");
  EXPECT_EQ(limitKey("rl:", "a\xED\xB0\x80z"), "rl:a%ED%B0%80z");
  EXPECT_EQ(limitKey("rl:", "\xED\x9F\xBF"), "rl:\xED\x9F\xBF");
}

TEST(LimitKey, ClosesAPrefixThatDoesNotCloseItself) {
  EXPECT_EQ(limitKey("rl:login", "1.1.1.1"), "rl:login%:1.1.1.1");
  EXPECT_NE(limitKey("rl:", "login:1.1.1.1"), limitKey("rl:login:", "1.1.1.1"));
  EXPECT_NE(limitKey("rl:a", "b"), limitKey("rl:ab", ""));
}

TEST(LimitKey, HashesWhatIsTooLong) {
  // Python: base64.urlsafe_b64encode(hashlib.sha256(b'x' * 600).digest())
  EXPECT_EQ(limitKey("rl:login:", std::string(600, 'x')), "rl:login:%hUTCzPmuH-_UxbtkEnpiSTrEQgAvLqq2AUPZC-6bfN8k");
  EXPECT_EQ(limitKey("rl:login:", std::string(503, 'x')), "rl:login:" + std::string(503, 'x'));
  EXPECT_TRUE(limitKey("rl:login:", std::string(504, 'x')).starts_with("rl:login:%h"));
  EXPECT_TRUE(limitKey("rl:login:", std::string(200, ':')).starts_with("rl:login:%h")) << "600 bytes once escaped";
}

TEST(LimitKey, HashesTextThatDidNotEnterWhole) {
  const std::string whole(600, 'x');
  EXPECT_EQ(*forLimit("rl:login:", InputText{std::string_view(whole).substr(0, 100), sha256(whole)}),
            limitKey("rl:login:", whole));
}

TEST(LimitKey, RefusesPrefixesThatCannotBeOne) {
  const std::string longest(256, 'p');
  const std::string tooLong(257, 'p');
  for (const std::string_view prefix :
       {std::string_view(""), std::string_view(tooLong), std::string_view("rl:\xED\xA0\x80:"), std::string_view("rl%:login:"),
        std::string_view("rl:%b:"), std::string_view("%b:"), std::string_view("rl%b:login:"), std::string_view("session:"),
        std::string_view("session:rl:"), std::string_view("usess:"), std::string_view("urev:x:"), std::string_view("srev:"),
        std::string_view("cache:"), std::string_view("e:tag:")}) {
    const Result<std::string> key = forLimit(prefix, InputText{"id"});
    ASSERT_FALSE(key) << prefix;
    EXPECT_EQ(key.error().code, ErrorCode::InvalidConfig);
    EXPECT_TRUE(key.error().reason.starts_with("keyPrefix ")) << key.error().reason;
  }
  EXPECT_TRUE(forLimit(longest, InputText{std::string(600, 'x')}));
  EXPECT_TRUE(forLimit("sessions:", InputText{"id"}));
  EXPECT_TRUE(forLimit("rl:session:", InputText{"id"}));
}

TEST(LimitKey, OfABlockLiesWithinThePrefix) {
  EXPECT_EQ(forBlock("rl:login:", InputText{"203.0.113.7"}), "rl:login:%b:203.0.113.7");
  EXPECT_EQ(forBlock("rl:login", InputText{"a:b"}), "rl:login%b:a%3Ab");
  EXPECT_TRUE(forBlock("rl:login:", InputText{std::string(600, 'x')}).starts_with("rl:login:%b:%h"));
  EXPECT_EQ(forBlock(std::string(256, 'p'), InputText{std::string(600, 'x')}).size(), 256U + 3U + 2U + 43U);
}

TEST(LimitKey, GivesNoTwoIdentifiersOneKey) {
  const std::vector<std::string> letters = {"a", ":", "%", "h", "3A", "b"};
  std::vector<std::string> texts = {""};
  for (std::size_t from = 0, length = 0; length < 3; ++length) {
    const std::size_t until = texts.size();
    for (; from < until; ++from) {
      for (const std::string& letter : letters) texts.push_back(texts[from] + letter);
    }
  }
  std::map<std::string, std::pair<std::string, std::string>> owners;
  for (const std::string& prefix : texts) {
    for (const std::string& identifier : texts) {
      const Result<std::string> key = forLimit(prefix, InputText{identifier});
      if (!key) continue;
      const auto [at, made] = owners.try_emplace(*key, prefix, identifier);
      ASSERT_TRUE(made || at->second == std::pair(prefix, identifier))
          << *key << " is (" << prefix << ", " << identifier << ") and (" << at->second.first << ", " << at->second.second
          << ")";
      const std::string block = forBlock(prefix, InputText{identifier});
      const auto [of, first] = owners.try_emplace(block, prefix + " blocked", identifier);
      ASSERT_TRUE(first) << block << " is the block of (" << prefix << ", " << identifier << ") and (" << of->second.first
                         << ", " << of->second.second << ")";
    }
  }
}

std::string randomText(Choices& choices, std::size_t longest) {
  const std::vector<std::string> characters = {"a",
                                               "9",
                                               ":",
                                               "%",
                                               std::string(1, '\0'),
                                               "\x7F",
                                               "\u00E9",
                                               "\u20AC",
                                               "\U0001F600",
                                               "\xED\xA0\x80",
                                               "\xED\xBF\xBF",
                                               "\xED\x9F\xBF",
                                               ".",
                                               "#",
                                               "\n"};
  std::string text;
  for (std::size_t left = choices.among(longest); left > 0; --left) text += characters[choices.among(characters.size())];
  return text;
}

TEST(Key, IsAlwaysOneThatKvAccepts) {
  inRandomWays(3000, [](Choices& choices) {
    const auto expectAcceptable = [](std::string_view key) {
      EXPECT_GE(key.size(), 1U);
      EXPECT_LE(key.size(), kv::kMaxKeyBytes);
      EXPECT_TRUE(key != "." && key != "..");
      EXPECT_TRUE(isUtf8(key));
    };
    const std::string text = randomText(choices, choices.among(2) == 0 ? 8 : 700);
    const InputText input = choices.among(8) == 0 ? InputText{text, sha256(text + "more")} : InputText{text};
    const std::string prefix = randomText(choices, 100);
    if (const auto key = forLimit(prefix, input)) {
      expectAcceptable(*key);
      expectAcceptable(forBlock(prefix, input));
    }
    if (const auto key = forSession(input)) expectAcceptable(*key);
    if (const auto key = forCache(input)) expectAcceptable(key->text);
    expectAcceptable(forUserWatermark(input));
    EXPECT_LE(forUserWatermark(input).size(), 5U + 200U);
  });
}

TEST(SessionKey, IsTheSpecs) {
  EXPECT_EQ(forSession(InputText{"tok"}), "session:tok");
  EXPECT_EQ(forSession(InputText{"a:b%c\u20AC"}), "session:a:b%c\u20AC");
  EXPECT_EQ(forSession(InputText{"."}), "session:.");
  EXPECT_EQ(forSession(InputText{std::string(504, 't')}), "session:" + std::string(504, 't'));
}

TEST(SessionKey, IsNothingForATokenThatCannotBeOne) {
  EXPECT_EQ(forSession(InputText{""}), std::nullopt);
  EXPECT_EQ(forSession(InputText{std::string(505, 't')}), std::nullopt);
  EXPECT_EQ(forSession(InputText{"a\xED\xA0\x80"}), std::nullopt);
  EXPECT_EQ(forSession(InputText{"head", sha256("head and more")}), std::nullopt);
}

TEST(WatermarkKey, KeepsUsersApart) {
  EXPECT_EQ(forUserWatermark(InputText{"alice"}), "urev:alice");
  EXPECT_EQ(forUserWatermark(InputText{"a:b"}), "urev:a%3Ab");
  EXPECT_EQ(forUserWatermark(InputText{"a%3Ab"}), "urev:a%253Ab");
  EXPECT_EQ(forUserWatermark(InputText{std::string(200, 'u')}), "urev:" + std::string(200, 'u'));
  // Python: base64.urlsafe_b64encode(hashlib.sha256(b'u' * 201).digest())
  EXPECT_EQ(forUserWatermark(InputText{std::string(201, 'u')}), "urev:%hVEDYVq2QBFDQrr72DBczzqUGxpDu7z-_dZfDmTiyPOw");
}

TEST(CachePrefix, ReachesNothingOfOtherClients) {
  for (const std::string_view prefix : {"", "s", "session:", "session:abc", "u", "us", "urev:", "usess:a", "srev:", "e",
                                        "e:", "e::tag", "a", "auth", "auth:", "auth:x", "cache\xED\xA0\x80"}) {
    ASSERT_FALSE(checkCachePrefix({prefix})) << prefix;
    EXPECT_EQ(checkCachePrefix({prefix}).error().code, ErrorCode::InvalidArgument) << prefix;
  }
  for (const std::string_view prefix : {"cache:", "c", "posts:", "ev", "events:", "sessions", "user:", "shop:"}) {
    EXPECT_TRUE(checkCachePrefix({prefix})) << prefix;
  }
  EXPECT_TRUE(checkCachePrefix({std::string(512, 'x')}));
  EXPECT_EQ(checkCachePrefix({std::string(513, 'x')}).error().code, ErrorCode::KeyTooLong);
}

TEST(CacheKey, StandsVerbatimWhereKvAcceptsIt) {
  for (const std::string& text : {std::string("content:published:all"), std::string("a"), std::string("..."),
                                  std::string("%:#"), std::string(512, 'k'), std::string("a\0b", 3)}) {
    const Result<CacheKey> key = forCache(InputText{text});
    ASSERT_TRUE(key);
    EXPECT_EQ(key->text, text);
    EXPECT_EQ(key->digest, "");
  }
}

TEST(CacheKey, IsShortenedToAPrefixAndADigestOfItself) {
  const Result<CacheKey> key = forCache(InputText{std::string(513, 'k')});
  ASSERT_TRUE(key);
  // Python: base64.urlsafe_b64encode(hashlib.sha256(b'k' * 513).digest())
  EXPECT_EQ(key->digest, "RafH75XDQX6AA2L1Zyq6FtqAcmH-cSHzqBsKD7a5oFw");
  EXPECT_EQ(key->text, std::string(489, 'k') + "#RafH75XDQX6AA2L1Zyq6Ft");
}

TEST(CacheKey, IsCutBetweenCharacters) {
  std::string euros = "k";
  for (int i = 0; i < 200; ++i) euros += "\u20AC";
  const Result<CacheKey> key = forCache(InputText{euros});
  ASSERT_TRUE(key);
  EXPECT_TRUE(isUtf8(key->text));
  EXPECT_EQ(key->text.find('#'), 487U);
}

TEST(CacheKey, WithALoneSurrogateIsItsDigest) {
  const Result<CacheKey> key = forCache(InputText{"\xED\xA0\x80"});
  ASSERT_TRUE(key);
  // Python: base64.urlsafe_b64encode(hashlib.sha256(b'\xed\xa0\x80').digest())
  EXPECT_EQ(key->digest, "kaaBuZhVX7R1R5gXsSbJTlflIBH6GELF0Yh5WkoFIms");
  EXPECT_EQ(key->text, "#kaaBuZhVX7R1R5gXsSbJTl");
}

TEST(CacheKey, TellsLongKeysApartThatBeginAlike) {
  const std::string head(600, 'k');
  const Result<CacheKey> one = forCache(InputText{head, sha256(head + "1")});
  const Result<CacheKey> other = forCache(InputText{head, sha256(head + "2")});
  ASSERT_TRUE(one && other);
  EXPECT_NE(one->text, other->text);
  EXPECT_NE(one->digest, other->digest);
}

TEST(CacheKey, RefusesWhatKvForbids) {
  for (const char* const text : {"", ".", ".."}) {
    const Result<CacheKey> key = forCache(InputText{text});
    ASSERT_FALSE(key) << text;
    EXPECT_EQ(key.error().code, ErrorCode::InvalidArgument);
  }
}

}  // namespace
}  // namespace codex::key
