// BundleFile: an opened bundle. It keeps the one descriptor that it was opened with, so that what was indexed is what
// is read, whatever its name leads to meanwhile.
// Thread: reading is safe from many.
#pragma once

#include <tenon/client/bundle/bundle_index.h>

#include <string>
#include <utility>

namespace tenon::client {

class BundleFile {
 public:
  // open follows links; what is no regular file is not opened. Errors: those of open_regular_file and take.
  static Result<BundleFile> open(const std::string& path);
  // take owns a descriptor that somebody opened for reading; path is what messages call it.
  // Errors: E_STORAGE for what cannot be read or is no regular file; those of BundleIndex::read.
  static Result<BundleFile> take(int descriptor, std::string path);
  BundleFile(BundleFile&& other) noexcept;
  BundleFile& operator=(BundleFile&&) = delete;
  ~BundleFile();

  const std::string& path() const { return path_; }
  const BundleIndex& index() const { return index_; }

  // read fills the span with a member's content from the offset on. Pre: that much is there.
  // Errors: E_STORAGE, also when the file has become shorter.
  Result<void> read(const BundleIndex::Member& member, std::uint64_t offset, std::span<std::uint8_t> into) const;

 private:
  BundleFile(std::string path, int descriptor, BundleIndex index)
      : path_(std::move(path)), descriptor_(descriptor), index_(std::move(index)) {}

  std::string path_;
  int descriptor_;  // owned
  BundleIndex index_;
};

// open_regular_file gives a descriptor for reading, which the caller owns, of a regular file and of nothing else.
// Errors: E_STORAGE.
Result<int> open_regular_file(const std::string& path);

}  // namespace tenon::client
