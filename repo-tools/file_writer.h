// FileWriter: the one way in which a repository folder is changed, so that a test can stop it anywhere and a dry run
// can leave everything out. Every call is whole or nothing, and has reached the disk when it returns, but for those that
// ManyFiles gathers. Thread: one call at a time.
#pragma once

#include <tenon/hsm/file_io.h>
#include <tenon/metadata/bytes.h>
#include <tenon/metadata/digest.h>
#include <tenon/metadata/result.h>

#include <filesystem>
#include <memory>
#include <optional>
#include <set>
#include <utility>
#include <vector>

namespace tenon::repo_tools {

class FileWriter {
 public:
  virtual ~FileWriter() = default;

  // put writes a file anew or in place of an older one; missing folders are made. Errors: E_STORAGE.
  virtual Result<void> put(const std::filesystem::path& path, ByteView content) = 0;

  // put_new never overwrites: a file of the same bytes is left as it is. Errors: E_POLICY for one of other bytes;
  // E_STORAGE.
  virtual Result<void> put_new(const std::filesystem::path& path, ByteView content) = 0;

  // copy_new is put_new for a file of any size, which must have the digest that is given.
  // Errors: E_MISMATCH if from has another digest; E_POLICY if to exists with another; E_STORAGE.
  virtual Result<void> copy_new(const std::filesystem::path& from, const std::filesystem::path& to,
                                const Sha256& sha256) = 0;

  // move takes a file that is finished and synced to its place, over an older one. Errors: E_STORAGE.
  virtual Result<void> move(const std::filesystem::path& from, const std::filesystem::path& to) = 0;

  // remove of a file that is not there is no error. Errors: E_STORAGE.
  virtual Result<void> remove(const std::filesystem::path& path) = 0;

  // Each is for ManyFiles. Errors of end_many: E_STORAGE.
  virtual void begin_many() {}
  virtual Result<void> end_many() { return {}; }
};

// ManyFiles gathers what put, put_new and remove do until it finishes: then all content reaches the disk at once, and after it
// the files appear and go, in the order of the calls. For very many files, before one that leads to them. Pre: put_new of
// a path is the only call for it.
class ManyFiles {
 public:
  // ManyFiles Caller must keep the writer alive, and has no other of its.
  explicit ManyFiles(FileWriter& writer) : writer_(&writer) { writer.begin_many(); }
  ManyFiles(const ManyFiles&) = delete;
  ManyFiles& operator=(const ManyFiles&) = delete;
  ~ManyFiles() { (void)finish(); }  // after an error: what was done before it stays done

  // finish Errors: E_STORAGE.
  Result<void> finish() { return writer_ == nullptr ? Result<void>() : std::exchange(writer_, nullptr)->end_many(); }

 private:
  FileWriter* writer_;
};

// DiskWriter is the file system.
class DiskWriter final : public FileWriter {
 public:
  Result<void> put(const std::filesystem::path& path, ByteView content) override;
  Result<void> put_new(const std::filesystem::path& path, ByteView content) override;
  Result<void> copy_new(const std::filesystem::path& from, const std::filesystem::path& to,
                        const Sha256& sha256) override;
  Result<void> move(const std::filesystem::path& from, const std::filesystem::path& to) override;
  Result<void> remove(const std::filesystem::path& path) override;
  void begin_many() override { gathered_.emplace(); }
  Result<void> end_many() override;

 private:
  // Change is one file that appears, or one that goes.
  struct Change {
    std::filesystem::path path;
    std::optional<hsm::UnplacedFile> file = {};  // absent: the file goes, or is there already
    bool replaces = false;
    bool goes = false;
  };
  Result<void> change(Change change);
  static std::set<std::filesystem::path> folders_of(const std::vector<Change>& changes);
  static Result<void> sync_content(const std::vector<Change>& changes);
  static Result<void> place(Change& change);

  std::optional<std::vector<Change>> gathered_;
};

// DryRunWriter changes nothing and says that all went well.
class DryRunWriter final : public FileWriter {
 public:
  Result<void> put(const std::filesystem::path&, ByteView) override { return {}; }
  Result<void> put_new(const std::filesystem::path&, ByteView) override { return {}; }
  Result<void> copy_new(const std::filesystem::path&, const std::filesystem::path&, const Sha256&) override {
    return {};
  }
  Result<void> move(const std::filesystem::path&, const std::filesystem::path&) override { return {}; }
  Result<void> remove(const std::filesystem::path&) override { return {}; }
};

// is_hash_prefixed is true for "<64 or 128 hex digits>.rest", as target files are called.
bool is_hash_prefixed(std::string_view file_name);

// is_leftover is true for the names of unfinished files that a writer leaves when it is killed:
// ".3.snapshot.json.a1B2c3", ".<hash>.image.part".
bool is_leftover(std::string_view file_name);

// writer_for gives the disk, or for a dry run one that changes nothing.
std::unique_ptr<FileWriter> writer_for(bool dry_run);

}  // namespace tenon::repo_tools
