#include <tenon/hsm/file_io.h>
#include <tenon/metadata/utf8.h>
#include <tenon/repo_tools/bridges.h>
#include <tenon/repo_tools/catalog.h>
#include <tenon/repo_tools/local_payload.h>
#include <tenon/repo_tools/provenance.h>
#include <tenon/repo_tools/release_builder.h>

#include <algorithm>
#include <set>

namespace tenon::repo_tools {
namespace {

namespace fs = std::filesystem;
using policies::Release;
using policies::Sequence;

constexpr std::size_t kMaxAttachedBytes = 64u << 20;  // an SBOM of 100,000 components

// An image that was built and checked, its payload still in the scratch folder.
struct BuiltImage {
  policies::Image image;
  Bytes segment_list;
  fs::path payload_file;
  PayloadIdentity payload;
  struct Local {
    fs::path blocks_file;
    PayloadIdentity blocks;
    Bytes index;
  };
  std::optional<Local> local = {};
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

// build_local adds the local payload of an image to what was built of it.
Result<void> build_local(const ImageFile& input, const EncodeOptions& options, const client::SegmentList& segments,
                         const fs::path& scratch, BuiltImage& built, Progress& progress) {
  const std::string slot = input.slot.text();
  const fs::path blocks_file = scratch / (slot + ".blocks");
  TENON_TRY(const client::LocalIndex index, write_local_payload(input.file, options, blocks_file, progress));
  TENON_TRY(const PayloadIdentity blocks, check_local_payload(blocks_file, index, built.image, segments, progress));
  built.local = {blocks_file, blocks, index.to_bytes()};
  built.image.payloads.push_back({.kind = std::string(policies::Payload::kLocal),
                                  .file = *policies::Label::parse(slot + ".blocks"),
                                  .index = *policies::Label::parse(slot + ".index")});
  return {};
}

Result<BuiltImage> build_image(const ImageFile& input, const EncodeOptions& options, bool local,
                               const fs::path& scratch, Progress& progress) {
  const fs::path payload_file = scratch / (input.slot.text() + ".full.zst");
  TENON_TRY(ImageReader::Described described,
            write_full_payload(input.file, input.slot, options, payload_file, progress));
  TENON_TRY(const client::SegmentList segments, client::SegmentList::read(described.segment_list, described.image));
  TENON_TRY(const PayloadIdentity payload, check_full_payload(payload_file, described.image, segments, progress));
  BuiltImage built{std::move(described.image), std::move(described.segment_list), payload_file, payload};
  if (local) TENON_TRY_VOID(build_local(input, options, segments, scratch, built, progress));
  return built;
}

Result<policies::Label> name_of(const AttachedFile& attached) {
  Result<policies::Label> name = policies::Label::parse(attached.file.filename().native());
  if (name) return name;
  return Error{ErrorCode::kUsage, printable(attached.file.native()) + ": " + name.error().message}.with_hint(
      "give the file a plain name, for example sbom.cdx.json");
}

struct Attached {
  policies::Attachment listed;
  Bytes content;
};

Result<std::vector<Attached>> read_attached(const ReleaseRequest& request) {
  std::vector<Attached> all;
  for (const AttachedFile& attached : request.attached) {
    TENON_TRY(policies::Label name, name_of(attached));
    TENON_TRY(Bytes content, hsm::read_file(attached.file, kMaxAttachedBytes));
    const Sha256 sha256 = Sha256::of(content);
    all.push_back({{attached.kind, std::move(name), sha256}, std::move(content)});
  }
  return all;
}

Result<void> check_attached(const std::vector<Attached>& attached, const std::vector<policies::Image>& images) {
  for (const Attached& one : attached) {
    if (one.listed.kind != policies::Attachment::kProvenance) continue;
    TENON_TRY_VOID(check_provenance(one.content, images).with_context(one.listed.file.text()));
  }
  return {};
}

// Where a release stands among the others.
struct Order {
  Sequence sequence;
  Sequence floor;
  std::vector<policies::Bridge> bridges;  // the lowest first
};

// What is asked for, but for what the images turn out to be; read back by the function that devices read it with.
Result<Release> release_of(const ReleaseRequest& request, const Order& order, std::vector<policies::Image> images,
                           const std::vector<Attached>& attached) {
  Release release{request.product,  request.version,   order.sequence, order.floor,
                  request.hardware, std::move(images), request.notes,  request.kind};
  for (const Attached& one : attached) release.attachments.push_back(one.listed);
  release.bridges = order.bridges;
  return Release::parse(as_bytes(json::to_text(release.to_json())));
}

// "rootfs.segments", "rootfs.full.zst": what is built of an image is called after its slot.
bool is_name_of_an_image(const std::string& name, const ReleaseRequest& request) {
  return std::ranges::any_of(request.images,
                             [&](const ImageFile& image) { return name.starts_with(image.slot.text() + "."); });
}

Result<void> check_before_the_long_work(const ReleaseRequest& request, const Order& order,
                                        const std::vector<Attached>& attached,
                                        const std::vector<ListedRelease>& listed) {
  std::set<std::string> names{"release.json"};
  for (const Attached& one : attached) {
    const std::string& name = one.listed.file.text();
    if (names.insert(name).second && !is_name_of_an_image(name, request)) continue;
    return Error{ErrorCode::kUsage, "two files of the release are called " + name}.with_hint(
        "give what is attached another name");
  }
  std::vector<policies::Image> shapes;
  for (const ImageFile& input : request.images) {
    TENON_TRY(const ImageReader reader, ImageReader::open(input.file, input.slot, request.encode.segment_size));
    shapes.push_back(reader.shape());
  }
  TENON_TRY(const Release outline, release_of(request, order, std::move(shapes), attached));
  return check_bridges(outline, listed);
}

Result<Release> describe(const ReleaseRequest& request, const Order& order, const std::vector<Attached>& attached,
                         Progress& progress) {
  std::vector<policies::Image> images;
  for (const ImageFile& input : request.images) {
    TENON_TRY(ImageReader::Described described,
              describe_image(input.file, input.slot, request.encode.segment_size, progress));
    images.push_back(std::move(described.image));
  }
  TENON_TRY_VOID(check_attached(attached, images));
  return release_of(request, order, std::move(images), attached);
}

Result<void> check_was_not_removed(const Repository& repository, const ReleaseRequest& request) {
  const std::string name = request.product.text() + "/" + request.version.text();
  if (!repository.settings().removed.contains(name)) return {};
  return Error{ErrorCode::kPolicy, "there was a release " + request.version.text() + ", which was removed"}.with_hint(
      "a version stands for one content for ever: use another --version");
}

Result<Sequence> sequence_of(const ReleaseRequest& request, const std::vector<ListedRelease>& releases) {
  if (releases.empty()) return request.sequence.value_or(Sequence::first());
  const Release& highest = releases.back().release;
  TENON_TRY(const Sequence next, Sequence::create(highest.sequence.value() + 1));
  if (request.sequence.value_or(next) >= next) return request.sequence.value_or(next);
  return Error{ErrorCode::kPolicy, "sequence " + std::to_string(request.sequence->value()) + " is not above " +
                                       std::to_string(highest.sequence.value()) + " of release " +
                                       highest.version.text()}
      .with_hint("use --sequence " + std::to_string(next.value()));
}

Sequence default_floor(const std::vector<ListedRelease>& releases) {
  Sequence floor = Sequence::first();
  for (const ListedRelease& listed : releases) floor = std::max(floor, listed.release.floor);
  return floor;
}

// Who forgets a bridge would have old devices skip it.
std::vector<policies::Bridge> bridges_of(const ReleaseRequest& request, const Release* before) {
  std::vector<policies::Bridge> bridges;
  if (before != nullptr) bridges = before->bridges;
  if (request.bridges) bridges = *request.bridges;
  std::ranges::sort(bridges, {}, &policies::Bridge::below);
  return bridges;
}

// Somebody left them out on purpose once, or it was a mistake that is inherited since.
std::string note_on_bridges(const ReleaseRequest& request, const std::vector<ListedRelease>& earlier) {
  if (request.bridges || earlier.empty() || !earlier.back().release.bridges.empty()) return {};
  const auto leads = [](const ListedRelease& listed) { return !listed.release.bridges.empty(); };
  const auto older = std::find_if(earlier.rbegin(), earlier.rend(), leads);
  if (older == earlier.rend()) return {};
  const policies::Bridge& last = older->release.bridges.back();
  return "no bridges, as " + earlier.back().release.version.text() + " before it has none; " +
         older->release.version.text() + " led devices below sequence " + std::to_string(last.below.value()) +
         " over " + last.via.text() + ": if there are any left, add it under another version with --bridge";
}

// An image for other hardware is on none of the devices that this release is for.
std::vector<ListedRelease> of_the_same_devices(std::vector<ListedRelease> releases,
                                               const std::vector<policies::Label>& hardware) {
  std::erase_if(releases, [&](const ListedRelease& listed) {
    return std::ranges::find_first_of(listed.release.hardware, hardware) == listed.release.hardware.end();
  });
  return releases;
}

// What a release adds to its role: files in staging/, and their entries.
class Staging {
 public:
  Staging(const Repository& repository, FileWriter& writer, const Release& release, metadata::Targets targets)
      : repository_(&repository), writer_(&writer), targets_(std::move(targets)), added_{release} {}

  // add_payload takes a payload out of the scratch folder.
  Result<void> add_payload(const policies::Label& file, const fs::path& built, const PayloadIdentity& payload) {
    TENON_TRY(const metadata::TargetPath path, free_path(file));
    TENON_TRY_VOID(writer_->move(built, repository_->staged_target(path.hash_prefixed(payload.sha256.hex()))));
    targets_.targets.insert_or_assign(path.text(), target_entry(payload.length, payload.sha256));
    added_.files.push_back({path, payload.length});
    return {};
  }

  Result<void> add(const policies::Label& file, ByteView content) {
    TENON_TRY(const metadata::TargetPath path, free_path(file));
    TENON_TRY_VOID(stage_target(*repository_, *writer_, path, content, targets_));
    added_.files.push_back({path, content.size()});
    return {};
  }

  // finish writes the draft. Errors: those of write_draft.
  Result<ReleaseAdded> finish(const RoleId& role, metadata::UtcTime expires) {
    TENON_TRY(added_.draft, write_draft(*repository_, *writer_, role, std::move(targets_), expires));
    return std::move(added_);
  }

 private:
  Result<metadata::TargetPath> free_path(const policies::Label& file) const {
    metadata::TargetPath path =
        policies::release_file_path(added_.release.product, added_.release.version, file.text());
    if (targets_.find(path) == nullptr) return path;
    return Error{ErrorCode::kUsage, "two files of the release are called " + file.text()}.with_hint(
        "give what is attached another name");
  }

  const Repository* repository_;
  FileWriter* writer_;
  metadata::Targets targets_;
  ReleaseAdded added_;
};

}  // namespace

Result<ReleaseAdded> add_release(const Repository& repository, FileWriter& writer, const ReleaseRequest& request,
                                 metadata::UtcTime now, Progress& progress) {
  const RoleId role = releases_role_of(request.product);
  TENON_TRY(const std::vector<ListedRelease> releases, listed_releases(repository, request.product));
  TENON_TRY_VOID(check_bases(request.deltas.bases, request.images));
  TENON_TRY(const std::vector<Attached> attached, read_attached(request));
  const auto same_version =
      std::ranges::find(releases, request.version, [](const ListedRelease& listed) { return listed.release.version; });
  if (same_version != releases.end()) {
    const Release& there = same_version->release;
    TENON_TRY(const Release wanted, describe(request,
                                             {request.sequence.value_or(there.sequence),
                                              request.floor.value_or(there.floor), bridges_of(request, &there)},
                                             attached, progress));
    if (wanted == with_full_alone(there)) return ReleaseAdded{there};
    return Error{ErrorCode::kPolicy, "release " + there.version.text() + " exists with other content"}.with_hint(
        "a version stands for one content for ever: use another --version and a higher --sequence");
  }
  TENON_TRY_VOID(check_was_not_removed(repository, request));
  TENON_TRY(const Sequence sequence, sequence_of(request, releases));
  const Release* before = releases.empty() ? nullptr : &releases.back().release;
  const Order order{sequence, request.floor.value_or(default_floor(releases)), bridges_of(request, before)};
  TENON_TRY_VOID(check_before_the_long_work(request, order, attached, releases));
  TENON_TRY(ScratchFolder scratch, ScratchFolder::make(repository.scratch()));
  std::vector<BuiltImage> built;
  std::vector<policies::Image> images;
  for (const ImageFile& input : request.images) {
    TENON_TRY(BuiltImage image, build_image(input, request.encode, request.local, scratch.path(), progress));
    images.push_back(image.image);
    built.push_back(std::move(image));
  }
  TENON_TRY_VOID(check_attached(attached, images));
  TENON_TRY(metadata::Targets targets, repository.newest_targets(role));
  const std::vector<ListedRelease> earlier = of_the_same_devices(releases, request.hardware);
  const DeltaSources sources{repository, earlier, targets, scratch.path(), request.encode.workers};
  ReleaseDeltas deltas;
  for (std::size_t i = 0; i < built.size(); ++i) {
    const NewImage image{built[i].image, request.images[i].file, built[i].payload.length};
    TENON_TRY_VOID(add_deltas(sources, request.deltas, image, deltas, progress));
  }
  for (const OfferedDelta& delta : deltas.offered) {
    std::ranges::find(images, delta.slot, &policies::Image::slot)->payloads.push_back(delta.listed);
  }
  TENON_TRY(const Release release, release_of(request, order, std::move(images), attached));

  Staging staging(repository, writer, release, std::move(targets));
  for (const BuiltImage& one : built) {
    TENON_TRY_VOID(staging.add(one.image.segments_file, one.segment_list));
    TENON_TRY_VOID(staging.add_payload(one.image.payloads.front().file, one.payload_file, one.payload));
    if (one.local) {
      const policies::Payload& listed = one.image.payloads.back();
      TENON_TRY_VOID(staging.add_payload(listed.file, one.local->blocks_file, one.local->blocks));
      TENON_TRY_VOID(staging.add(*listed.index, one.local->index));
    }
  }
  for (const OfferedDelta& delta : deltas.offered) {
    TENON_TRY_VOID(staging.add_payload(delta.listed.file, delta.file, delta.payload));
  }
  const std::string text = json::to_text(release.to_json(), 1) + "\n";
  TENON_TRY_VOID(staging.add(*policies::Label::parse("release.json"), as_bytes(text)));
  for (const Attached& one : attached) TENON_TRY_VOID(staging.add(one.listed.file, one.content));
  TENON_TRY(ReleaseAdded added, staging.finish(role, repository.settings().expiry.of(role).after(now)));
  added.note = note_on_bridges(request, releases);
  added.deltas = std::move(deltas);
  return added;
}

}  // namespace tenon::repo_tools
