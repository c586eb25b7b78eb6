#include "bindings/mailbox.h"

#include <utility>

#include "bindings/further-keys.h"

namespace codex::bindings {
void report(const RateLimitVerdict& verdict) { reply().verdict(verdict); }

void report(const LimitWritten& written) {
  reply().set(Field::Failure, written.error ? static_cast<double>(*written.error) : -1.0);
  reply().set(Field::WriteInMs, written.writeIn ? static_cast<double>(written.writeIn->count()) : -1.0);
}

void report(const Result<Instant>& result) {
  reply().set(Field::Failure, result ? -1.0 : static_cast<double>(result.error().code));
}

namespace {

template <class Answer>
void reportEnding(const Answer& answer) {
  reply().set(Field::Outcome, static_cast<double>(answer.outcome));
  reply().set(Field::Failure, answer.error ? static_cast<double>(*answer.error) : -1.0);
}

double count(Millis duration) { return static_cast<double>(duration.count()); }

void setNumbers(const entry::Windows& windows, Millis loadTime) {
  Reply& out = reply();
  out.set(Field::FreshMs, count(windows.fresh));
  out.set(Field::StaleMs, count(windows.stale));
  out.set(Field::ErrorMs, count(windows.error));
  out.set(Field::LoadMs, count(loadTime));
}

void describe(const entry::Envelope& envelope) {
  Reply& out = reply();
  out.set(Field::Created, count(envelope.created.time_since_epoch()));
  setNumbers(envelope.windows, envelope.loadTime);
  out.set(Field::Negative, envelope.negative ? 1.0 : 0.0);
  out.set(Field::TagsAddress, Field::TagsLength, envelope.tags);
  out.set(Field::KeyDigestAddress, Field::KeyDigestLength, envelope.keyDigest);
}

}  // namespace

void describe(entry::State state, const std::optional<Millis>& age, const entry::Windows& windows, Millis loadTime) {
  reply().set(Field::EntryState, static_cast<double>(state));
  reply().set(Field::AgeMs, age ? count(*age) : -1.0);
  setNumbers(windows, loadTime);
}

void report(SessionAnswer& answer) {
  reportEnding(answer);
  reply().set(Field::ExpiresAt, static_cast<double>(answer.expiresAt.time_since_epoch().count()));
  offered = std::move(answer.offer);
}
void report(CacheAnswer& answer) {
  reportEnding(answer);
  describe(answer.state, answer.age, answer.windows, answer.loadTime);
  Reply& out = reply();
  out.set(Field::Began, static_cast<double>(answer.began));
  out.keep(Field::TagsAddress, Field::TagsLength, std::move(answer.tags));
  offered = std::move(answer.offer);
}

void Mailbox::sweep(Instant wall) {
  // Once a second is enough to bound what the dead hold on to, and keeps the cost off the path of every call.
  constexpr Millis kInterval{1000};
  if (wall >= swept_ && wall - swept_ < kInterval) return;
  swept_ = wall;
  for (std::uint32_t index = 0; index < slots_.size(); ++index) {
    if (slots_[index]->open && slots_[index]->deadline < wall) close(index);
  }
}

KvStore& Mailbox::open(Instant deadline) {
  if (free_.empty()) {
    free_.push_back(static_cast<std::uint32_t>(slots_.size()));
    slots_.push_back(std::make_unique<Slot>());
  }
  opened_ = free_.back();
  free_.pop_back();
  Slot& slot = *slots_[opened_];
  slot.open = true;
  slot.deadline = deadline;
  slot.generation = ++generations_;
  return slot;
}

State Mailbox::answer(SlotName name, Instant deadline, const KvAnswer& answer) {
  Slot* const slot = name.index < slots_.size() ? slots_[name.index].get() : nullptr;
  if (slot == nullptr || !slot->open || slot->generation != name.generation) {
    ++answersDropped_;
    return State::Dropped;
  }
  slot->deadline = deadline;
  std::exchange(slot->waiting, nullptr)->answer(answer);
  return settle(name.index);
}

State Mailbox::settle(std::uint32_t index) {
  Slot& slot = *slots_[index];
  if (slot.frame.done()) {
    slot.report(slot.frame);
    close(index);
    return State::Done;
  }
  const KvRequest& request = slot.waiting->request();
  Reply& out = reply();
  out.set(Field::Slot, std::size_t{index});
  out.set(Field::Generation, std::size_t{slot.generation});
  out.set(Field::Verb, static_cast<double>(request.verb));
  out.set(Field::Kind, static_cast<double>(request.kind));
  out.set(Field::KeyAddress, Field::KeyLength, request.key);
  out.set(Field::ValueAddress, Field::ValueLength, request.value);
  out.set(Field::MetadataAddress, Field::MetadataLength, request.metadata);
  out.set(Field::Entry, request.entry == nullptr ? 0.0 : 1.0);
  if (request.entry != nullptr) describe(*request.entry);
  out.set(Field::TtlSeconds, static_cast<double>(request.ttl.count()));
  out.set(Field::CacheTtlSeconds, static_cast<double>(request.cacheTtl.count()));
  out.set(Field::FurtherKeys, request.also.size());
  out.set(Field::KnownKeys, static_cast<double>(request.knownKeys));
  if (!request.also.empty()) furtherKeys().show(request.also);
  return State::Waiting;
}

void Mailbox::close(std::uint32_t index) {
  Slot& slot = *slots_[index];
  std::exchange(slot.frame, nullptr).destroy();
  slot.waiting = nullptr;
  slot.open = false;
  free_.push_back(index);
}

}  // namespace codex::bindings
