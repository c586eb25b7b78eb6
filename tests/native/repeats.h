#pragma once

namespace codex::testing {

#ifdef __SANITIZE_ADDRESS__
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = false;
#endif

/// How often to do what is done thousands or millions of times: so often, but under the sanitizers a tenth of it. They make a step ten
/// times as long, and look for what any one step does to memory; whether it goes well every time is found out natively.
template <class Count>
constexpr Count tenthIfSanitized(Count times) {
  return kSanitized ? times / 10 : times;
}

}  // namespace codex::testing
