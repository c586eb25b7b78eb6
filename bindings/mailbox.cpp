#include "bindings/mailbox.h"

#include <utility>

namespace codex::bindings {
namespace {

/// Writes how a call ended; false while it has not.
struct Ended {
  bool operator()(std::monostate) const { return true; }
  bool operator()(const Task<RateLimitVerdict>& task) const {
    if (!task.done()) return false;
    reply().verdict(task.result());
    return true;
  }
  bool operator()(const Task<Result<Instant>>& task) const {
    if (!task.done()) return false;
    reply().set(Field::Failure, task.result() ? -1.0 : static_cast<double>(task.result().error().code));
    return true;
  }
  template <class Answer>
  bool operator()(const Task<Answer>& task) const {
    if (!task.done()) return false;
    const Answer& answer = task.result();
    reply().set(Field::Outcome, static_cast<double>(answer.outcome));
    reply().set(Field::Failure, answer.error ? static_cast<double>(*answer.error) : -1.0);
    return true;
  }
};

struct Start {
  void operator()(std::monostate) const {}
  template <class T>
  void operator()(Task<T>& task) const {
    task.start();
  }
};

}  // namespace

void Mailbox::sweep(Instant wall) {
  // Once a second is enough to bound what the dead hold on to, and keeps the cost off the path of every call.
  constexpr Millis kInterval{1000};
  if (wall >= swept_ && wall - swept_ < kInterval) return;
  swept_ = wall;
  for (std::uint32_t index = 0; index < slots_.size(); ++index) {
    if (slots_[index].open && slots_[index].deadline < wall) close(index);
  }
}

KvStore& Mailbox::open(Instant deadline) {
  if (free_.empty()) {
    free_.push_back(static_cast<std::uint32_t>(slots_.size()));
    slots_.emplace_back();
  }
  opened_ = free_.back();
  free_.pop_back();
  Slot& slot = slots_[opened_];
  slot.open = true;
  slot.deadline = deadline;
  slot.generation = ++generations_;
  return slot;
}

State Mailbox::run(Call call) {
  Slot& slot = slots_[opened_];
  slot.call = std::move(call);
  std::visit(Start{}, slot.call);
  return settle(opened_);
}

State Mailbox::answer(SlotName name, Instant deadline, const KvAnswer& answer) {
  if (name.index >= slots_.size() || !slots_[name.index].open || slots_[name.index].generation != name.generation) {
    ++answersDropped_;
    return State::Dropped;
  }
  Slot& slot = slots_[name.index];
  slot.deadline = deadline;
  std::exchange(slot.waiting, nullptr)->answer(answer);
  return settle(name.index);
}

State Mailbox::settle(std::uint32_t index) {
  Slot& slot = slots_[index];
  if (std::visit(Ended{}, slot.call)) {
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
  out.set(Field::TtlSeconds, static_cast<double>(request.ttl.count()));
  out.set(Field::CacheTtlSeconds, request.cacheTtl ? static_cast<double>(request.cacheTtl->count()) : 0.0);
  return State::Waiting;
}

void Mailbox::close(std::uint32_t index) {
  Slot& slot = slots_[index];
  slot.call = std::monostate{};
  slot.waiting = nullptr;
  slot.open = false;
  free_.push_back(index);
}

}  // namespace codex::bindings
