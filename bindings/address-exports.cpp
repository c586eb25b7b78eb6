#include "bindings/embind-exports.h"
#include "bindings/isolate.h"
#include "wasm/http/address.h"

namespace codex::bindings {
namespace {

/// Needs no call to precede it: neither a store nor the time has a part in it. Leaves the form of the address that stands in
/// the buffer, empty for what is none.
int normalizeAddress(int length, double ipv6Prefix) {
  const Result<address::Ipv6Prefix> prefix = address::ipv6Prefix(ipv6Prefix);
  if (!prefix) return refuse(prefix.error());
  textBuffer().rewind();
  const std::string_view text = textBuffer().nextHead(length);
  static address::Buffer buffer;
  const std::string_view form = address::normalize(text, *prefix, buffer);
  reply().set(Field::KeyIsInput, form == text ? 1.0 : 0.0);
  reply().set(Field::ValueAddress, Field::ValueLength, form);
  return number(State::Done);
}

}  // namespace
}  // namespace codex::bindings

EMSCRIPTEN_BINDINGS(address) { codex::bindings::function("normalizeAddress", &codex::bindings::normalizeAddress); }
