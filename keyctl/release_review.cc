#include <tenon/keyctl/release_review.h>
#include <tenon/metadata/utf8.h>
#include <tenon/policies/trip.h>

#include <algorithm>

namespace tenon::keyctl {
namespace {

using metadata::TargetEntry;
using metadata::Targets;
using policies::Image;
using policies::Release;

constexpr std::string_view kReleaseFile = "/release.json";
constexpr std::size_t kShownNotesBytes = 400;
constexpr std::size_t kShownKindBytes = 40;

bool is_new(const Targets* before, const std::string& path, const TargetEntry& entry) {
  if (before == nullptr) return true;
  const auto old = before->targets.find(path);
  return old == before->targets.end() || old->second != entry;
}

// A file beside release.json that it names with its digest, and perhaps its length.
struct Named {
  std::string what;
  policies::Label file;
  Sha256 sha256;
  std::optional<std::uint64_t> length = {};
};

Result<void> check_pinned(const Targets& targets, const Release& release, const Named& named) {
  const std::string path = policies::release_file_path(release.product, release.version, named.file.text()).text();
  const auto entry = targets.targets.find(path);
  const bool pinned = entry != targets.targets.end() && entry->second.hashes.sha256 == named.sha256 &&
                      entry->second.length == named.length.value_or(entry->second.length);
  if (pinned) return {};
  return Error{ErrorCode::kPolicy,
               "the " + named.what + ", " + printable(path, 1024) + ", is not pinned as its release says"};
}

Result<void> check_files(const Targets& targets, const Release& release) {
  for (const Image& image : release.images) {
    TENON_TRY_VOID(check_pinned(targets, release,
                                {"segment list of image " + image.slot.text(), image.segments_file,
                                 image.segments_sha256, image.segments_length}));
  }
  for (const policies::Attachment& attached : release.attachments) {
    TENON_TRY_VOID(
        check_pinned(targets, release, {printable(attached.kind, kShownKindBytes), attached.file, attached.sha256}));
  }
  return {};
}

Result<Release> read_carried(const std::string& path, const TargetEntry& entry,
                             const std::map<std::string, std::string>& contents) {
  const auto content = contents.find(path);
  if (content == contents.end()) {
    return Error{ErrorCode::kPolicy, "the request pins " + printable(path, 1024) + " and does not carry it",
                 "nobody can see what is signed: ask for a request that carries its releases"};
  }
  const metadata::FileIdentity identity = metadata::FileIdentity::of(as_bytes(content->second), true);
  if (identity.length != entry.length || !entry.hashes.match(identity)) {
    return Error{ErrorCode::kMismatch, printable(path, 1024) + " in the request is not the file that is pinned: " +
                                           std::to_string(identity.length) + " bytes, sha256 " + identity.sha256.hex()};
  }
  TENON_TRY(Release release, Release::parse(as_bytes(content->second)).with_context(printable(path, 1024)));
  const std::string own_path = policies::release_path(release.product, release.version).text();
  if (own_path != path) {
    return Error{ErrorCode::kPolicy,
                 printable(path, 1024) + " holds the release of " + printable(own_path, 1024) + ", another path"};
  }
  return release;
}

// Devices would wait for a bridge that is not there.
Result<Release> read_bridge(const Release& release, const policies::Bridge& bridge, const Targets& targets,
                            const std::map<std::string, std::string>& contents) {
  const std::string path = policies::release_path(release.product, bridge.via).text();
  const auto entry = targets.targets.find(path);
  if (entry == targets.targets.end()) {
    return Error{ErrorCode::kPolicy,
                 release.title() + " leads over " + bridge.via.text() + ", which the role does not list"};
  }
  TENON_TRY(Release via, read_carried(path, entry->second, contents));
  TENON_TRY_VOID(release.check_bridge(bridge, via));
  return via;
}

Result<std::vector<Release>> read_bridges(const Release& release, const Targets& targets,
                                          const std::map<std::string, std::string>& contents) {
  std::vector<Release> bridges;
  for (const policies::Bridge& bridge : release.bridges) {
    TENON_TRY(Release via, read_bridge(release, bridge, targets, contents));
    bridges.push_back(std::move(via));
  }
  return bridges;
}

const Release* newest_before(const Release& release, const std::vector<Release>& carried) {
  const Release* newest = nullptr;
  for (const Release& one : carried) {
    const bool is_earlier = one.product == release.product && one.sequence < release.sequence;
    if (is_earlier && (newest == nullptr || newest->sequence < one.sequence)) newest = &one;
  }
  return newest;
}

// What became of a bridge of the release before: the way is that of the devices just below it, which go over no lower
// one.
std::optional<DroppedBridge> dropped(const policies::Bridge& bridge, const Release& release,
                                     const std::vector<Release>& carried) {
  policies::Trip trip(release, policies::Sequence::create(bridge.below.value() - 1).value());
  const auto find = [&](const policies::Bridge& next) -> Result<Release> {
    const auto is_it = [&](const Release& one) { return one.product == release.product && one.version == next.via; };
    const auto via = std::ranges::find_if(carried, is_it);
    return via == carried.end() ? Result<Release>(Error{ErrorCode::kPolicy, "not carried"}) : Result<Release>(*via);
  };
  (void)policies::complete_trip(trip, find);  // a bridge that leads nowhere was refused
  const std::vector<Release>& stops = trip.stops();
  if (std::ranges::find(stops, bridge.via, &Release::version) != stops.end()) return std::nullopt;
  DroppedBridge gone{bridge};
  if (!trip.is_straight()) {
    gone.instead = stops[1].version;
  } else if (!release.bridges.empty()) {
    gone.from = release.bridges.back().below;
  }
  return gone;
}

std::string text_of(const DroppedBridge& gone) {
  const std::string below = std::to_string(gone.bridge.below.value());
  const std::string who = gone.from == policies::Sequence::first()
                              ? "devices below sequence " + below
                              : "devices from sequence " + std::to_string(gone.from.value()) + " and below " + below;
  return "no longer over " + gone.bridge.via.text() + ": " + who +
         (gone.instead ? " go over " + gone.instead->text() : std::string(" come straight"));
}

}  // namespace

Result<std::vector<PinnedRelease>> pinned_releases(const Targets* before, const Targets& after,
                                                   const std::map<std::string, std::string>& contents) {
  std::vector<PinnedRelease> releases;
  std::vector<Release> carried;
  for (const auto& [path, entry] : after.targets) {
    if (!path.ends_with(kReleaseFile)) continue;
    const bool is_shown = is_new(before, path, entry);
    if (!is_shown && !contents.contains(path)) continue;
    TENON_TRY(Release release, read_carried(path, entry, contents));
    if (is_shown) TENON_TRY_VOID(check_files(after, release));
    TENON_TRY(std::vector<Release> bridges, read_bridges(release, after, contents));
    carried.push_back(release);
    if (is_shown) releases.push_back({path, std::move(release), std::move(bridges)});
  }
  for (PinnedRelease& pinned : releases) {
    const Release* earlier = newest_before(pinned.release, carried);
    if (earlier == nullptr) continue;
    for (const policies::Bridge& bridge : earlier->bridges) {
      if (std::optional<DroppedBridge> gone = dropped(bridge, pinned.release, carried)) {
        pinned.dropped.push_back(*std::move(gone));
      }
    }
  }
  return releases;
}

std::vector<std::string> describe_release(const PinnedRelease& pinned) {
  const Release& release = pinned.release;
  std::string hardware;
  for (const policies::Label& id : release.hardware) hardware += (hardware.empty() ? "" : ", ") + id.text();
  std::vector<std::string> lines{release.product.text() + " " + release.version.text() + ": sequence " +
                                 std::to_string(release.sequence.value()) + ", floor " +
                                 std::to_string(release.floor.value()) + ", for " + hardware};
  for (const Image& image : release.images) {
    lines.push_back("  image " + image.slot.text() + ": " + std::to_string(image.size) + " bytes, sha256 " +
                    image.sha256.hex());
    for (const policies::Payload& payload : image.payloads) {
      if (!payload.delta) continue;
      lines.push_back("    delta from an image of " + std::to_string(payload.delta->base_size) + " bytes, sha256 " +
                      payload.delta->base_sha256.hex());
    }
  }
  for (std::size_t i = 0; i < pinned.bridges.size(); ++i) {
    lines.push_back("  devices below sequence " + std::to_string(release.bridges[i].below.value()) + " first install " +
                    pinned.bridges[i].title());
  }
  for (const DroppedBridge& gone : pinned.dropped) lines.push_back("  " + text_of(gone));
  if (release.kind) lines.push_back("  kind: " + release.kind->text());
  for (const policies::Attachment& attachment : release.attachments) {
    lines.push_back("  " + printable(attachment.kind, kShownKindBytes) + ": " + attachment.file.text() + ", sha256 " +
                    attachment.sha256.hex());
  }
  if (!release.notes.empty()) lines.push_back("  notes: " + printable(release.notes, kShownNotesBytes));
  return lines;
}

}  // namespace tenon::keyctl
