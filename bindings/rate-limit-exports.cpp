#include <emscripten/bind.h>

#include "bindings/isolate.h"

namespace codex::bindings {
namespace {

int checkLimit(int prefix, int identifier, double limit, double windowSeconds, int onUnavailable) {
  const Result<RateLimitRule> rule = rateLimitRule(limit, windowSeconds);
  if (!rule) return refuse(rule.error());
  const InputText prefixText = textBuffer().next(prefix);
  Result<std::string> key = key::forLimit(prefixText.head, textBuffer().next(identifier));
  if (!key) return refuse(key.error());
  return call(*key, [&](KvStore& store) {
    return codex::checkLimit(isolate->limits, store, inStore(std::move(*key)), *rule, static_cast<OnUnavailable>(onUnavailable),
                             caller.now);
  });
}

int resetLimit(int prefix, int identifier) {
  const InputText prefixText = textBuffer().next(prefix);
  Result<std::string> key = key::forLimit(prefixText.head, textBuffer().next(identifier));
  if (!key) return refuse(key.error());
  return call(*key, [&](KvStore& store) { return codex::resetLimit(isolate->limits, store, inStore(std::move(*key))); });
}

}  // namespace
}  // namespace codex::bindings

using namespace codex;
using namespace codex::bindings;

EMSCRIPTEN_BINDINGS(rate_limit) {
  using emscripten::function;

  function("checkLimit", &bindings::checkLimit);
  function("resetLimit", &bindings::resetLimit);
}
