#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "wasm/kv/text.h"
#include "wasm/memory/shared.h"
#include "wasm/memory/store-key.h"

namespace codex {

/// By what a session is named to its client.
enum class TokenForm {
  Plain,          // its token, which is in its key
  Hashed,         // its token, of which the key holds a hash
  AlreadyHashed,  // that hash, as the index of its user has it
};

/// The keys of a session: where it is stored, and where it says that it was revoked.
struct SessionNames {
  StoreKey
      plain;  // `session:{token}`: under hashed keys, where it was stored before there were any; empty for what is AlreadyHashed
  StoreKey session;  // the same, or `session:h:{hash}`
  StoreKey fence;    // `srev:{H}`
  StoreKey user;     // `urev:{userId}`; empty where the user is not known
  /// What tells them from all others that are or were kept; 0 where they are not. The host knows their keys by it.
  mutable std::uint64_t number = 0;

  /// The token that was presented.
  std::string_view token() const;
  /// H: what tells the session among those of its user.
  std::string_view digest() const;
  bool hashed() const { return session.text != plain.text; }
};

/// Names are shared with the calls under way, whose keys must live until they end.
using SharedNames = Shared<SessionNames>;

/// The names of a session; nothing for what cannot be a key (empty, too long, lone surrogates, and under hashed keys what begins
/// with `h:`), which is therefore nobody's session.
SharedNames namesOf(StoreId store, const InputText& token, TokenForm form);
/// The same with the user known.
SharedNames namesWith(const SessionNames& names, StoreKey user);

/// The keys that are not a call's own business.
enum class SessionName { Fence, Watermark, Index, Session };

/// The key under which a session stands, given what its index entry holds, a token or the hash of one, and how the entry's key ends.
std::string sessionKeyOf(std::string_view value, std::string_view digest);

/// The names of the sessions seen lately, so that who comes again costs no hash, and one read instead of two. Wrong guesses of
/// the user cost a read more and nothing else. Two places for each hash of a token: who comes third takes that of who came first.
class KnownSessions {
 public:
  explicit KnownSessions(HashSeed seed) : hashOf_{seed} {}

  SharedNames find(StoreId store, std::string_view token, TokenForm form) const;
  void note(const SharedNames& names);

 private:
  static constexpr std::size_t kPairs = 1024;
  using Pair = std::array<SharedNames, 2>;
  std::size_t pairOf(StoreId store, std::string_view token) const;

  StoreKeyHash hashOf_;
  std::uint64_t numbered_ = 0;
  std::array<Pair, kPairs> pairs_ = {};  // the later one first
};

}  // namespace codex
