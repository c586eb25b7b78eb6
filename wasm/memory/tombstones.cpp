#include "wasm/memory/tombstones.h"

#include <algorithm>

namespace codex {

void Tombstones::Grave::widen(const Grave& other) {
  stamp = std::max(stamp, other.stamp);
  through = std::max(through, other.through);
  until = std::max(until, other.until);
}

void Tombstones::bury(std::uint64_t hash, const Burial& burial, Stamp stamp, std::size_t most) {
  sweep(burial.now);
  const Grave grave{stamp, burial.through, burial.until};
  LinkedTable::Index at = table_.first(hash);
  if (at == LinkedTable::kNone) {
    at = table_.add(hash);
    if (at == graves_.size()) graves_.emplace_back();
    graves_[at] = grave;
  } else {
    table_.remove(order_, at);
    graves_[at].widen(grave);
  }
  table_.append(order_, at);
  while (order_.count > most) {
    mark_.widen(graves_[order_.oldest]);
    dropOldest();
  }
}

bool Tombstones::buries(std::uint64_t hash, const Arrival& arrival, Instant now) const {
  const LinkedTable::Index at = table_.first(hash);
  return at != LinkedTable::kNone && graves_[at].refuses(arrival, now);
}

void Tombstones::lift(std::uint64_t hash, Instant made) {
  const LinkedTable::Index at = table_.first(hash);
  if (at != LinkedTable::kNone) graves_[at].through = std::min(graves_[at].through, made - Millis{1});
}

bool Tombstones::admits(std::uint64_t hash, const Arrival& arrival, Instant now) const {
  return !mark_.refuses(arrival, now) && !buries(hash, arrival, now);
}

void Tombstones::raiseMark(Stamp stamp) { mark_.stamp = std::max(mark_.stamp, stamp); }

void Tombstones::sweep(Instant now) {
  while (order_.count > 0 && graves_[order_.oldest].until <= now) {
    raiseMark(graves_[order_.oldest].stamp);
    dropOldest();
  }
}

void Tombstones::dropOldest() {
  const LinkedTable::Index oldest = order_.oldest;
  table_.remove(order_, oldest);
  table_.hide(oldest);
  table_.free(oldest);
}

}  // namespace codex
