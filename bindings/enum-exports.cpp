// The enumerations that the host shares, for the declarations that are generated of the module. They are in no module that
// ships: a name registered there would be a call into JavaScript at every start, and these are most of them.

#include <emscripten/bind.h>

#include "bindings/isolate.h"

using namespace codex;
using namespace codex::bindings;

EMSCRIPTEN_BINDINGS(enumerations) {
  using emscripten::enum_;
  using emscripten::enum_value_type;

  enum_<State>("State", enum_value_type::number)
      .value("Done", State::Done)
      .value("Waiting", State::Waiting)
      .value("Refused", State::Refused)
      .value("Dropped", State::Dropped);
  enum_<Field>("Field", enum_value_type::number)
      .value("Slot", Field::Slot)
      .value("Generation", Field::Generation)
      .value("Verb", Field::Verb)
      .value("Kind", Field::Kind)
      .value("KeyAddress", Field::KeyAddress)
      .value("KeyLength", Field::KeyLength)
      .value("KeyIsInput", Field::KeyIsInput)
      .value("Pieces", Field::Pieces)
      .value("Number0", Field::Number0)
      .value("Number1", Field::Number1)
      .value("ValueAddress", Field::ValueAddress)
      .value("ValueLength", Field::ValueLength)
      .value("MetadataAddress", Field::MetadataAddress)
      .value("MetadataLength", Field::MetadataLength)
      .value("TtlSeconds", Field::TtlSeconds)
      .value("CacheTtlSeconds", Field::CacheTtlSeconds)
      .value("FurtherKeys", Field::FurtherKeys)
      .value("Entry", Field::Entry)
      .value("Created", Field::Created)
      .value("KeyDigestAddress", Field::KeyDigestAddress)
      .value("KeyDigestLength", Field::KeyDigestLength)
      .value("FreshMs", Field::FreshMs)
      .value("StaleMs", Field::StaleMs)
      .value("ErrorMs", Field::ErrorMs)
      .value("LoadMs", Field::LoadMs)
      .value("Negative", Field::Negative)
      .value("TagsAddress", Field::TagsAddress)
      .value("TagsLength", Field::TagsLength)
      .value("Outcome", Field::Outcome)
      .value("Failure", Field::Failure)
      .value("Allowed", Field::Allowed)
      .value("Limit", Field::Limit)
      .value("Remaining", Field::Remaining)
      .value("ResetAt", Field::ResetAt)
      .value("RetryAfterMs", Field::RetryAfterMs)
      .value("Reason", Field::Reason)
      .value("Scope", Field::Scope)
      .value("FromMemory", Field::FromMemory)
      .value("Corrupt", Field::Corrupt)
      .value("RevokedBefore", Field::RevokedBefore)
      .value("EntryState", Field::EntryState)
      .value("AgeMs", Field::AgeMs)
      .value("ReasonAddress", Field::ReasonAddress)
      .value("ReasonLength", Field::ReasonLength)
      .value("Actual", Field::Actual)
      .value("Count", Field::Count);
  enum_<KvVerb>("Verb", enum_value_type::number)
      .value("Get", KvVerb::Get)
      .value("Put", KvVerb::Put)
      .value("Delete", KvVerb::Delete);
  enum_<KvValue>("Kind", enum_value_type::number)
      .value("Text", KvValue::Text)
      .value("Record", KvValue::Record)
      .value("Payload", KvValue::Payload)
      .value("Session", KvValue::Session);
  enum_<ErrorCode>("ErrorCode", enum_value_type::number)
      .value("invalid-argument", ErrorCode::InvalidArgument)
      .value("invalid-config", ErrorCode::InvalidConfig)
      .value("key-too-long", ErrorCode::KeyTooLong)
      .value("value-too-large", ErrorCode::ValueTooLarge)
      .value("store-unavailable", ErrorCode::StoreUnavailable)
      .value("store-rate-limited", ErrorCode::StoreRateLimited)
      .value("not-supported", ErrorCode::NotSupported)
      .value("aborted", ErrorCode::Aborted)
      .value("core-failed", ErrorCode::CoreFailed);

  enum_<SessionOutcome>("SessionOutcome", enum_value_type::number)
      .value("hit", SessionOutcome::Hit)
      .value("miss", SessionOutcome::Miss)
      .value("corrupt", SessionOutcome::Corrupt)
      .value("stored", SessionOutcome::Stored)
      .value("skipped", SessionOutcome::Skipped)
      .value("deleted", SessionOutcome::Deleted)
      .value("failed", SessionOutcome::Failed);
  enum_<SessionField>("SessionField", enum_value_type::number)
      .value("SessionId", SessionField::SessionId)
      .value("SessionUserId", SessionField::SessionUserId)
      .value("SessionToken", SessionField::SessionToken)
      .value("SessionExpiresAt", SessionField::SessionExpiresAt)
      .value("UserId", SessionField::UserId)
      .value("UserEmail", SessionField::UserEmail)
      .value("UserName", SessionField::UserName)
      .value("UserRole", SessionField::UserRole)
      .value("UserEmailVerified", SessionField::UserEmailVerified)
      .value("IpAddress", SessionField::IpAddress)
      .value("UserAgent", SessionField::UserAgent);

  enum_<LimitReason>("Reason", enum_value_type::number)
      .value("ok", LimitReason::Ok)
      .value("limit", LimitReason::Limit)
      .value("degraded", LimitReason::Degraded);
  enum_<LimitScope>("Scope", enum_value_type::number).value("isolate", LimitScope::Isolate).value("colo", LimitScope::Colo);
  enum_<OnUnavailable>("OnUnavailable", enum_value_type::number)
      .value("local", OnUnavailable::Local)
      .value("deny", OnUnavailable::Deny)
      .value("allow", OnUnavailable::Allow);

  enum_<CacheOutcome>("CacheOutcome", enum_value_type::number)
      .value("hit", CacheOutcome::Hit)
      .value("stale", CacheOutcome::Stale)
      .value("miss", CacheOutcome::Miss)
      .value("stored", CacheOutcome::Stored)
      .value("skipped", CacheOutcome::Skipped)
      .value("deleted", CacheOutcome::Deleted)
      .value("failed", CacheOutcome::Failed);
  enum_<entry::State>("EntryState", enum_value_type::number)
      .value("fresh", entry::State::Fresh)
      .value("stale", entry::State::Stale)
      .value("error-only", entry::State::ErrorOnly)
      .value("miss", entry::State::Miss);
}
