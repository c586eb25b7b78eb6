#include "wasm/session/session-names.h"

#include <optional>
#include <utility>

#include "wasm/kv/key.h"

namespace codex {

std::string_view SessionNames::token() const { return std::string_view(plain.text).substr(key::kSessionPrefix.size()); }

std::string_view SessionNames::digest() const { return std::string_view(fence.text).substr(key::kFencePrefix.size()); }

SharedNames namesOf(StoreId store, const InputText& token, TokenForm form) {
  SessionNames names{.plain = {store, {}}, .session = {store, {}}, .fence = {store, {}}, .user = {store, {}}};
  if (form == TokenForm::AlreadyHashed) {
    names.session.text = key::forHashedSession(token.head);
    names.fence.text = key::forFence(token.head);
    return SharedNames(std::move(names));
  }
  std::optional<std::string> plain = key::forSession(token);
  if (!plain) return nullptr;
  const std::string digest = base64url(sha256(token.head));
  names.plain.text = std::move(*plain);
  names.session.text = form == TokenForm::Plain ? names.plain.text : key::forHashedSession(digest);
  names.fence.text = key::forFence(digest);
  const bool mistakable = form == TokenForm::Hashed && token.head.starts_with(key::kHashMark);
  return mistakable ? SharedNames() : SharedNames(std::move(names));
}

SharedNames namesWith(const SessionNames& names, StoreKey user) {
  SessionNames with = names;
  with.user = std::move(user);
  with.number = 0;
  return SharedNames(std::move(with));
}

std::string sessionKeyOf(std::string_view value, std::string_view digest) {
  constexpr std::size_t kDigestCharacters = 43;
  // A token would have to be its own hash to be taken for one.
  const bool hashed = value.size() == kDigestCharacters && value.starts_with(digest);
  return hashed ? key::forHashedSession(value) : std::string(key::kSessionPrefix).append(value);
}

std::size_t KnownSessions::pairOf(StoreId store, std::string_view token) const {
  return static_cast<std::size_t>(siphash({hashOf_.seed.low ^ store, hashOf_.seed.high}, token)) % kPairs;
}

SharedNames KnownSessions::find(StoreId store, std::string_view token, TokenForm form) const {
  for (const SharedNames& found : pairs_[pairOf(store, token)]) {
    if (!found || found->plain.store != store || found->token() != token) continue;
    if (found->hashed() == (form == TokenForm::Hashed)) return found;
  }
  return {};
}

void KnownSessions::note(const SharedNames& names) {
  if (names->number == 0) names->number = ++numbered_;
  auto& [later, earlier] = pairs_[pairOf(names->plain.store, names->token())];
  const bool anew = later && later->session == names->session;
  if (!anew)
    earlier = std::exchange(later, names);
  else
    later = names;
}

}  // namespace codex
