// The commands that prepare: init, root add, policy set, release add, renew.
#include <tenon/hsm/file_io.h>
#include <tenon/metadata/utf8.h>
#include <tenon/repo_tools/command_words.h>
#include <tenon/repo_tools/commands.h>
#include <tenon/repo_tools/init.h>
#include <tenon/repo_tools/progress_meter.h>
#include <tenon/repo_tools/publish_policy.h>
#include <tenon/repo_tools/release_builder.h>
#include <tenon/repo_tools/release_removal.h>

#include <algorithm>
#include <charconv>

namespace tenon::repo_tools {
namespace {

using policies::Label;
using policies::Sequence;

constexpr std::size_t kShownPassedOver = 8;

Result<ImageFile> image_file(const std::string& option, const std::string& text) {
  const std::size_t equals = text.find('=');
  if (equals == text.npos || equals + 1 == text.size()) {
    return Error{ErrorCode::kUsage, option + " " + printable(text) + ": is not SLOT=FILE"}.with_hint(
        "for example " + option + " rootfs=build/rootfs.ext4");
  }
  TENON_TRY(Label slot, label(option, text.substr(0, equals)));
  return ImageFile{std::move(slot), text.substr(equals + 1)};
}

Result<policies::Bridge> bridge(const std::string& text) {
  const std::size_t equals = text.find('=');
  std::int64_t below = 0;
  const char* end = text.data() + std::min(equals, text.size());
  const auto [rest, error] = std::from_chars(text.data(), end, below);
  if (equals == text.npos || error != std::errc() || rest != end) {
    return Error{ErrorCode::kUsage, "--bridge " + printable(text) + ": is not BELOW=VERSION"}.with_hint(
        "for example --bridge 5=1.4.0: devices below sequence 5 first install 1.4.0");
  }
  TENON_TRY(const Sequence first_beyond, sequence("--bridge", below));
  TENON_TRY(Label via, label("--bridge", text.substr(equals + 1)));
  return policies::Bridge{first_beyond, std::move(via)};
}

json::Object base_json(const DeltaBase& base) {
  json::Object object;
  if (base.version) {
    object.set("version", base.version->text());
  } else {
    object.set("file", base.file.native());
  }
  return object;
}

json::Array offered_json(const ReleaseDeltas& deltas) {
  json::Array array;
  for (const OfferedDelta& delta : deltas.offered) {
    json::Object base = base_json(delta.base);
    base.set("sha256", delta.listed.delta->base_sha256.hex());
    json::Object object;
    object.set("slot", delta.slot.text());
    object.set("file", delta.listed.file.text());
    object.set("base", std::move(base));
    object.set("length", static_cast<std::int64_t>(delta.payload.length));
    object.set("full_length", static_cast<std::int64_t>(delta.full_bytes));
    array.push_back(std::move(object));
  }
  return array;
}

json::Array passed_over_json(const ReleaseDeltas& deltas) {
  json::Array array;
  for (const PassedOver& one : deltas.passed_over) {
    json::Object object;
    object.set("slot", one.slot.text());
    object.set("base", base_json(one.base));
    object.set("why", one.why);
    array.push_back(std::move(object));
  }
  return array;
}

void say_deltas(const Console& console, const ReleaseDeltas& deltas) {
  for (const OfferedDelta& delta : deltas.offered) {
    console.say("  " + delta.slot.text() + " from " + delta.base.text() + ": a delta of " +
                size_text(delta.payload.length) + ", " + percent_of(delta.payload.length, delta.full_bytes) +
                " of the full payload");
  }
  for (std::size_t i = 0; i < deltas.passed_over.size() && i < kShownPassedOver; ++i) {
    const PassedOver& one = deltas.passed_over[i];
    console.say("note: " + one.slot.text() + ": no delta from " + one.base.text() + ": " + one.why);
  }
  if (deltas.passed_over.size() > kShownPassedOver) {
    console.say("  and from " + std::to_string(deltas.passed_over.size() - kShownPassedOver) + " more");
  }
}

}  // namespace

Result<ExitStatus> run_init(const Console& console, const InitWords& words) {
  TENON_TRY(Label product, label("--product", words.product));
  TENON_TRY(const Bytes root, hsm::read_file(words.root, metadata::Limits{}.root_bytes));
  TENON_TRY(std::vector<metadata::PublicKey> releases, public_keys(words.releases_keys));
  TENON_TRY(std::vector<metadata::PublicKey> rollout, public_keys(words.rollout_keys));
  const ProductRequest request{
      product, {std::move(releases), words.releases_threshold}, {std::move(rollout), words.rollout_threshold}};
  Governance governance{words.lab};
  if (!words.policy.empty()) {
    TENON_TRY(governance.policy, hsm::read_file(words.policy, policies::SigningPolicy::kMaxBytes));
  }
  TENON_TRY_VOID(init_repository(words.folder, root, request, governance, console.now));
  if (words.lab) console.warn("a lab repository, not for devices that matter");
  console.say("repository " + printable(words.folder.native()) + " for product " + product.text());
  console.say("drafted targets, " + policies::releases_role(product) + " and " + policies::rollout_role(product));
  if (words.releases_threshold < 2) console.say("  note: one stolen key is enough to sign a release");
  console.say(std::string(kSignNext));
  return ExitStatus::kOk;
}

Result<ExitStatus> run_root_add(const Console& console, const RootAddWords& words) {
  TENON_TRY(const Repository repository, Repository::open(words.folder));
  TENON_TRY(const hsm::FileDescriptor lock, repository.lock());
  TENON_TRY(const Bytes file, hsm::read_file(words.root, metadata::Limits{}.root_bytes));
  TENON_TRY(const metadata::Authentic<metadata::Root> trusted, repository.root());
  if (trusted.identity() == metadata::FileIdentity::of(file)) {
    console.say("root v" + std::to_string(trusted->header.version.value()) + " is there already");
    return ExitStatus::kOk;
  }
  TENON_TRY(const metadata::Authentic<metadata::Root> root, metadata::next_root(trusted, file));
  TENON_TRY_VOID(refuse_rehearsal(root.value()));
  if (!root->consistent_snapshot) return Error{ErrorCode::kPolicy, "the root says consistent_snapshot false"};
  const std::string version = std::to_string(root->header.version.value());
  DiskWriter disk;
  TENON_TRY_VOID(disk.put(repository.draft(version + ".root.json"), file));
  console.say("staged root v" + version);
  console.say(std::string(kSignNext) + ", if keys of other roles changed; then tenon-repo publish");
  return ExitStatus::kOk;
}

Result<ExitStatus> run_policy_set(const Console& console, const PolicySetWords& words) {
  TENON_TRY(const Repository repository, Repository::open(words.folder));
  TENON_TRY(const hsm::FileDescriptor lock, repository.lock());
  TENON_TRY(const Bytes file, hsm::read_file(words.policy, policies::SigningPolicy::kMaxBytes));
  DiskWriter disk;
  TENON_TRY(const policies::SigningPolicy policy, set_policy(repository, disk, file));
  console.say("policy v" + std::to_string(policy.version.value()) + " judges what is published from now on");
  return ExitStatus::kOk;
}

Result<ExitStatus> run_release_add(const Console& console, const ReleaseAddWords& words) {
  TENON_TRY(const Repository repository, Repository::open(words.folder));
  TENON_TRY(const hsm::FileDescriptor lock, repository.lock());
  TENON_TRY(const Label product, label("--product", words.product));
  TENON_TRY(const Label version, label("--version", words.version));
  ReleaseRequest request{product, version};
  if (words.sequence) {
    TENON_TRY(request.sequence, sequence("--sequence", *words.sequence));
  }
  if (words.floor) {
    TENON_TRY(request.floor, sequence("--floor", *words.floor));
  }
  TENON_TRY(request.hardware, labels("--hardware", words.hardware));
  for (const std::string& text : words.images) {
    TENON_TRY(ImageFile image, image_file("--image", text));
    request.images.push_back(std::move(image));
  }
  for (const std::string& text : words.bases) {
    TENON_TRY(ImageFile base, image_file("--base", text));
    request.deltas.bases.push_back(std::move(base));
  }
  request.local = words.local;
  if (!words.delta_budget.empty()) {
    TENON_TRY(request.deltas.budget, parse_size(words.delta_budget));
  }
  if (words.no_bridges || !words.bridges.empty()) request.bridges.emplace();
  for (const std::string& text : words.bridges) {
    TENON_TRY(policies::Bridge one, bridge(text));
    request.bridges->push_back(std::move(one));
  }
  request.notes = words.notes;
  if (!words.kind.empty()) {
    TENON_TRY(request.kind, label("--kind", words.kind));
  }
  if (!words.sbom.empty()) request.attached.push_back({std::string(policies::Attachment::kSbom), words.sbom});
  if (!words.provenance.empty()) {
    request.attached.push_back({std::string(policies::Attachment::kProvenance), words.provenance});
  }
  TENON_TRY(request.encode.segment_size, parse_size(words.segment_size));
  request.encode.level = words.level;
  request.encode.workers = words.workers;

  const auto writer = writer_for(words.dry_run);
  TENON_TRY(const ReleaseAdded added, add_release(repository, *writer, request, console.now, console.progress));
  if (console.as_json) {
    json::Array files;
    for (const StagedFile& file : added.files) {
      json::Object entry;
      entry.set("path", file.path.text());
      entry.set("length", static_cast<std::int64_t>(file.length));
      files.push_back(std::move(entry));
    }
    json::Object object;
    object.set("release", added.release.to_json());
    object.set("files", std::move(files));
    if (!added.note.empty()) object.set("note", added.note);
    object.set("deltas", offered_json(added.deltas));
    object.set("passed_over", passed_over_json(added.deltas));
    give_change(console, std::move(object), added.draft, words.dry_run);
  }
  if (!added.draft) {
    console.say("release " + version.text() + " is there already, with the same content: nothing to do");
    return ExitStatus::kOk;
  }
  for (const StagedFile& file : added.files) console.say("+ " + file.path.text() + "  " + size_text(file.length));
  for (const policies::Bridge& one : added.release.bridges) {
    console.say("  devices below sequence " + std::to_string(one.below.value()) + " first install " + one.via.text());
  }
  say_deltas(console, added.deltas);
  if (!added.note.empty()) console.say("note: " + added.note);
  console.say(draft_line(*added.draft, words.dry_run));
  console.say(std::string(kSignNext));
  return ExitStatus::kOk;
}

Result<ExitStatus> run_release_remove(const Console& console, const ReleaseRemoveWords& words) {
  TENON_TRY(const Repository repository, Repository::open(words.folder));
  TENON_TRY(const hsm::FileDescriptor lock, repository.lock());
  TENON_TRY(const Label product, label("--product", words.product));
  TENON_TRY(const Label version, label("--version", words.version));
  const auto writer = writer_for(words.dry_run);
  TENON_TRY(const ReleaseRemoved removed, remove_release(repository, *writer, product, version, console.now));
  if (console.as_json) {
    json::Object object;
    object.set("removed", json::Array(removed.paths.begin(), removed.paths.end()));
    give_change(console, std::move(object), removed.draft, words.dry_run);
  }
  for (const std::string& path : removed.paths) console.say("- " + printable(path));
  console.say(draft_line(removed.draft, words.dry_run));
  console.say(std::string(kSignNext) + "; its files stay until tenon-repo prune");
  return ExitStatus::kOk;
}

Result<ExitStatus> run_renew(const Console& console, const RenewWords& words) {
  TENON_TRY(const Repository repository, Repository::open(words.folder));
  TENON_TRY(const hsm::FileDescriptor lock, repository.lock());
  std::optional<Days> expires_in;
  if (!words.expires_in.empty()) {
    TENON_TRY(expires_in, Days::parse(words.expires_in));
  }
  const auto writer = writer_for(words.dry_run);
  for (const std::string& name : words.roles) {
    TENON_TRY(const RoleId role, RoleId::parse(name));
    if (words.bins) {
      TENON_TRY(const std::vector<Draft> drafts, renew_bins(repository, *writer, role, expires_in, console.now));
      say_drafts(console, drafts, words.dry_run);
      continue;
    }
    TENON_TRY(const Draft draft, renew(repository, *writer, role, expires_in, console.now));
    console.say(draft_line(draft, words.dry_run));
  }
  console.say(std::string(kSignNext));
  return ExitStatus::kOk;
}

}  // namespace tenon::repo_tools
