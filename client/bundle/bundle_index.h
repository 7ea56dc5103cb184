// BundleIndex: where each member of a bundle lies. A bundle is a tar that carries a repository's files on a stick; it is
// trusted like any other source, that is, not at all: this only keeps a hostile file from anything but being refused.
// docs/bundle-format.md. Thread: immutable.
#pragma once

#include <tenon/metadata/result.h>

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tenon::client {

// Together they bound the memory of an index to some 16 MiB, and that of a bundle for one product to some KiB.
inline constexpr std::size_t kMaxBundleMembers = 65'536;
inline constexpr std::size_t kMaxBundleNameBytes = 8u << 20;  // of all names together

// ReadAt fills the span with what the file has from the offset on. Errors: E_STORAGE, also for a file that ends before.
using ReadAt = std::function<Result<void>(std::uint64_t offset, std::span<std::uint8_t> into)>;

class BundleIndex {
 public:
  struct Member {
    std::string name;          // "metadata/timestamp.json"
    std::uint64_t offset = 0;  // of its content in the file
    std::uint64_t size = 0;    // bytes; all of them lie inside the file
    bool operator==(const Member&) const = default;
  };

  BundleIndex() = default;  // of a bundle without members

  // read goes through all headers. Each name is once there. Errors: E_PARSE for what is no bundle, and for one whose end
  // is missing, as when a stick was pulled early; E_LIMIT for too many members or names too long; those of read_at.
  static Result<BundleIndex> read(std::uint64_t file_bytes, const ReadAt& read_at);

  // find gives null for a name that is not there.
  const Member* find(std::string_view name) const;
  const std::vector<Member>& members() const { return members_; }  // by name

 private:
  explicit BundleIndex(std::vector<Member> members) : members_(std::move(members)) {}
  std::vector<Member> members_;
};

}  // namespace tenon::client
