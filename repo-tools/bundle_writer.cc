#include <tenon/client/bundle/member_header.h>
#include <tenon/metadata/utf8.h>
#include <tenon/repo_tools/bundle_writer.h>
#include <tenon/repo_tools/file_streams.h>

#include <algorithm>
#include <utility>

namespace tenon::repo_tools {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kPieceBytes = 1u << 20;

// MemberWriter appends members to a file.
class MemberWriter {
 public:
  MemberWriter(OutputFile& file, Progress& progress) : file_(&file), progress_(&progress), piece_(kPieceBytes) {}

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
    return file_->finish();
  }

 private:
  Result<void> begin(const std::string& name, std::uint64_t size) {
    TENON_TRY(const Bytes header, client::member_header(name, size));
    return put(header);
  }
  Result<void> fill(std::uint64_t size) { return put(Bytes(client::padded(size) - size)); }
  Result<void> put(ByteView bytes) {
    TENON_TRY_VOID(file_->write(bytes));
    progress_->advance(done_ += bytes.size());
    return {};
  }

  OutputFile* file_;
  Progress* progress_;
  Bytes piece_;
  std::uint64_t done_ = 0;
};

}  // namespace

Result<UnplacedOutput> write_bundle(const Repository& repository, const BundlePlan& plan, const fs::path& path,
                                    Progress& progress) {
  TENON_TRY(UnplacedOutput bundle, UnplacedOutput::create(path));
  MemberWriter writer(bundle.file(), progress);
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

}  // namespace tenon::repo_tools
