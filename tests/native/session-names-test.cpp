#include "wasm/session/session-names.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

namespace codex {
namespace {

constexpr TokenForm kPlain = TokenForm::Plain;

std::string tokenOf(std::size_t number) { return "token-" + std::to_string(number); }

std::vector<SharedNames> namesOfMany(std::size_t count) {
  std::vector<SharedNames> names;
  for (std::size_t number = 0; number < count; ++number) names.push_back(namesOf(0, {tokenOf(number)}, kPlain));
  return names;
}

TEST(KnownSessions, FindsWhatItHasNotedByStoreTokenAndForm) {
  KnownSessions known(HashSeed{1, 2});
  known.note(namesOf(1, {"alice"}, kPlain));
  EXPECT_TRUE(known.find(1, "alice", kPlain));
  EXPECT_FALSE(known.find(2, "alice", kPlain));
  EXPECT_FALSE(known.find(1, "bob", kPlain));
  EXPECT_FALSE(known.find(1, "alice", TokenForm::Hashed));
}

TEST(KnownSessions, KnowsAnyTwo) {
  // Some of so many pairs share their places.
  const std::vector<SharedNames> names = namesOfMany(160);
  for (std::size_t one = 0; one < names.size(); ++one) {
    for (std::size_t other = 0; other < one; ++other) {
      const auto known = std::make_unique<KnownSessions>(HashSeed{1, 2});
      for (int times = 0; times < 2; ++times) {
        known->note(names[one]);
        known->note(names[other]);
      }
      EXPECT_TRUE(known->find(0, tokenOf(one), kPlain)) << one << " beside " << other;
      EXPECT_TRUE(known->find(0, tokenOf(other), kPlain)) << other << " beside " << one;
    }
  }
}

TEST(KnownSessions, KnowsOfTooManyTheLastAndTakesNoneForAnother) {
  KnownSessions known(HashSeed{1, 2});
  const std::vector<SharedNames> names = namesOfMany(10'000);
  std::size_t found = 0;
  for (std::size_t number = 0; number < names.size(); ++number) {
    known.note(names[number]);
    ASSERT_TRUE(known.find(0, tokenOf(number), kPlain)) << number;
  }
  for (std::size_t number = 0; number < names.size(); ++number) {
    const SharedNames kept = known.find(0, tokenOf(number), kPlain);
    if (!kept) continue;
    ++found;
    EXPECT_EQ(kept->token(), tokenOf(number));
  }
  EXPECT_GT(found, 2000U);
  EXPECT_LE(found, 2048U);
}

TEST(KnownSessions, KnowsASessionByItsLatestNamesAlone) {
  KnownSessions known(HashSeed{1, 2});
  const SharedNames nobodys = namesOf(0, {"alice"}, kPlain);
  known.note(nobodys);
  known.note(namesWith(*nobodys, {0, "urev:alice"}));
  EXPECT_EQ(known.find(0, "alice", kPlain)->user.text, "urev:alice");
  known.note(namesWith(*nobodys, {0, "urev:bob"}));
  EXPECT_EQ(known.find(0, "alice", kPlain)->user.text, "urev:bob");
}

TEST(KnownSessions, NumbersEachNamesForItself) {
  KnownSessions known(HashSeed{1, 2});
  const SharedNames alice = namesOf(0, {"alice"}, kPlain);
  EXPECT_EQ(alice->number, 0U);
  known.note(alice);
  const std::uint64_t number = alice->number;
  EXPECT_NE(number, 0U);
  known.note(alice);
  EXPECT_EQ(alice->number, number);
  const SharedNames bobs = namesWith(*alice, {0, "urev:bob"});
  known.note(bobs);
  EXPECT_NE(bobs->number, number);
}

}  // namespace
}  // namespace codex
