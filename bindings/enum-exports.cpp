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
      .value("Ask", State::Ask)
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
      .value("ValueAddress", Field::ValueAddress)
      .value("ValueLength", Field::ValueLength)
      .value("MetadataAddress", Field::MetadataAddress)
      .value("MetadataLength", Field::MetadataLength)
      .value("TtlSeconds", Field::TtlSeconds)
      .value("CacheTtlSeconds", Field::CacheTtlSeconds)
      .value("FurtherKeys", Field::FurtherKeys)
      .value("Outcome", Field::Outcome)
      .value("Failure", Field::Failure)
      .value("Allowed", Field::Allowed)
      .value("Limit", Field::Limit)
      .value("Remaining", Field::Remaining)
      .value("ResetAt", Field::ResetAt)
      .value("RetryAfterMs", Field::RetryAfterMs)
      .value("Reason", Field::Reason)
      .value("Scope", Field::Scope)
      .value("Exact", Field::Exact)
      .value("TicketOpening", Field::TicketOpening)
      .value("TicketSequence", Field::TicketSequence)
      .value("WriteInMs", Field::WriteInMs)
      .value("Place", Field::Place)
      .value("Born", Field::Born)
      .value("Shard", Field::Shard)
      .value("FromMemory", Field::FromMemory)
      .value("Corrupt", Field::Corrupt)
      .value("RevokedBefore", Field::RevokedBefore)
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

  enum_<LimitAlgorithm>("Algorithm", enum_value_type::number)
      .value("fixed-window", LimitAlgorithm::FixedWindow)
      .value("sliding-window", LimitAlgorithm::SlidingWindow)
      .value("gcra", LimitAlgorithm::Gcra);
  enum_<LimitAuthority>("Authority", enum_value_type::number)
      .value("kv", LimitAuthority::Kv)
      .value("memory", LimitAuthority::Memory)
      .value("durable", LimitAuthority::Durable)
      .value("fast", LimitAuthority::Fast);
  enum_<LimitReason>("Reason", enum_value_type::number)
      .value("ok", LimitReason::Ok)
      .value("limit", LimitReason::Limit)
      .value("blocked", LimitReason::Blocked)
      .value("degraded", LimitReason::Degraded)
      .value("shadow", LimitReason::Shadow);
  enum_<LimitScope>("Scope", enum_value_type::number)
      .value("isolate", LimitScope::Isolate)
      .value("colo", LimitScope::Colo)
      .value("global", LimitScope::Global);
  enum_<OnUnavailable>("OnUnavailable", enum_value_type::number)
      .value("local", OnUnavailable::Local)
      .value("deny", OnUnavailable::Deny)
      .value("allow", OnUnavailable::Allow);

  enum_<CacheOutcome>("CacheOutcome", enum_value_type::number)
      .value("hit", CacheOutcome::Hit)
      .value("miss", CacheOutcome::Miss)
      .value("stored", CacheOutcome::Stored)
      .value("skipped", CacheOutcome::Skipped)
      .value("deleted", CacheOutcome::Deleted)
      .value("failed", CacheOutcome::Failed);
}
