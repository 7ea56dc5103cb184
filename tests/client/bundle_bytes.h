// Bundles for tests: rightly written ones, and tars that nobody of ours would write.
#pragma once

#include <tenon/client/bundle/bundle_file.h>
#include <tenon/client/bundle/member_header.h>

#include <algorithm>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include <tests/support/scratch_folder.h>

namespace tenon::tests {

using Members = std::vector<std::pair<std::string, Bytes>>;

inline void append(Bytes& to, ByteView bytes) {
  to.insert(to.end(), bytes.begin(), bytes.end());
}

inline void append_content(Bytes& tar, ByteView content) {
  append(tar, content);
  tar.resize(client::padded(tar.size()));
}

inline Bytes with_end(Bytes tar) {
  tar.resize(tar.size() + 2 * client::kTarBlockBytes);
  return tar;
}

// bundle_of writes members as they are given, in this order.
inline Bytes bundle_of(const Members& members) {
  Bytes tar;
  for (const auto& [name, content] : members) {
    append(tar, *client::member_header(name, content.size()));
    append_content(tar, content);
  }
  return with_end(std::move(tar));
}

// TarEntry is a header of a ustar as other programs would write it, right or not, with a right checksum.
struct TarEntry {
  std::string name = "targets/file";
  std::string size = "00000000000";  // the octal digits
  char type = '0';
  std::string magic = std::string("ustar\00000", 8);
  std::string prefix = {};

  Bytes block() const {
    Bytes bytes(512);
    const auto put = [&](std::size_t offset, const std::string& text) {
      std::copy(text.begin(), text.end(), bytes.begin() + static_cast<std::ptrdiff_t>(offset));
    };
    put(0, name);
    put(100, "0000600");
    put(108, "0001750");
    put(116, "0001750");
    put(124, size);
    put(136, "14703421521");
    put(148, "        ");
    bytes[156] = static_cast<std::uint8_t>(type);
    put(257, magic);
    put(265, "somebody");
    put(345, prefix);
    unsigned sum = 0;
    for (std::uint8_t byte : bytes) sum += byte;
    char digits[8];
    std::snprintf(digits, sizeof digits, "%06o", sum);
    put(148, std::string(digits, 7));
    return bytes;
  }
};

inline Result<client::BundleIndex> index_of(const Bytes& tar) {
  return client::BundleIndex::read(tar.size(), [&](std::uint64_t offset, std::span<std::uint8_t> into) -> Result<void> {
    if (offset > tar.size() || into.size() > tar.size() - offset) {
      return Error{ErrorCode::kHw, "read behind the end"};  // what no test expects
    }
    std::copy_n(tar.begin() + static_cast<std::ptrdiff_t>(offset), into.size(), into.begin());
    return {};
  });
}

// write_bundle gives the path of a new file.
inline std::string write_bundle(const ScratchFolder& folder, const Bytes& tar, const std::string& name = "update.tar") {
  const std::string path = (folder.path() / name).string();
  std::FILE* const file = std::fopen(path.c_str(), "wb");
  TENON_CHECK(file != nullptr && std::fwrite(tar.data(), 1, tar.size(), file) == tar.size());
  std::fclose(file);
  return path;
}

}  // namespace tenon::tests
