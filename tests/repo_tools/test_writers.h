// FileWriters of the tests: one that writes down what is done, one that loses power.
#pragma once

#include <tenon/hsm/file_io.h>
#include <tenon/repo_tools/file_writer.h>

#include <algorithm>
#include <string>
#include <vector>

namespace tenon::repo_tools {

// RecordingWriter does everything and keeps a list: "put public/metadata/timestamp.json".
class RecordingWriter final : public FileWriter {
 public:
  explicit RecordingWriter(std::filesystem::path root) : root_(std::move(root)) {}
  std::vector<std::string> steps;

  Result<void> put(const std::filesystem::path& path, ByteView content) override {
    record("put", path);
    return disk_.put(path, content);
  }
  Result<void> put_new(const std::filesystem::path& path, ByteView content) override {
    record("put_new", path);
    return disk_.put_new(path, content);
  }
  Result<void> copy_new(const std::filesystem::path& from, const std::filesystem::path& to,
                        const Sha256& sha256) override {
    record("copy_new", to);
    return disk_.copy_new(from, to, sha256);
  }
  Result<void> move(const std::filesystem::path& from, const std::filesystem::path& to) override {
    record("move", to);
    return disk_.move(from, to);
  }
  Result<void> remove(const std::filesystem::path& path) override {
    record("remove", path);
    return disk_.remove(path);
  }

  void begin_many() override { disk_.begin_many(); }
  Result<void> end_many() override { return disk_.end_many(); }

 private:
  void record(std::string_view what, const std::filesystem::path& path) {
    steps.push_back(std::string(what) + " " + path.lexically_relative(root_).native());
  }
  std::filesystem::path root_;
  DiskWriter disk_;
};

// CutWriter does so many steps and then none; the one it dies in leaves a half-written temporary file behind.
class CutWriter final : public FileWriter {
 public:
  explicit CutWriter(std::size_t steps) : left_(steps) {}

  Result<void> put(const std::filesystem::path& path, ByteView content) override {
    if (dead(path)) return power_cut();
    return disk_.put(path, content);
  }
  Result<void> put_new(const std::filesystem::path& path, ByteView content) override {
    if (dead(path)) return power_cut();
    return disk_.put_new(path, content);
  }
  Result<void> copy_new(const std::filesystem::path& from, const std::filesystem::path& to,
                        const Sha256& sha256) override {
    if (dead(to)) return power_cut();
    return disk_.copy_new(from, to, sha256);
  }
  Result<void> move(const std::filesystem::path& from, const std::filesystem::path& to) override {
    if (dead(to)) return power_cut();
    return disk_.move(from, to);
  }
  Result<void> remove(const std::filesystem::path& path) override {
    if (dead(path)) return power_cut();
    return disk_.remove(path);
  }

  void begin_many() override { disk_.begin_many(); }
  Result<void> end_many() override { return disk_.end_many(); }

 private:
  static Error power_cut() { return Error{ErrorCode::kStorage, "the power is gone"}; }
  bool dead(const std::filesystem::path& path) {
    if (left_ > 0) {
      --left_;
      return false;
    }
    std::error_code error;
    std::filesystem::create_directories(path.parent_path(), error);
    (void)hsm::replace_file(path.parent_path() / ("." + path.filename().native() + ".part"), as_bytes("half"),
                            hsm::FileMode::kPublic);
    return true;
  }
  std::size_t left_;
  DiskWriter disk_;
};

}  // namespace tenon::repo_tools
