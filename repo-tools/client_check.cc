#include <tenon/client/workflow/target_search.h>
#include <tenon/metadata/utf8.h>
#include <tenon/repo_tools/client_check.h>
#include <tenon/repo_tools/local_payload.h>
#include <tenon/repo_tools/payload_writer.h>
#include <tenon/repo_tools/release_deltas.h>

#include <algorithm>

namespace tenon::repo_tools {
namespace {

using client::Reply;
using metadata::TargetPath;
using policies::Channel;
using policies::Label;
using policies::Release;

constexpr std::size_t kMaxSegmentListBytes = 8u << 20;  // docs/payload-format.md

}  // namespace

CheckingClient::CheckingClient(const ServedFiles& files, ByteView embedded_root, ClientState state,
                               metadata::UtcTime now)
    : files_(&files),
      embedded_root_(embedded_root.begin(), embedded_root.end()),
      state_(std::move(state)),
      rules_{.now = now, .require_snapshot_hashes = true} {}

template <class Session, class Keep>
Result<void> CheckingClient::run(Session& session, Keep keep) {
  for (;;) {
    TENON_TRY(const client::Step step, session.next());
    Reply reply = client::NotFound{};
    if (const auto* cached = std::get_if<client::WantCached>(&step)) {
      if (const auto file = state_.files.find(cached->file_name); file != state_.files.end()) reply = file->second;
    } else if (const auto* remote = std::get_if<client::WantRemote>(&step)) {
      TENON_TRY(reply, files_->metadata(remote->file_name, remote->max_length));
    } else {
      return {};
    }
    TENON_TRY(client::Progress progress, session.feed(reply));
    if (progress.persist) keep(*std::move(progress.persist));
  }
}

Result<void> CheckingClient::refresh() {
  TENON_TRY(client::RefreshSession session, client::RefreshSession::start(embedded_root_, state_.floors, rules_));
  const Result<void> done = run(session, [&](client::Persist file) {
    state_.files.insert_or_assign(std::move(file.file_name), std::move(file.content));
  });
  state_.floors = session.floors();
  if (!done) return done;
  repository_ = std::move(session).finish();
  return {};
}

Result<CheckingClient::Walk> CheckingClient::walk(const TargetPath& path) {
  client::TargetSearch search = client::TargetSearch::start(*repository_, path, rules_);
  TENON_TRY_VOID(run(search, [](const client::Persist&) {}));  // there may be very many such files
  return Walk{search.visited(), search.found()};
}

Result<CheckingClient::Found> CheckingClient::find(const TargetPath& path) {
  TENON_TRY(Walk walk, this->walk(path));
  std::optional<metadata::VerifiedTarget>& target = walk.found;
  if (!target) {
    return Error{ErrorCode::kNet, printable(path.text()) + ": no role that may speak for it lists it"};
  }
  if (!target->hashes().sha256) return Error{ErrorCode::kPolicy, printable(path.text()) + ": is listed without sha256"};
  const Sha256 sha256 = *target->hashes().sha256;
  return Found{*std::move(target), sha256};
}

Result<Bytes> CheckingClient::read(const TargetPath& path, std::size_t max_bytes) {
  TENON_TRY(const Found found, find(path));
  TENON_TRY(Bytes content, files_->read_target(path, found.sha256, max_bytes));
  TENON_TRY_VOID(found.target.check(content));
  return content;
}

Result<ClientState> state_of_a_known_device(const Repository& repository) {
  ClientState state;
  const auto keep = [&](std::string name, const std::string& published_as) -> Result<bool> {
    TENON_TRY(std::optional<Bytes> file,
              read_if_there(repository.public_metadata(published_as), metadata::Limits{}.listed_bytes));
    return file && state.files.emplace(std::move(name), *std::move(file)).second;
  };
  TENON_TRY(const metadata::Authentic<metadata::Root> root, repository.published_root());
  state.floors = metadata::VersionFloors{}.under(root.value());
  state.floors.raise_root(root.value());
  for (std::int64_t version = root->header.version.value(); version > 1; --version) {
    const std::string name = std::to_string(version) + ".root.json";
    TENON_TRY(const bool there, keep(name, name));
    if (!there) break;  // from here on it was made with them
  }
  TENON_TRY(const std::shared_ptr<const PublishedState> published, repository.published_state());
  if (!published) return state;
  state.floors.raise_timestamp(published->timestamp);
  state.floors.raise_snapshot(published->snapshot);  // all that the file, which may be large, would be read for
  for (const RoleId& role : {RoleId::timestamp(), RoleId::targets()}) {
    TENON_TRY(const std::optional<metadata::Version> version, repository.published_version(role));
    if (version) TENON_TRY_VOID(keep(role.draft_name(), role.public_name(*version)));
  }
  return state;
}

bool is_channel_path(std::string_view path) {
  const std::size_t slash = path.find('/');
  return slash != path.npos && path.substr(slash).starts_with("/channels/") && path.ends_with(".json");
}

Result<std::vector<TargetPath>> channel_paths(const ServedFiles& files, const client::TrustedRepository& repository) {
  std::vector<TargetPath> paths;
  const auto& delegations = repository.targets.targets()->delegations;
  if (!delegations) return paths;
  for (const metadata::DelegatedRole& role : delegations->roles) {
    const metadata::MetaEntry* pin = repository.snapshot->find(role.name);
    if (pin == nullptr) continue;
    TENON_TRY(const Reply reply, files.metadata(role.name.file_name(pin->version), metadata::Limits{}.listed_bytes));
    const Bytes* file = std::get_if<Bytes>(&reply);
    if (file == nullptr) return Error{ErrorCode::kNet, role.name.file_name(pin->version) + ": is listed and not there"};
    TENON_TRY(const metadata::Envelope envelope, metadata::Envelope::parse(*file, metadata::Limits{}.listed_bytes));
    TENON_TRY(const metadata::Targets targets, metadata::Targets::parse(envelope.signed_part()));
    for (const auto& [name, entry] : targets.targets) {
      if (!is_channel_path(name)) continue;
      TENON_TRY(TargetPath path, TargetPath::parse(name));
      paths.push_back(std::move(path));
    }
  }
  return paths;
}

Result<CurrentRelease> check_channel_pin(CheckingClient& client, const TargetPath& path) {
  TENON_TRY(const Bytes document, client.read(path, policies::kMaxChannelBytes));
  TENON_TRY(Channel channel, Channel::parse(document).with_context(printable(path.text())));
  if (policies::channel_path(channel.product, channel.channel) != path) {
    return Error{ErrorCode::kPolicy, printable(path.text()) + ": says it is channel " + channel.channel.text() +
                                         " of " + channel.product.text()};
  }
  const TargetPath release_path = policies::release_path(channel.product, channel.release);
  TENON_TRY(const Bytes release_file, client.read(release_path, policies::kMaxReleaseBytes));
  if (Sha256::of(release_file) != channel.release_sha256) {
    return Error{ErrorCode::kMismatch, release_path.text() + ": is not the release.json that the channel pins"};
  }
  TENON_TRY(Release release, Release::parse(release_file).with_context(release_path.text()));
  return CurrentRelease{std::move(channel), std::move(release)};
}

namespace {

Result<Release> read_release(CheckingClient& client, const Label& product, const Label& version) {
  const TargetPath path = policies::release_path(product, version);
  TENON_TRY(const Bytes file, client.read(path, policies::kMaxReleaseBytes));
  return Release::parse(file).with_context(path.text());
}

}  // namespace

Result<std::vector<Release>> bridges_to(CheckingClient& client, const Release& release) {
  std::vector<Release> reached{release};
  for (std::size_t i = 0; i < reached.size(); ++i) {
    const Release from = reached[i];  // the list grows below
    for (const policies::Bridge& bridge : from.bridges) {
      const std::string where = "bridge " + bridge.via.text() + " to " + from.title();
      TENON_TRY(Release via, read_release(client, from.product, bridge.via).with_context(where));
      TENON_TRY_VOID(from.check_bridge(bridge, via));
      if (std::ranges::find(reached, via.version, &Release::version) == reached.end())
        reached.push_back(std::move(via));
    }
  }
  reached.erase(reached.begin());
  return reached;
}

namespace {

Result<void> check_is_the_listed(const CheckingClient::Found& found, const PayloadIdentity& identity) {
  if (identity.length == found.target.length() && identity.sha256 == found.sha256) return {};
  return Error{ErrorCode::kMismatch, printable(found.target.path().text()) + ": is not the file that is listed"};
}

// Reads segment list and payloads of one image; gives the bytes that a device would fetch which has no base of a delta.
Result<std::uint64_t> check_image(CheckingClient& client, const RepositoryView& view, const Release& release,
                                  const policies::Image& image, Progress& progress) {
  const auto path_of = [&](const Label& file) {
    return policies::release_file_path(release.product, release.version, file.text());
  };
  TENON_TRY(const Bytes list, client.read(path_of(image.segments_file), kMaxSegmentListBytes));
  TENON_TRY(const client::SegmentList segments, client::SegmentList::read(list, image));
  std::uint64_t fetched = list.size();
  bool any = false;
  for (const policies::Payload& payload : image.payloads) {
    if (payload.kind != policies::Payload::kFull && !payload.delta && !payload.index) continue;
    TENON_TRY(const CheckingClient::Found found, client.find(path_of(payload.file)));
    TENON_TRY(const std::filesystem::path file, view.target(found.target.path(), found.sha256));
    if (payload.delta) {
      TENON_TRY(const InputFile input, InputFile::open(file));
      TENON_TRY(const Sha256 sha256, digest_file(file));
      TENON_TRY_VOID(check_is_the_listed(found, {input.size(), sha256}));
      TENON_TRY_VOID(check_delta(file, image, *payload.delta));
    } else if (payload.index) {
      TENON_TRY(const Bytes index_file,
                client.read(path_of(*payload.index), client::LocalIndex::max_bytes(image.size)));
      TENON_TRY(const client::LocalIndex index, client::LocalIndex::read(index_file, image.size));
      TENON_TRY(const PayloadIdentity identity, check_local_payload(file, index, image, segments, progress));
      TENON_TRY_VOID(check_is_the_listed(found, identity));
    } else {
      TENON_TRY(const PayloadIdentity identity, check_full_payload(file, image, segments, progress));
      TENON_TRY_VOID(check_is_the_listed(found, identity));
      fetched += identity.length;
      any = true;
    }
  }
  if (any) return fetched;
  return Error{ErrorCode::kPolicy, "image " + image.slot.text() + " of " + release.version.text() +
                                       " has no payload that this tool can read"};
}

Result<policies::Trip> find_trip(CheckingClient& client, const Channel& channel, const Release& release,
                                 const policies::DeviceFacts& facts) {
  policies::Trip trip = policies::begin_trip(channel, release, facts);
  TENON_TRY_VOID(policies::complete_trip(
      trip, [&](const policies::Bridge& bridge) { return read_release(client, channel.product, bridge.via); }));
  return trip;
}

// What a device knows that runs a version which is listed, and has confirmed it.
Result<policies::DeviceFacts> facts_of(CheckingClient& client, const Channel& channel, const SimulatedDevice& device,
                                       metadata::UtcTime now) {
  policies::DeviceFacts facts{.product = channel.product, .hardware = device.hardware, .channel = channel.channel};
  facts.device_id = device.device_id;
  facts.group = device.group;
  facts.now = now;
  if (!device.version) return facts;
  const TargetPath path = policies::release_path(channel.product, *device.version);
  TENON_TRY(const CheckingClient::Walk walk, client.walk(path));
  if (!walk.found) {
    return Error{ErrorCode::kUsage, channel.product.text() + " has no release " + device.version->text()};
  }
  TENON_TRY(const Release running, read_release(client, channel.product, *device.version));
  facts.running_version = running.version;
  facts.running_sequence = running.sequence;
  facts.floor.raise(running.sequence, running.floor);
  return facts;
}

std::vector<SimulatedDevice> new_devices(const Release& release) {
  std::vector<SimulatedDevice> devices;
  for (const Label& hardware : release.hardware) devices.push_back({hardware});
  return devices;
}

Result<void> check_channel_document(CheckingClient& client, const RepositoryView& view, const TargetPath& path,
                                    const VerifyOptions& options, ChannelReport& report, Progress& progress) {
  TENON_TRY(CurrentRelease current, check_channel_pin(client, path));
  report.channel = std::move(current.channel);
  report.release = std::move(current.release);
  const Channel& channel = *report.channel;
  for (const policies::Image& image : report.release->images) {
    TENON_TRY(const std::uint64_t bytes, check_image(client, view, *report.release, image, progress));
    report.payload_bytes += bytes;
  }
  TENON_TRY(const std::vector<Release> bridges, bridges_to(client, *report.release));
  for (const Release& bridge : bridges) {
    for (const policies::Image& image : bridge.images) {
      TENON_TRY_VOID(check_image(client, view, bridge, image, progress).with_context("bridge " + bridge.title()));
    }
  }
  for (const SimulatedDevice& device : options.devices.empty() ? new_devices(*report.release) : options.devices) {
    TENON_TRY(const policies::DeviceFacts facts, facts_of(client, channel, device, options.now));
    TENON_TRY_VOID(policies::check_channel(channel, facts));
    TENON_TRY(const policies::Trip trip, find_trip(client, channel, *report.release, facts));
    report.decisions.emplace_back(device, policies::decide(channel, trip, facts));
  }
  return {};
}

json::Value to_json(const ChannelReport& report) {
  json::Object object;
  object.set("path", report.path);
  if (report.channel) object.set("channel", report.channel->to_json());
  if (report.release) object.set("release", report.release->to_json());
  object.set("payload_bytes", static_cast<std::int64_t>(report.payload_bytes));
  json::Array decisions;
  for (const auto& [device, decision] : report.decisions) {
    json::Object entry;
    entry.set("hardware", device.hardware.text());
    if (device.version) entry.set("running", device.version->text());
    entry.set("install", decision.verdict == policies::Verdict::kInstall);
    entry.set("reason", decision.reason);
    entry.set("text", decision.text);
    decisions.push_back(std::move(entry));
  }
  object.set("decisions", std::move(decisions));
  object.set("ok", !report.error.has_value());
  if (report.error) {
    object.set("error", std::string(to_string(report.error->code)));
    object.set("message", report.error->message);
  }
  return object;
}

}  // namespace

std::optional<Error> ClientReport::first_error() const {
  for (const ChannelReport& report : channels) {
    if (report.error) return report.error;
  }
  return std::nullopt;
}

json::Value ClientReport::to_json() const {
  json::Array entries;
  for (const ChannelReport& report : channels) entries.push_back(repo_tools::to_json(report));
  json::Object object;
  object.set("schema", 1);
  object.set("root_version", root_version.value());
  object.set("timestamp_version", timestamp_version.value());
  object.set("timestamp_expires", timestamp_expires.text());
  object.set("channels", std::move(entries));
  object.set("ok", !first_error().has_value());
  return object;
}

Result<SimulatedDevice> SimulatedDevice::parse(std::string_view text) {
  const std::size_t at = text.find('@');
  TENON_TRY(Label hardware, Label::parse(text.substr(0, at)));
  SimulatedDevice device{std::move(hardware)};
  if (at != text.npos) {
    TENON_TRY(device.version, Label::parse(text.substr(at + 1)));
  }
  return device;
}

std::string SimulatedDevice::text() const {
  return hardware.text() + (version ? "@" + version->text() : "");
}

Result<ClientReport> verify_as_client(const RepositoryView& view, ByteView embedded_root, const VerifyOptions& options,
                                      Progress& progress) {
  CheckingClient client(view, embedded_root, {}, options.now);
  TENON_TRY_VOID(client.refresh());
  const client::TrustedRepository& repository = client.repository();
  ClientReport report{repository.root->header.version, repository.timestamp->header.version,
                      repository.timestamp->header.expires};
  TENON_TRY(const std::vector<TargetPath> paths, channel_paths(view, repository));
  for (const TargetPath& path : paths) {
    ChannelReport channel{path.text()};
    Result<void> checked = check_channel_document(client, view, path, options, channel, progress);
    if (!checked) channel.error = std::move(checked).error();
    report.channels.push_back(std::move(channel));
  }
  return report;
}

}  // namespace tenon::repo_tools
