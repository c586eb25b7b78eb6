#include "bindings/text-buffer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>

namespace codex::bindings {
namespace {

/// A buffer and the shim's side of it: texts are written one after the other.
class Buffer : public ::testing::Test {
 protected:
  int write(std::string_view text) {
    std::ranges::copy(text, buffer->address() + at_);
    at_ += text.size();
    return static_cast<int>(text.size());
  }
  /// A long text: hashed piece by piece, of which the head stays. Written as the shim does, each piece over the last.
  int absorb(std::string_view text, std::size_t headBytes, std::size_t pieceBytes) {
    for (std::size_t at = 0; at < text.size(); at += pieceBytes) {
      const std::string_view piece = text.substr(at, pieceBytes);
      std::ranges::copy(piece, buffer->address() + at_);
      buffer->absorb(at_, piece.size(), at + pieceBytes >= text.size());
    }
    return -write(text.substr(0, headBytes));
  }

  /// Begins a call that does not clear what was absorbed.
  void restart() {
    at_ = 0;
    buffer->rewind();
  }

  // On the heap, so that the sanitizers guard its ends.
  std::unique_ptr<TextBuffer> buffer = std::make_unique<TextBuffer>();

 private:
  std::size_t at_ = 0;
};

TEST_F(Buffer, GivesTheTextsInTheOrderInWhichTheyWereWritten) {
  const int one = write("rl:login:");
  const int two = write("");
  const int three = write("203.0.113.7");
  EXPECT_EQ(buffer->next(one).head, "rl:login:");
  EXPECT_EQ(buffer->next(two).head, "");
  EXPECT_EQ(buffer->nextHead(three), "203.0.113.7");
  EXPECT_EQ(buffer->read(), "rl:login:203.0.113.7");
}

TEST_F(Buffer, GivesThemAgainOnceRewound) {
  const int one = write("one");
  EXPECT_EQ(buffer->next(one).head, "one");
  buffer->rewind();
  EXPECT_EQ(buffer->read(), "");
  EXPECT_EQ(buffer->next(one).head, "one");
}

TEST_F(Buffer, TakesNoDigestOfACallThatWasRefusedForOneOfTheNext) {
  for (int calls = 0; calls < 20; ++calls) {
    Buffer::absorb(std::string(5000, 'x'), 100, 2048);
    restart();
    const std::string wanted = "key " + std::string(5000, 'y');
    EXPECT_EQ(buffer->next(absorb(wanted, 100, 2048)).digest(), sha256(wanted));
    restart();
  }
}

TEST_F(Buffer, KnowsATextThatEnteredInPiecesByItsDigest) {
  const std::string whole(10'000, 'x');
  for (const std::size_t piece : {1U, 63U, 64U, 2048U, 10'000U, 20'000U}) {
    const InputText text = buffer->next(absorb(whole, 100, piece));
    EXPECT_FALSE(text.whole());
    EXPECT_EQ(text.head, std::string_view(whole).substr(0, 100));
    EXPECT_EQ(text.digest(), sha256(whole)) << "pieces of " << piece;
  }
}

TEST_F(Buffer, KeepsSeveralLongTextsApart) {
  const std::string first(5000, 'a');
  const std::string second(5000, 'b');
  const int one = absorb(first, 10, 999);
  const int between = write("short");
  const int two = absorb(second, 10, 999);
  EXPECT_EQ(buffer->next(one).digest(), sha256(first));
  EXPECT_TRUE(buffer->next(between).whole());
  EXPECT_EQ(buffer->next(two).digest(), sha256(second));
}

TEST_F(Buffer, ForgetsWhatACallDidNotTake) {
  absorb(std::string(5000, 'a'), 10, 999);
  buffer->absorb(0, 10, false);
  buffer->clear();
  const std::string second(5000, 'b');
  std::ranges::copy(second, buffer->address());
  buffer->absorb(0, second.size(), true);
  EXPECT_EQ(buffer->next(-10).digest(), sha256(second));
}

TEST_F(Buffer, TakesTextsUpToItsLastByte) {
  const std::string full(TextBuffer::kBytes, 'x');
  const int length = write(full);
  EXPECT_EQ(buffer->next(length).head.size(), TextBuffer::kBytes);
  buffer->absorb(0, TextBuffer::kBytes, true);
  buffer->absorb(TextBuffer::kBytes, 0, true);
}

// What follows cannot happen while the shim is right; where it is wrong, the instance ends rather than read beyond its texts.
using BufferDeathTest = Buffer;

TEST_F(BufferDeathTest, EndsWhereTheShimClaimsMoreThanThereIs) {
  EXPECT_DEATH(buffer->next(static_cast<int>(TextBuffer::kBytes) + 1), "");
  EXPECT_DEATH(buffer->absorb(TextBuffer::kBytes, 1, true), "");
  EXPECT_DEATH(buffer->absorb(TextBuffer::kBytes + 1, 0, true), "");
  EXPECT_DEATH(buffer->absorb(1, static_cast<std::size_t>(-1), true), "");
}

TEST_F(BufferDeathTest, EndsWhereTheShimNamesALongTextThatNeverEntered) { EXPECT_DEATH(buffer->next(-5), ""); }

}  // namespace
}  // namespace codex::bindings
