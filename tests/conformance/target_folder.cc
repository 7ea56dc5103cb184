#include <tenon/metadata/utf8.h>

#include <algorithm>
#include <cstdio>
#include <optional>
#include <vector>

#include <fcntl.h>
#include <tests/conformance/names.h>
#include <tests/conformance/target_folder.h>
#include <unistd.h>

namespace tenon::tests {

using client::FileDescriptor;
using metadata::FileIdentity;
using metadata::VerifiedTarget;

namespace {

constexpr const char* kUnfinishedName = ".new";
// What is read and written in one piece. curl hands out 16 KiB and less, at any offset: written as they come, they cost
// more than twice as much as whole blocks.
constexpr std::size_t kBlockBytes = 64u << 10;

// Identifier finds out what a file is, as far as the target lists it, while its bytes go by.
class Identifier {
 public:
  explicit Identifier(const VerifiedTarget& target) : target_(target) {
    if (target.hashes().sha256) sha256_.emplace();
    if (target.hashes().sha512) sha512_.emplace();
  }

  void take(ByteView piece) {
    length_ += piece.size();
    if (sha256_) sha256_->update(piece);
    if (sha512_) sha512_->update(piece);
  }
  std::uint64_t length() const { return length_; }

  // Spec: 5.7.2
  bool is_the_target() {
    FileIdentity file{length_, {}, {}};
    if (sha256_) file.sha256 = sha256_->finish();
    if (sha512_) file.sha512 = sha512_->finish();
    return length_ == target_.length() && target_.hashes().match(file);
  }

 private:
  const VerifiedTarget& target_;
  std::uint64_t length_ = 0;
  std::optional<Sha256Hasher> sha256_;
  std::optional<Sha512Hasher> sha512_;
};

class FileSink final : public client::ByteSink {
 public:
  FileSink(const FileDescriptor& file, std::string shown, Identifier& identifier)
      : file_(file), shown_(std::move(shown)), identifier_(identifier) {
    block_.reserve(kBlockBytes);
  }

  Result<void> accept(ByteView piece) override {
    identifier_.take(piece);
    while (!piece.empty()) {
      const ByteView taken = piece.first(std::min(piece.size(), kBlockBytes - block_.size()));
      block_.insert(block_.end(), taken.begin(), taken.end());
      piece = piece.subspan(taken.size());
      if (block_.size() == kBlockBytes) TENON_TRY_VOID(flush());
    }
    return {};
  }
  // flush writes what waits. Caller must: call it at the end.
  Result<void> flush() {
    TENON_TRY_VOID(client::write_all(file_, written_, block_, shown_));
    written_ += block_.size();
    block_.clear();
    return {};
  }

 private:
  const FileDescriptor& file_;
  std::string shown_;
  Identifier& identifier_;
  Bytes block_;
  std::uint64_t written_ = 0;
};

}  // namespace

Result<TargetFolder> TargetFolder::open(const std::string& path) {
  TENON_TRY(client::Folder folder, client::Folder::open(path));
  return TargetFolder(std::move(folder));
}

Result<bool> TargetFolder::has(const VerifiedTarget& target) const {
  const std::string name = target_file_name(target.path());
  TENON_TRY(const auto file, folder_.open_file(name, O_RDONLY));
  if (!file) return false;
  Identifier identifier(target);
  Bytes block(kBlockBytes);
  for (std::size_t count = block.size(); count == block.size() && identifier.length() <= target.length();) {
    TENON_TRY(count, client::read_all(*file, identifier.length(), block, folder_.shown(name)));
    identifier.take(ByteView(block).first(count));
  }
  return identifier.is_the_target();
}

Result<void> TargetFolder::download(client::Fetcher& fetcher, const std::string& url_path,
                                    const VerifiedTarget& target) const {
  const std::string unfinished = folder_.shown(kUnfinishedName);
  TENON_TRY(const FileDescriptor file, folder_.open_new(kUnfinishedName));
  Result<void> filled = fill(file, fetcher, url_path, target);
  const std::string finished = folder_.shown(target_file_name(target.path()));
  if (filled && std::rename(unfinished.c_str(), finished.c_str()) != 0) {
    filled = client::storage_error("cannot be replaced", finished);
  }
  if (filled) return folder_.sync();
  ::unlink(unfinished.c_str());
  return filled;
}

Result<void> TargetFolder::fill(const FileDescriptor& file, client::Fetcher& fetcher, const std::string& url_path,
                                const VerifiedTarget& target) const {
  const std::string shown = printable(target.path().text());
  Identifier identifier(target);
  FileSink sink(file, folder_.shown(kUnfinishedName), identifier);
  TENON_TRY(const client::FetchOutcome outcome, fetcher.fetch({.path = url_path, .max_length = target.length()}, sink));
  if (outcome == client::FetchOutcome::kNotFound) {
    return Error{ErrorCode::kNet, shown + ": the repository does not have it"};
  }
  if (!identifier.is_the_target()) {
    return Error{ErrorCode::kMismatch, shown + ": what was served (" + std::to_string(identifier.length()) +
                                           " bytes) is not the file of " + std::to_string(target.length()) +
                                           " bytes that is listed"};
  }
  TENON_TRY_VOID(sink.flush());
  if (::fsync(file.get()) != 0) return client::storage_error("cannot be made durable", folder_.shown(kUnfinishedName));
  return {};
}

}  // namespace tenon::tests
