#pragma once

#include <array>
#include <string>
#include <string_view>

#include "wasm/session/session-record.h"

namespace codex::testing {

/// What the host makes of a stored session: it parses the text and the metadata, and hands over the facts that the rules need, as the shim
/// does. Text that is no JSON has no field of its type.
class HostSession {
 public:
  explicit HostSession(std::string_view text, std::string_view metadata = {});
  HostSession(const HostSession&) = delete;
  HostSession& operator=(const HostSession&) = delete;

  const SessionFacts& facts() const { return facts_; }

 private:
  std::array<std::string, 5> texts_;
  SessionFacts facts_;
};

/// A session record as the spec stores it.
struct SessionText {
  std::string token = "token-of-alice";
  std::string sessionUserId = "alice";
  std::string userId = "alice";
  std::string expiresAt = "2026-01-02T00:00:00.000Z";
  std::string role = "customer";

  std::string json() const;
};

}  // namespace codex::testing
