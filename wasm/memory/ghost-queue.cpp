#include "wasm/memory/ghost-queue.h"

namespace codex {

void GhostQueue::add(std::uint64_t hash) { table_.append(order_, table_.add(hash)); }

bool GhostQueue::take(std::uint64_t hash) {
  const LinkedTable::Index ghost = table_.first(hash);
  if (ghost == LinkedTable::kNone) return false;
  drop(ghost);
  return true;
}

void GhostQueue::trim(std::size_t most) {
  while (order_.count > most) drop(order_.oldest);
}

void GhostQueue::drop(LinkedTable::Index ghost) {
  table_.remove(order_, ghost);
  table_.hide(ghost);
  table_.free(ghost);
}

}  // namespace codex
