// ContentRange: what part of a file an HTTP reply of status 206 says it carries (RFC 9110, section 14.4). Pure.
// Thread: any.
#pragma once

#include <tenon/metadata/result.h>

#include <cstdint>
#include <optional>
#include <string_view>

namespace tenon::client {

struct ContentRange {
  std::uint64_t first = 0;             // offset of the first byte
  std::uint64_t last = 0;              // offset of the last byte, not below first
  std::optional<std::uint64_t> total;  // length of the whole file, above last; nothing when the server wrote '*'

  // parse reads the value of the header: "bytes 100-199/200" or "bytes 100-199/*".
  // Errors: E_PARSE, for another unit, for "bytes */200" (which carries nothing) and for offsets that cannot be too.
  static Result<ContentRange> parse(std::string_view value);

  std::uint64_t length() const { return last - first + 1; }
  bool operator==(const ContentRange&) const = default;
};

}  // namespace tenon::client
