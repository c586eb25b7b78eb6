#include "bindings/reply.h"

#include <cstdint>
#include <utility>

namespace codex::bindings {

std::optional<Offer> offered;

void Reply::set(Field address, Field length, std::string_view text) {
  set(address, static_cast<double>(reinterpret_cast<std::uintptr_t>(text.data())));
  set(length, text.size());
}

void Reply::keep(Field address, Field length, std::string text) {
  kept_ = std::move(text);
  set(address, length, kept_);
}

State Reply::refuse(const Error& error) {
  set(Field::Failure, static_cast<double>(error.code));
  set(Field::ReasonAddress, Field::ReasonLength, error.reason);
  set(Field::Actual, error.actual);
  return State::Refused;
}

void Reply::verdict(const RateLimitVerdict& verdict) {
  set(Field::Allowed, verdict.allowed ? 1.0 : 0.0);
  set(Field::Limit, static_cast<double>(verdict.limit));
  set(Field::Remaining, static_cast<double>(verdict.remaining));
  set(Field::ResetAt, static_cast<double>(verdict.resetAt.time_since_epoch().count()));
  set(Field::RetryAfterMs, verdict.retryAfter ? static_cast<double>(verdict.retryAfter->count()) : -1.0);
  set(Field::Reason, static_cast<double>(verdict.reason));
  set(Field::Scope, static_cast<double>(verdict.scope));
  set(Field::Exact, verdict.exact ? 1.0 : 0.0);
  set(Field::TicketOpening, verdict.ticket ? static_cast<double>(verdict.ticket->opening) : 0.0);
  set(Field::TicketSequence, verdict.ticket ? static_cast<double>(verdict.ticket->sequence) : 0.0);
  set(Field::WriteInMs, verdict.writeIn ? static_cast<double>(verdict.writeIn->count()) : -1.0);
  set(Field::Place, static_cast<double>(verdict.place));
  set(Field::Born, static_cast<double>(verdict.born));
  set(Field::FromMemory, verdict.fromMemory ? 1.0 : 0.0);
  set(Field::Corrupt, verdict.corrupt ? 1.0 : 0.0);
  set(Field::Failure, verdict.error ? static_cast<double>(*verdict.error) : -1.0);
}

namespace {
constinit Reply instance;
}  // namespace

Reply& reply() { return instance; }

}  // namespace codex::bindings
