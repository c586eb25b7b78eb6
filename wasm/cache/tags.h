#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "wasm/error.h"
#include "wasm/kv/key.h"
#include "wasm/kv/kv-store.h"

// Groups of entries. Each tag has an epoch, a random number under a key of its own; an entry keeps those it was made under and
// is good while they are all the same. Invalidating a tag gives it another epoch: one write, however many entries there are.
//
// A list of tags is one text, `tag:epoch:tag:epoch:`. A tag is escaped, so that it is ASCII without a colon; the epoch of a tag
// that was never invalidated is empty.
namespace codex::tags {

/// How many bytes of JSON a list may take in an entry's metadata.
inline constexpr std::size_t kMaxBytes = 866;

/// Adds a tag, with no epoch yet; once, however often it is named. Errors: InvalidArgument for an empty tag, and for one that
/// would not fit into the metadata with the others, whatever their epochs come to be.
Result<void> add(std::string& list, const InputText& tag);

/// The key of a tag's epoch is this and the tag as it stands in a list.
std::string epochPrefix(std::string_view clientNamespace);

/// The keys of the epochs of a list, for a read to name. At most 100 of them; of a longer list, which is none of ours, none.
class EpochKeys {
 public:
  EpochKeys(std::string_view prefix, std::string_view list);
  EpochKeys(const EpochKeys&) = delete;
  EpochKeys& operator=(const EpochKeys&) = delete;

  std::span<const std::string_view> keys() const { return {keys_.get(), count_}; }

 private:
  std::string text_;
  std::unique_ptr<std::string_view[]> keys_;
  std::size_t count_ = 0;
};

/// What a read found under the key of an epoch.
using Found = std::optional<std::string_view>;

/// The list with the epochs that were found, in its order: under the first key of a read, where that was one of them, and under
/// the further ones.
std::string withEpochs(std::string_view list, const Found* first, std::span<const Found> further);

/// How an entry's list agrees with one that was read.
struct Agreement {
  bool holds;          // no epoch differs
  std::string unread;  // the part of the entry's list that the other does not have
};
Agreement compare(std::string_view entrys, std::string_view read);

}  // namespace codex::tags
