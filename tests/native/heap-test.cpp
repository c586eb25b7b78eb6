#include "bindings/heap.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <vector>

#include "tests/native/choices.h"

namespace codex::bindings {
namespace {

using codex::testing::Choices;
using codex::testing::inRandomWays;

/// Memory with an end, which the tests watch.
struct Arena {
  static constexpr std::size_t kBytes = std::size_t{1} << 24;

  std::vector<std::byte> bytes = std::vector<std::byte>(kBytes + 32);
  std::byte* reached = nullptr;

  std::byte* begin() {
    return reinterpret_cast<std::byte*>((reinterpret_cast<std::uintptr_t>(bytes.data()) + 15) / 16 * 16 + 8);
  }
  std::size_t taken() { return reached == nullptr ? 0 : static_cast<std::size_t>(reached - begin()); }
};

struct Region {
  Arena* arena;

  std::byte* begin() const { return arena->begin(); }
  void reach(std::byte* end) const {
    arena->reached = end;
    ASSERT_LE(arena->taken(), Arena::kBytes);
  }
};

/// Something taken, filled with what nobody else writes.
struct Piece {
  void* memory;
  std::size_t bytes;
  unsigned char mark;

  bool whole() const {
    const auto* const held = static_cast<const unsigned char*>(memory);
    for (std::size_t i = 0; i < bytes; ++i) {
      if (held[i] != mark) return false;
    }
    return true;
  }
};

Piece take(Heap<Region>& heap, std::size_t bytes, unsigned char mark) {
  Piece piece{heap.take(bytes), bytes, mark};
  std::memset(piece.memory, mark, bytes);
  return piece;
}

TEST(Heap, HandsOutMemoryThatNobodyElseHas) {
  inRandomWays(20, [](Choices& choices) {
    Arena arena;
    Heap<Region> heap(Region{&arena});
    std::vector<Piece> pieces;
    for (int step = 0; step < 2000; ++step) {
      if (pieces.empty() || choices.among(3) > 0) {
        const std::size_t bytes = choices.among(choices.among(20) == 0 ? 20'000 : 300);
        pieces.push_back(take(heap, bytes, static_cast<unsigned char>(step)));
        EXPECT_EQ(reinterpret_cast<std::uintptr_t>(pieces.back().memory) % 16, 0U);
      } else {
        const std::size_t at = choices.among(pieces.size());
        ASSERT_TRUE(pieces[at].whole()) << pieces[at].bytes;
        heap.giveBack(pieces[at].memory);
        pieces[at] = pieces.back();
        pieces.pop_back();
      }
    }
    for (const Piece& piece : pieces) EXPECT_TRUE(piece.whole()) << piece.bytes;
  });
}

TEST(Heap, TakesNoMoreForWhatComesAgain) {
  Arena arena;
  Heap<Region> heap(Region{&arena});
  std::size_t after = 0;
  for (int round = 0; round < 100; ++round) {
    std::vector<Piece> pieces;
    for (std::size_t bytes = 0; bytes < 3000; bytes += 7) pieces.push_back(take(heap, bytes, 1));
    for (const Piece& piece : pieces) heap.giveBack(piece.memory);
    if (round == 0) after = arena.taken();
    EXPECT_EQ(arena.taken(), after);
  }
}

TEST(Heap, RoundsUpByAQuarterAtMost) {
  for (std::size_t bytes = 0; bytes < 100'000; bytes += 1 + bytes / 50) {
    Arena arena;
    Heap<Region> heap(Region{&arena});
    take(heap, bytes, 1);
    EXPECT_GE(arena.taken(), bytes + 8);
    if (bytes >= 64) {
      EXPECT_LE(arena.taken(), bytes + 8 + (bytes + 8) / 4) << bytes;
    }
  }
}

TEST(Heap, TakesNothingBackThatIsNothing) {
  Arena arena;
  Heap<Region> heap(Region{&arena});
  heap.giveBack(nullptr);
  EXPECT_NE(heap.take(8), nullptr);
}

TEST(HeapDeathTest, EndsTheProgramWhereNobodyCouldHaveSoMuch) {
  Arena arena;
  Heap<Region> heap(Region{&arena});
  EXPECT_DEATH(heap.take(Heap<Region>::kMostBytes), "");
}

}  // namespace
}  // namespace codex::bindings
