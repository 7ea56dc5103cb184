#include <tenon/client/bundle/member_header.h>
#include <tenon/hsm/file_io.h>
#include <tenon/metadata/utf8.h>
#include <tenon/repo_tools/bundle_writer.h>
#include <tenon/repo_tools/file_streams.h>
#include <tenon/repo_tools/file_writer.h>

#include <algorithm>
#include <utility>

#include <sodium.h>

namespace tenon::repo_tools {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kPieceBytes = 1u << 20;
constexpr std::size_t kRandomLetters = 6;  // as mkostemp has

// ".update.tar.a1B2c3", as the temporary names of other files are (hsm::is_temporary_name).
fs::path temporary_beside(const fs::path& path) {
  constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
  std::string name = "." + path.filename().native() + ".";
  for (std::size_t i = 0; i < kRandomLetters; ++i) name += kLetters[randombytes_uniform(kLetters.size())];
  return path.parent_path() / name;
}

// What an export to that name left that was killed. A second one that runs to the same name fails, and this one stands.
void remove_leftovers(const fs::path& path) {
  const std::string beginning = "." + path.filename().native() + ".";
  const fs::path folder = path.has_parent_path() ? path.parent_path() : fs::path(".");
  std::error_code error;
  std::vector<fs::path> leftovers;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    const std::string name = at->path().filename().native();
    const bool is_ours = name.size() == beginning.size() + kRandomLetters && name.starts_with(beginning);
    std::error_code ignored;
    if (is_ours && hsm::is_temporary_name(name) && at->symlink_status(ignored).type() == fs::file_type::regular) {
      leftovers.push_back(at->path());
    }
  }
  for (const fs::path& leftover : leftovers) fs::remove(leftover, error);
}

// MemberWriter appends members to a file.
class MemberWriter {
 public:
  MemberWriter(OutputFile file, Progress& progress)
      : file_(std::move(file)), progress_(&progress), piece_(kPieceBytes) {}

  Result<void> add(const std::string& name, ByteView content) {
    TENON_TRY_VOID(begin(name, content.size()));
    TENON_TRY_VOID(put(content));
    return fill(content.size());
  }

  Result<void> add_file(const std::string& name, const fs::path& path, std::uint64_t length) {
    TENON_TRY(InputFile in, InputFile::open(path));
    if (in.size() != length) {
      return Error{ErrorCode::kMismatch,
                   printable(path.native()) + ": has " + std::to_string(in.size()) + " bytes, listed are " +
                       std::to_string(length),
                   "restore public/ from its mirror or a backup"};
    }
    TENON_TRY_VOID(begin(name, length));
    for (std::uint64_t left = length; left > 0;) {
      TENON_TRY(const std::size_t got, in.read(std::span(piece_).first(std::min<std::uint64_t>(left, piece_.size()))));
      if (got == 0) return Error{ErrorCode::kStorage, printable(path.native()) + ": became shorter while it was read"};
      TENON_TRY_VOID(put(ByteView(piece_).first(got)));
      left -= got;
    }
    return fill(length);
  }

  Result<void> finish() {
    TENON_TRY_VOID(put(Bytes(2 * client::kTarBlockBytes)));
    return file_.finish();
  }

 private:
  Result<void> begin(const std::string& name, std::uint64_t size) {
    TENON_TRY(const Bytes header, client::member_header(name, size));
    return put(header);
  }
  Result<void> fill(std::uint64_t size) { return put(Bytes(client::padded(size) - size)); }
  Result<void> put(ByteView bytes) {
    TENON_TRY_VOID(file_.write(bytes));
    progress_->advance(done_ += bytes.size());
    return {};
  }

  OutputFile file_;
  Progress* progress_;
  Bytes piece_;
  std::uint64_t done_ = 0;
};

}  // namespace

Result<UnplacedBundle> UnplacedBundle::write(const Repository& repository, const BundlePlan& plan, fs::path path,
                                             Progress& progress) {
  std::error_code error;
  const fs::file_status there = fs::status(path, error);
  if (fs::exists(there) && !fs::is_regular_file(there)) {
    return Error{ErrorCode::kUsage, printable(path.native()) + ": is there, and no regular file"}.with_hint(
        "name the file to make, for example update.tar");
  }
  remove_leftovers(path);
  UnplacedBundle bundle(path, temporary_beside(path));
  TENON_TRY(OutputFile file, OutputFile::create(bundle.temporary_));
  MemberWriter writer(std::move(file), progress);
  const RepositoryView view = RepositoryView::published(repository);
  progress.begin("write", plan.file_bytes);
  for (const auto& [name, content] : plan.metadata) TENON_TRY_VOID(writer.add(name, content));
  for (const auto& [name, found] : plan.targets) {
    TENON_TRY(const fs::path from, view.target(found.target.path(), found.sha256));
    TENON_TRY_VOID(writer.add_file(name, from, found.target.length()));
  }
  TENON_TRY_VOID(writer.finish());
  progress.end();
  return bundle;
}

UnplacedBundle::UnplacedBundle(UnplacedBundle&& other) noexcept
    : path_(std::move(other.path_)), temporary_(std::exchange(other.temporary_, {})) {}

UnplacedBundle::~UnplacedBundle() {
  std::error_code error;
  if (!temporary_.empty()) fs::remove(temporary_, error);
}

Result<void> UnplacedBundle::move_to_its_place() {
  TENON_TRY_VOID(DiskWriter().move(temporary_, path_));
  temporary_.clear();
  return {};
}

}  // namespace tenon::repo_tools
