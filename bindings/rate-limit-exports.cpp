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
  using emscripten::enum_;
  using emscripten::enum_value_type;
  using emscripten::function;

  enum_<LimitReason>("Reason", enum_value_type::number)
      .value("ok", LimitReason::Ok)
      .value("limit", LimitReason::Limit)
      .value("degraded", LimitReason::Degraded);
  enum_<LimitScope>("Scope", enum_value_type::number).value("isolate", LimitScope::Isolate).value("colo", LimitScope::Colo);
  enum_<OnUnavailable>("OnUnavailable", enum_value_type::number)
      .value("local", OnUnavailable::Local)
      .value("deny", OnUnavailable::Deny)
      .value("allow", OnUnavailable::Allow);

  function("checkLimit", &bindings::checkLimit);
  function("resetLimit", &bindings::resetLimit);
}
