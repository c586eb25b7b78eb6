#pragma once

#include <string>
#include <string_view>

#include "wasm/cache/entry.h"

namespace codex::testing {

/// The metadata of a cache entry as the host writes it: JSON, without what is nothing.
std::string metadataOf(const entry::Envelope& envelope);

/// What the host makes of a record's metadata: it parses the JSON and hands over numbers and texts, as the shim does.
class HostEntry {
 public:
  explicit HostEntry(std::string_view metadata);
  HostEntry(const HostEntry&) = delete;
  HostEntry& operator=(const HostEntry&) = delete;

  const entry::Facts& facts() const { return facts_; }

 private:
  std::string tags_;
  std::string keyDigest_;
  entry::Facts facts_;
};

}  // namespace codex::testing
