#include <tenon/metadata/utf8.h>
#include <tenon/repo_tools/catalog.h>
#include <tenon/repo_tools/release_builder.h>

#include <algorithm>

namespace tenon::repo_tools {
namespace {

namespace fs = std::filesystem;
using policies::Release;
using policies::Sequence;

// An image that was built and checked, its payload still in the scratch folder.
struct BuiltImage {
  policies::Image image;
  Bytes segment_list;
  fs::path payload_file;
  PayloadIdentity payload;
};

// The scratch folder, empty at first and gone at the end.
class ScratchFolder {
 public:
  static Result<ScratchFolder> make(const fs::path& path) {
    std::error_code error;
    fs::remove_all(path, error);
    fs::create_directories(path, error);
    if (error) return storage_error(path, "cannot make the folder", error.value());
    return ScratchFolder(path);
  }
  ScratchFolder(ScratchFolder&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  ScratchFolder& operator=(ScratchFolder&&) = delete;
  ~ScratchFolder() {
    std::error_code error;
    if (!path_.empty()) fs::remove_all(path_, error);
  }
  const fs::path& path() const { return path_; }

 private:
  explicit ScratchFolder(fs::path path) : path_(std::move(path)) {}
  fs::path path_;
};

Result<BuiltImage> build_image(const ImageFile& input, const EncodeOptions& options, const fs::path& scratch,
                               Progress& progress) {
  const fs::path payload_file = scratch / (input.slot.text() + ".full.zst");
  TENON_TRY(ImageReader::Described described,
            write_full_payload(input.file, input.slot, options, payload_file, progress));
  TENON_TRY(const client::SegmentList segments, client::SegmentList::read(described.segment_list, described.image));
  TENON_TRY(const PayloadIdentity payload, check_full_payload(payload_file, described.image, segments, progress));
  return BuiltImage{std::move(described.image), std::move(described.segment_list), payload_file, payload};
}

// What is asked for, but for what the images turn out to be; read back by the function that devices read it with.
Result<Release> release_of(const ReleaseRequest& request, Sequence floor, std::vector<policies::Image> images) {
  const Release release{request.product,  request.version,   request.sequence, floor,
                        request.hardware, std::move(images), request.notes};
  return Release::parse(as_bytes(json::to_text(release.to_json())));
}

Result<void> check_before_the_long_work(const ReleaseRequest& request, Sequence floor) {
  std::vector<policies::Image> shapes;
  for (const ImageFile& input : request.images) {
    TENON_TRY(const ImageReader reader, ImageReader::open(input.file, input.slot, request.encode.segment_size));
    shapes.push_back(reader.shape());
  }
  TENON_TRY_VOID(release_of(request, floor, std::move(shapes)));
  return {};
}

Result<Release> describe(const ReleaseRequest& request, Sequence floor, Progress& progress) {
  std::vector<policies::Image> images;
  for (const ImageFile& input : request.images) {
    TENON_TRY(ImageReader::Described described,
              describe_image(input.file, input.slot, request.encode.segment_size, progress));
    images.push_back(std::move(described.image));
  }
  return release_of(request, floor, std::move(images));
}

Result<void> check_sequence(const std::vector<ListedRelease>& releases, Sequence sequence) {
  if (releases.empty() || sequence > releases.back().release.sequence) return {};
  const Release& highest = releases.back().release;
  return Error{ErrorCode::kPolicy, "sequence " + std::to_string(sequence.value()) + " is not above " +
                                       std::to_string(highest.sequence.value()) + " of release " +
                                       highest.version.text()}
      .with_hint("use --sequence " + std::to_string(highest.sequence.value() + 1));
}

Sequence default_floor(const std::vector<ListedRelease>& releases) {
  Sequence floor = Sequence::first();
  for (const ListedRelease& listed : releases) floor = std::max(floor, listed.release.floor);
  return floor;
}

}  // namespace

Result<ReleaseAdded> add_release(const Repository& repository, FileWriter& writer, const ReleaseRequest& request,
                                 metadata::UtcTime now, Progress& progress) {
  const RoleId role = releases_role_of(request.product);
  TENON_TRY(const std::vector<ListedRelease> releases, listed_releases(repository, request.product));
  const auto same_version =
      std::ranges::find(releases, request.version, [](const ListedRelease& listed) { return listed.release.version; });
  if (same_version != releases.end()) {
    const Release& there = same_version->release;
    TENON_TRY(const Release wanted, describe(request, request.floor.value_or(there.floor), progress));
    if (wanted == there) return ReleaseAdded{there};
    return Error{ErrorCode::kPolicy, "release " + there.version.text() + " exists with other content"}.with_hint(
        "a version stands for one content for ever: use another --version and a higher --sequence");
  }
  TENON_TRY_VOID(check_sequence(releases, request.sequence));
  const Sequence floor = request.floor.value_or(default_floor(releases));
  TENON_TRY_VOID(check_before_the_long_work(request, floor));
  TENON_TRY(ScratchFolder scratch, ScratchFolder::make(repository.scratch()));
  std::vector<BuiltImage> built;
  std::vector<policies::Image> images;
  for (const ImageFile& input : request.images) {
    TENON_TRY(BuiltImage image, build_image(input, request.encode, scratch.path(), progress));
    images.push_back(image.image);
    built.push_back(std::move(image));
  }
  TENON_TRY(const Release release, release_of(request, floor, std::move(images)));

  TENON_TRY(metadata::Targets targets, repository.newest_targets(role));
  ReleaseAdded added{release};
  for (const BuiltImage& image : built) {
    const auto path_of = [&](std::string_view file) {
      return policies::release_file_path(request.product, request.version, file);
    };
    const metadata::TargetPath segments = path_of(image.image.segments_file.text());
    TENON_TRY_VOID(stage_target(repository, writer, segments, image.segment_list, targets));
    const metadata::TargetPath payload = path_of(image.image.payloads.front().file.text());
    TENON_TRY_VOID(
        writer.move(image.payload_file, repository.staged_target(payload.hash_prefixed(image.payload.sha256.hex()))));
    targets.targets.insert_or_assign(payload.text(), target_entry(image.payload.length, image.payload.sha256));
    added.files.push_back({segments, image.segment_list.size()});
    added.files.push_back({payload, image.payload.length});
  }
  const metadata::TargetPath release_json = policies::release_path(request.product, request.version);
  const std::string text = json::to_text(release.to_json(), 1) + "\n";
  TENON_TRY_VOID(stage_target(repository, writer, release_json, as_bytes(text), targets));
  added.files.push_back({release_json, text.size()});
  TENON_TRY(added.draft, write_draft(repository, writer, role, std::move(targets),
                                     repository.settings().expiry.of(role).after(now)));
  return added;
}

}  // namespace tenon::repo_tools
