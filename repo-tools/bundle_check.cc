#include <tenon/client/bundle/bundle_file.h>
#include <tenon/metadata/utf8.h>
#include <tenon/repo_tools/bundle_check.h>

#include <algorithm>

namespace tenon::repo_tools {
namespace {

constexpr std::size_t kPieceBytes = 1u << 20;

// BundledFiles serves what is in a bundle.
class BundledFiles final : public ServedFiles {
 public:
  explicit BundledFiles(const client::BundleFile& bundle) : bundle_(&bundle) {}

  Result<client::Reply> metadata(const std::string& file, std::size_t max_bytes) const override {
    const client::BundleIndex::Member* member = bundle_->index().find("metadata/" + file);
    if (member == nullptr) return client::Reply(client::NotFound{});
    TENON_TRY(Bytes content, read(*member, max_bytes));
    return client::Reply(std::move(content));
  }
  Result<Bytes> read_target(const metadata::TargetPath& path, const Sha256& sha256,
                            std::size_t max_bytes) const override {
    const std::string name = "targets/" + path.hash_prefixed(sha256.hex());
    const client::BundleIndex::Member* member = bundle_->index().find(name);
    if (member == nullptr) return Error{ErrorCode::kNet, printable(name) + ": is not in the bundle"};
    return read(*member, max_bytes);
  }

 private:
  Result<Bytes> read(const client::BundleIndex::Member& member, std::size_t max_bytes) const {
    if (member.size > max_bytes) {
      return Error{ErrorCode::kLimit, printable(member.name) + ": larger than " + std::to_string(max_bytes) + " bytes"};
    }
    Bytes content(member.size);
    TENON_TRY_VOID(bundle_->read(member, 0, content));
    return content;
  }

  const client::BundleFile* bundle_;
};

}  // namespace

Result<void> prove_bundle(const std::filesystem::path& file, ByteView embedded_root, const BundlePlan& plan,
                          metadata::UtcTime now, Progress& progress) {
  TENON_TRY(const client::BundleFile bundle, client::BundleFile::open(file.native()));
  const BundledFiles files(bundle);
  CheckingClient client(files, embedded_root, {}, now);
  TENON_TRY_VOID(client.refresh().with_context("a new device"));
  Result<BundledTargets> targets = targets_in(client, plan.scope).with_context("a new device");
  if (!targets) return std::move(targets).error();

  std::uint64_t total = 0;
  for (const auto& [name, found] : *targets) total += found.target.length();
  progress.begin("check as a new device", total);
  std::uint64_t done = 0;
  Bytes piece(kPieceBytes);
  for (const auto& [name, found] : *targets) {
    const client::BundleIndex::Member* member = bundle.index().find(name);
    if (member == nullptr) return Error{ErrorCode::kNet, "a new device: " + printable(name) + ": is not in the bundle"};
    Sha256Hasher hasher;
    for (std::uint64_t at = 0; at < member->size;) {
      const std::span<std::uint8_t> part(piece.data(), std::min<std::uint64_t>(member->size - at, piece.size()));
      TENON_TRY_VOID(bundle.read(*member, at, part));
      hasher.update(part);
      at += part.size();
      progress.advance(done += part.size());
    }
    if (member->size != found.target.length() || hasher.finish() != found.sha256) {
      return Error{ErrorCode::kMismatch,
                   "a new device: " + printable(name) + ": the file in public/ is not the one that is signed",
                   "restore public/ from its mirror or a backup"};
    }
  }
  progress.end();
  return {};
}

}  // namespace tenon::repo_tools
