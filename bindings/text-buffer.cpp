#include "bindings/text-buffer.h"

#include <cstdlib>

namespace codex::bindings {

void TextBuffer::absorb(std::size_t offset, std::size_t length, bool last) {
  if (offset > bytes_.size() || length > bytes_.size() - offset) std::abort();
  if (!hash_) hash_.emplace();
  hash_->update({bytes_.data() + offset, length});
  if (last) {
    absorbed_.push_back(hash_->finish());
    hash_.reset();
  }
}

void TextBuffer::clear() {
  rewind();
  hash_.reset();
  absorbed_.clear();
}

InputText TextBuffer::next(int length) {
  InputText text{nextHead(length)};
  if (length < 0) {
    if (absorbed_.empty()) std::abort();
    text.digestOfWhole = absorbed_.front();
    absorbed_.erase(absorbed_.begin());
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
