// The headers of a bundle: what stands in front of each member of a POSIX tar. What is written is a ustar header, after a
// pax header where a name or a size does not fit one. What is read is that, and what `tar --format=ustar` makes of files.
// docs/bundle-format.md. Thread: any; pure.
#pragma once

#include <tenon/metadata/bytes.h>
#include <tenon/metadata/result.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tenon::client {

inline constexpr std::size_t kTarBlockBytes = 512;            // headers are blocks, and content is filled up to one
inline constexpr std::size_t kTarRecordBytes = 10'240;        // up to which other programs fill a whole tar
inline constexpr std::size_t kMaxMemberNameBytes = 4096;      // PATH_MAX of Linux, as TargetPath
inline constexpr std::size_t kMaxPaxBytes = 2 * 4096;         // one name and one size, and their keys
inline constexpr std::uint64_t kMaxUstarSize = 077777777777;  // 8 GiB less one byte: eleven octal digits

// padded gives the bytes that content takes with its filling. Pre: size is at most 2^63.
constexpr std::uint64_t padded(std::uint64_t size) {
  return (size + kTarBlockBytes - 1) / kTarBlockBytes * kTarBlockBytes;
}

// check_member_name takes "metadata/FILE" and "targets/PATH", as a web server would serve them: no other folder, nothing
// absolute, no "." or "..", no empty segment, no backslash, no control characters, UTF-8.
// Errors: E_PARSE
Result<void> check_member_name(std::string_view name);

// member_header gives the blocks in front of a member's content. The same name and size give the same bytes.
// Errors: E_PARSE, E_LIMIT for a name that no bundle holds.
Result<Bytes> member_header(std::string_view name, std::uint64_t size);

// TarBlock is one block that stands where a header must.
struct TarBlock {
  enum class Kind { kEnd, kPax, kMember };
  Kind kind = Kind::kEnd;
  std::string name = {};   // not checked yet: a pax header may give another
  std::uint64_t size = 0;  // bytes of content after it

  // parse Pre: the block has kTarBlockBytes. Errors: E_PARSE for a wrong checksum, a foreign form, and for all that is no
  // regular file: links, folders, devices.
  static Result<TarBlock> parse(ByteView block);
};

// PaxRecords is the content of a pax header. Other keys than these are refused: who does not know them reads another tar.
struct PaxRecords {
  std::optional<std::string> path = {};
  std::optional<std::uint64_t> size = {};

  // parse Errors: E_PARSE
  static Result<PaxRecords> parse(ByteView content);
};

}  // namespace tenon::client
