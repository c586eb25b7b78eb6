#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string_view>

#include "wasm/kv/text.h"

namespace codex::bindings {

/// The memory through which text enters. The shim writes the texts of a call one after the other, then names their lengths;
/// what it wrote stands until the next export is entered.
class TextBuffer {
 public:
  /// UTF-16 units of a text that enters whole. What is longer is absorbed piece by piece, and only its first part stays.
  static constexpr std::size_t kWholeUnits = 2048;
  static constexpr std::size_t kMostTexts = 8;  // of a call
  /// UTF-8 takes at most three bytes for a UTF-16 unit.
  static constexpr std::size_t kBytes = kWholeUnits * 3 * kMostTexts;

  char* address() { return bytes_.data(); }

  /// Takes in a piece of a long text, from where the shim wrote it; `last` ends the text.
  void absorb(std::size_t offset, std::size_t length, bool last);

  /// The texts read so far, one after the other.
  std::string_view read() const { return {bytes_.data(), at_}; }

  /// Starts reading at the first text.
  void rewind() { at_ = 0; }
  /// The next text. A negative length says that it is the head of the next absorbed one.
  InputText next(int length);
  /// The next text, of which only a bounded part matters.
  std::string_view nextHead(int length);
  /// Starts over, without what was absorbed for a call that did not take it.
  void clear();

 private:
  std::array<char, kBytes> bytes_ = {};
  std::size_t at_ = 0;
  std::optional<Sha256> hash_;
  std::array<Digest, kMostTexts> absorbed_ = {};
  std::size_t absorbedCount_ = 0;
  std::size_t taken_ = 0;  // of those absorbed
};

/// The one buffer of this instance.
TextBuffer& textBuffer();

}  // namespace codex::bindings
