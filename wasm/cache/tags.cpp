#include "wasm/cache/tags.h"

#include <algorithm>

#include "wasm/cache/entry.h"
#include "wasm/kv/limits.h"

namespace codex::tags {
namespace {

/// An epoch is a whole number below 2^53.
constexpr std::size_t kMaxEpochBytes = 16;
/// What is longer is hashed, so that an epoch's key fits into KV's 512 bytes.
constexpr std::size_t kMaxTagBytes = 120;

static_assert(kMaxBytes + entry::kMaxUntaggedBytes <= kv::kMaxMetadataBytes);

struct Tag {
  std::string_view name;
  std::string_view epoch;
};

/// Takes the first tag off a list. Nothing where there is none, or something else.
std::optional<Tag> take(std::string_view& list) {
  const std::size_t colon = list.find(':');
  const std::size_t end = colon == std::string_view::npos ? colon : list.find(':', colon + 1);
  if (end == std::string_view::npos) return std::nullopt;
  const Tag tag{list.substr(0, colon), list.substr(colon + 1, end - colon - 1)};
  list.remove_prefix(end + 1);
  return tag;
}

std::optional<std::string_view> epochIn(std::string_view list, std::string_view name) {
  while (const auto tag = take(list)) {
    if (tag->name == name) return tag->epoch;
  }
  return std::nullopt;
}

[[gnu::noinline]] void append(std::string& list, std::string_view name, std::string_view epoch) {
  list += name;
  list += ':';
  list += epoch;
  list += ':';
}

/// What stands under an epoch's key and is no epoch of ours is unlike any.
std::string_view epochOf(const Found& found) {
  if (!found) return {};
  const bool ours = found->size() <= kMaxEpochBytes && std::ranges::all_of(*found, [](char c) { return c >= '0' && c <= '9'; });
  return ours && !found->empty() ? *found : "?";
}

/// A tag as it stands in lists: escaped, in ASCII, which is all that metadata carries unharmed (workerd sends it in an HTTP
/// header), and hashed where that is long.
std::string nameOf(const InputText& tag) {
  std::string name;
  for (const char byte : key::escaped({}, tag, kMaxTagBytes)) {
    if (static_cast<unsigned char>(byte) < 0x80) {
      name += byte;
    } else {
      key::appendEscaped(name, byte);
    }
  }
  return name.size() <= kMaxTagBytes ? name : key::escaped({}, tag, 0);
}

/// Bytes of a list within JSON, with epochs as long as they come.
std::size_t bytesWithin(std::string_view list) {
  std::size_t bytes = 0;
  while (const auto tag = take(list)) {
    bytes += tag->name.size() + kMaxEpochBytes + 2;
    bytes += static_cast<std::size_t>(std::ranges::count_if(tag->name, [](char c) { return c == '"' || c == '\\'; }));
  }
  return bytes;
}

}  // namespace

Result<void> add(std::string& list, const InputText& tag) {
  if (tag.head.empty()) return std::unexpected(Error{ErrorCode::InvalidArgument, "a tag must not be empty"});
  const std::string name = nameOf(tag);
  if (epochIn(list, name)) return {};
  append(list, name, {});
  if (bytesWithin(list) <= kMaxBytes) return {};
  return std::unexpected(
      Error{ErrorCode::InvalidArgument, "the tags do not fit into the 1,024 bytes of KV metadata; use fewer or shorter ones"});
}

std::string epochPrefix(std::string_view clientNamespace) {
  std::string prefix = "e:";
  prefix += clientNamespace;
  prefix += ':';
  return prefix;
}

EpochKeys::EpochKeys(std::string_view prefix, std::string_view list) {
  const auto count = static_cast<std::size_t>(std::ranges::count(list, ':')) / 2;
  if (count > kMaxFurtherKeys + 1) return;
  text_.reserve(list.size() + count * prefix.size());  // the keys point into it
  keys_ = std::make_unique<std::string_view[]>(count);
  while (const auto tag = take(list)) {
    const std::size_t begin = text_.size();
    text_ += prefix;
    text_ += tag->name;
    keys_[count_++] = std::string_view(text_).substr(begin);
  }
}

std::string withEpochs(std::string_view list, const Found* first, std::span<const Found> further) {
  std::string seen;
  std::size_t at = 0;
  while (const auto tag = take(list)) {
    const bool isFirst = first != nullptr && seen.empty();
    if (!isFirst && at == further.size()) break;
    append(seen, tag->name, epochOf(isFirst ? *first : further[at++]));
  }
  return seen;
}

Agreement compare(std::string_view entrys, std::string_view read) {
  Agreement agreement{true, {}};
  while (const auto tag = take(entrys)) {
    const auto epoch = epochIn(read, tag->name);
    if (!epoch) append(agreement.unread, tag->name, tag->epoch);
    if (epoch.value_or(tag->epoch) != tag->epoch) agreement.holds = false;
  }
  // What is left over is no list: nobody can say what it would take to make the entry void.
  if (!entrys.empty()) agreement.holds = false;
  return agreement;
}

}  // namespace codex::tags
