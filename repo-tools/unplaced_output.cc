#include <tenon/metadata/utf8.h>
#include <tenon/repo_tools/file_writer.h>
#include <tenon/repo_tools/unplaced_output.h>

#include <string>
#include <vector>

#include <sodium.h>

namespace tenon::repo_tools {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kRandomLetters = 6;  // as mkostemp has

// ".update.tar.tenon-a1B2c3": a name that nobody else gives to a file of theirs.
std::string beginning_for(const fs::path& path) {
  return "." + path.filename().native() + ".tenon-";
}

fs::path temporary_beside(const fs::path& path) {
  constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
  std::string name = beginning_for(path);
  for (std::size_t i = 0; i < kRandomLetters; ++i) name += kLetters[randombytes_uniform(kLetters.size())];
  return path.parent_path() / name;
}

// What one to that name left that was killed. A second one that runs to the same name fails, and this one stands.
void remove_leftovers(const fs::path& path) {
  const std::string beginning = beginning_for(path);
  const fs::path folder = path.has_parent_path() ? path.parent_path() : fs::path(".");
  std::error_code error;
  std::vector<fs::path> leftovers;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    const std::string name = at->path().filename().native();
    const bool is_ours = name.size() == beginning.size() + kRandomLetters && name.starts_with(beginning);
    std::error_code ignored;
    if (is_ours && at->symlink_status(ignored).type() == fs::file_type::regular) {
      leftovers.push_back(at->path());
    }
  }
  for (const fs::path& leftover : leftovers) fs::remove(leftover, error);
}

}  // namespace

Result<UnplacedOutput> UnplacedOutput::create(const fs::path& path) {
  std::error_code error;
  const fs::file_status there = fs::status(path, error);
  if (fs::exists(there) && !fs::is_regular_file(there)) {
    return Error{ErrorCode::kUsage, printable(path.native()) + ": is there, and no regular file"}.with_hint(
        "name the file to make");
  }
  remove_leftovers(path);
  fs::path temporary = temporary_beside(path);
  Result<OutputFile> file = OutputFile::create(temporary);
  if (!file) {
    fs::remove(temporary, error);  // it may be there all the same
    return std::move(file).error();
  }
  return UnplacedOutput(path, std::move(temporary), *std::move(file));
}

UnplacedOutput::UnplacedOutput(UnplacedOutput&& other) noexcept
    : path_(std::move(other.path_)), temporary_(std::exchange(other.temporary_, {})), file_(std::move(other.file_)) {}

UnplacedOutput::~UnplacedOutput() {
  std::error_code error;
  if (!temporary_.empty()) fs::remove(temporary_, error);
}

Result<void> UnplacedOutput::move_to_its_place() {
  TENON_TRY_VOID(DiskWriter().move(temporary_, path_));
  temporary_.clear();
  return {};
}

}  // namespace tenon::repo_tools
