#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
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

/// What the host keeps of reads whose keys are known by a number: the session that each found last. Finding it again as it was, it tells
/// when that ends and nothing else, as the shim does.
class HostKnownSessions {
 public:
  /// The facts of what a read has found under these keys: a session's and its user's watermark's.
  SessionFacts facts(std::uint64_t number, std::string_view sessionKey, std::string_view watermarkKey, std::string_view text,
                     const SessionFacts& facts);
  /// How often what it keeps was found again.
  std::size_t foundAgain() const { return foundAgain_; }

 private:
  struct Known {
    std::string text;
    Instant end;
  };
  std::map<std::uint64_t, Known> known_;
  std::size_t foundAgain_ = 0;
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
