#include "bindings/text-buffer.h"

#include <cstdlib>

namespace codex::bindings {

void TextBuffer::absorb(std::size_t offset, std::size_t length, bool last) {
  if (offset > bytes_.size() || length > bytes_.size() - offset) std::abort();
  if (!hash_) {
    // The first text of a call: what was absorbed before was of one that did not take it.
    if (offset == 0) absorbedCount_ = taken_ = 0;
    hash_.emplace();
  }
  hash_->update({bytes_.data() + offset, length});
  if (last) {
    absorbed_.at(absorbedCount_++) = hash_->finish();
    hash_.reset();
  }
}

void TextBuffer::clear() {
  rewind();
  hash_.reset();
  absorbedCount_ = taken_ = 0;
}

InputText TextBuffer::next(int length) {
  InputText text{nextHead(length)};
  if (length < 0) {
    if (taken_ == absorbedCount_) std::abort();
    text.digestOfWhole = absorbed_[taken_++];
    if (taken_ == absorbedCount_) absorbedCount_ = taken_ = 0;
  }
  return text;
}

std::string_view TextBuffer::nextHead(int length) {
  const auto size = static_cast<std::size_t>(std::abs(length));
  if (size > bytes_.size() - at_) std::abort();
  const std::string_view text(bytes_.data() + at_, size);
  at_ += size;
  return text;
}

namespace {
constinit TextBuffer instance;
}  // namespace

TextBuffer& textBuffer() { return instance; }

}  // namespace codex::bindings
