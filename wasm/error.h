#pragma once

#include <cmath>
#include <expected>
#include <limits>
#include <string_view>

namespace codex {

/// Why a call failed. The set is closed; the shim shows each as the string in its comment.
enum class ErrorCode {
  InvalidArgument,   // 'invalid-argument': the caller passed something that can never work; fix the call
  InvalidConfig,     // 'invalid-config': a limit, window, prefix or option is out of range; fix the configuration
  KeyTooLong,        // 'key-too-long': a key that may not be shortened exceeds KV's 512 bytes
  ValueTooLarge,     // 'value-too-large': the JSON text exceeds KV's 25 MiB; store it elsewhere and cache its address
  StoreUnavailable,  // 'store-unavailable': KV failed or did not answer in time; try again later
  StoreRateLimited,  // 'store-rate-limited': KV answered 429; the same key was written less than a second ago
  NotSupported,      // 'not-supported': this store or runtime lacks what the call needs
  Aborted,           // 'aborted': the call outlived its slot; repeat it
  CoreFailed,        // 'core-failed': the WebAssembly instance trapped and was replaced; repeat the call
};

/// A failure with its reason. `reason` is a sentence that outlives the program (a literal); it never holds a key, a token
/// or a value. `actual` is the offending number where there is one.
struct Error {
  ErrorCode code;
  std::string_view reason;
  double actual = std::numeric_limits<double>::quiet_NaN();

  bool hasActual() const { return !std::isnan(actual); }
};

template <class T>
using Result = std::expected<T, Error>;

}  // namespace codex
