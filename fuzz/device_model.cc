#include <tenon/metadata/check.h>

#include <algorithm>
#include <set>
#include <utility>
#include <variant>

#include <fuzz/device_model.h>
#include <fuzz/session_checks.h>
#include <tests/support/session_runner.h>

namespace tenon::fuzz {

using client::Progress;
using client::RefreshSession;
using client::Reply;
using client::Step;
using client::WantCached;
using client::WantRemote;
using metadata::Root;
using metadata::TopRole;
using metadata::Version;
using metadata::VersionFloors;
using tests::RepositorySimulator;

namespace {

Root root_of(ByteView file) {
  return *Root::parse(envelope_of(file).signed_part());
}

bool signed_for(TopRole role, const Root& root, ByteView file) {
  return vouched(envelope_of(file), root.keys, root.role(role));
}

bool falls(std::optional<Version> before, std::optional<Version> after) {
  return before && (!after || *after < *before);
}

bool any_falls(const VersionFloors& before, const VersionFloors& after) {
  return falls(before.timestamp, after.timestamp) || falls(before.snapshot, after.snapshot) ||
         (before.issued && (!after.issued || *after.issued < *before.issued)) ||
         std::ranges::any_of(before.targets, [&](const auto& entry) {
           const auto at = after.targets.find(entry.first);
           return at == after.targets.end() || at->second < entry.second;
         });
}

// A key counts for a role, as floors remember it.
Sha256 key_of_role(TopRole role, const Sha256& fingerprint) {
  Bytes text = to_bytes(role == TopRole::kTimestamp ? "timestamp" : "snapshot");
  text.push_back(0);
  text.insert(text.end(), fingerprint.bytes.begin(), fingerprint.bytes.end());
  return Sha256::of(text);
}

// Whether the root has dropped a timestamp or snapshot key under which the floors were learned.
bool has_rotated(const VersionFloors& floors, const Root& root) {
  std::set<Sha256> listed;
  for (const TopRole role : {TopRole::kTimestamp, TopRole::kSnapshot}) {
    for (const metadata::KeyId& keyid : root.role(role).keyids) {
      const auto key = root.keys.find(keyid);
      if (key == root.keys.end() || !key->second.material()) continue;
      listed.insert(key_of_role(role, key->second.material()->fingerprint()));
    }
  }
  return std::ranges::any_of(floors.learned_under, [&](const Sha256& key) { return !listed.contains(key); });
}

// One session, watched.
class WatchedSession {
 public:
  WatchedSession(DeviceModel& device, RepositorySimulator& repository, const Cycle& cycle)
      : device_(&device),
        repository_(&repository),
        cycle_(cycle),
        session_(*RefreshSession::start(device.embedded_root, device.floors, device.rules)),
        root_(root_of(device.embedded_root)),
        issued_before_(device.floors.issued) {}

  CycleResult run() {
    const std::size_t roots_stored = device_->files.size();
    const std::size_t max_replies = roots_stored + device_->rules.limits.roots_per_refresh + 10;
    for (std::size_t replies = 0;; ++replies) {
      TENON_CHECK(replies <= max_replies);
      const Result<Step> step = session_.next();
      TENON_CHECK(same_step(step, session_.next()));
      if (!step) return ended(step.error());
      if (std::holds_alternative<client::Done>(*step)) return ended({});
      if (cycle_.cut_after && replies == *cycle_.cut_after) return cut();
      Result<Reply> reply = ask(*step);
      Result<Progress> progress = reply ? feed(*step, *reply) : Result<Progress>(reply.error());
      if (!progress && cycle_.try_honest_files) {
        repository_->restore_all();
        reply = ask(*step);
        if (reply) progress = feed(*step, *reply);
      }
      if (!progress) return ended(progress.error());
      if (!progress->persist) continue;
      if (cycle_.cut_before_saving && cycle_.cut_after && replies + 1 == *cycle_.cut_after) return cut();
      store(*step, *progress->persist, std::get<Bytes>(*reply));
    }
  }

 private:
  Result<Reply> ask(const Step& step) {
    if (const auto* cached = std::get_if<WantCached>(&step)) {
      TENON_CHECK(cached->file_name.find('/') == std::string::npos);
      const auto at = device_->files.find(cached->file_name);
      return at == device_->files.end() ? Reply(client::NotFound{}) : Reply(at->second);
    }
    const auto& remote = std::get<WantRemote>(step);
    TENON_CHECK(remote.file_name.find('/') == std::string::npos);
    TENON_CHECK(remote.max_length <= device_->rules.limits.listed_bytes);
    result_.requested.push_back(remote.file_name);
    return tests::fetch_all(*repository_, "metadata/" + remote.file_name, remote.max_length);
  }

  Result<Progress> feed(const Step& step, const Reply& reply) {
    floors_before_ = session_.floors();
    const VersionFloors& before = floors_before_;
    const Version root_before = session_.root_version();
    const Result<Progress> progress = session_.feed(reply);
    if (!progress) {
      TENON_CHECK(!progress.error().message.empty());
      TENON_CHECK(session_.floors() == before && session_.root_version() == root_before);
      TENON_CHECK(same_step(session_.next(), step));
      const Result<Progress> again = session_.feed(reply);
      TENON_CHECK(!again && again.error() == progress.error());
      return progress;
    }
    if (session_.root_version() != root_before) take_root(root_before, std::get<Bytes>(reply));
    TENON_CHECK(!falls(before.root, session_.floors().root));
    if (any_falls(before, session_.floors())) {
      TENON_CHECK(has_rotated(before, root_));
      issued_before_.reset();
    }
    return progress;
  }

  void take_root(Version before, ByteView file) {
    TENON_CHECK(signed_for(TopRole::kRoot, root_, file));
    root_ = root_of(file);
    TENON_CHECK(signed_for(TopRole::kRoot, root_, file));
    TENON_CHECK(root_.header.version == session_.root_version() && root_.header.version == *before.next());
  }

  bool is_fresh(const metadata::RoleHeader& header) const { return header.expires > session_.rules().now; }

  // What may be stored is already what it has to be; being refused later would be too late.
  void store(const Step& step, const client::Persist& persist, ByteView served) {
    TENON_CHECK(std::holds_alternative<WantRemote>(step));
    TENON_CHECK(std::ranges::equal(persist.content, served));
    TENON_CHECK(std::ranges::find(result_.stored, persist.file_name) == result_.stored.end());
    const json::Value& value = envelope_of(served).signed_part();
    if (persist.file_name == "timestamp.json") {
      const metadata::Timestamp timestamp = *metadata::Timestamp::parse(value);
      TENON_CHECK(signed_for(TopRole::kTimestamp, root_, served) && is_fresh(timestamp.header));
      TENON_CHECK(!falls(floors_before_.timestamp, timestamp.header.version));
      TENON_CHECK(!falls(floors_before_.snapshot, timestamp.snapshot.version));
    } else if (persist.file_name == "snapshot.json") {
      const metadata::Snapshot snapshot = *metadata::Snapshot::parse(value);
      TENON_CHECK(signed_for(TopRole::kSnapshot, root_, served) && is_fresh(snapshot.header));
      TENON_CHECK(!falls(floors_before_.snapshot, snapshot.header.version));
      for (const auto& [name, floor] : floors_before_.targets) {
        TENON_CHECK(snapshot.meta.contains(name) && snapshot.meta.at(name).version >= floor);
      }
    } else if (persist.file_name == "targets.json") {
      TENON_CHECK(signed_for(TopRole::kTargets, root_, served));
      TENON_CHECK(is_fresh(metadata::Targets::parse(value)->header));
    } else {
      TENON_CHECK(persist.file_name == std::to_string(session_.root_version().value()) + ".root.json");
    }
    device_->files[persist.file_name] = persist.content;
    result_.stored.push_back(persist.file_name);
  }

  CycleResult cut() {
    result_.cut = true;
    return std::move(result_);
  }

  CycleResult ended(std::optional<Error> error) {
    device_->floors = session_.floors();
    result_.refused = std::move(error);
    if (!result_.refused) {
      const metadata::UtcTime now = session_.rules().now;
      TENON_CHECK(now >= device_->rules.now && (!issued_before_ || now >= *issued_before_));
      result_.trusted = std::move(session_).finish();
      check_trusted(*result_.trusted, now);
    }
    return std::move(result_);
  }

  // Everything fits together, and what is stored says the same.
  void check_trusted(const client::TrustedRepository& trusted, metadata::UtcTime now) {
    const metadata::Targets& targets = trusted.targets.targets().value();
    TENON_CHECK(trusted.root.value() == root_);
    for (const metadata::RoleHeader& header :
         {trusted.root->header, trusted.timestamp->header, trusted.snapshot->header, targets.header}) {
      TENON_CHECK(header.expires > now);
    }
    TENON_CHECK(!trusted.timestamp->issued || *trusted.timestamp->issued <= device_->floors.issued);
    TENON_CHECK(device_->floors.root == root_.header.version);
    TENON_CHECK(device_->floors.timestamp == trusted.timestamp->header.version);
    TENON_CHECK(device_->floors.snapshot == trusted.snapshot->header.version);
    for (const auto& [name, entry] : trusted.snapshot->meta) {
      TENON_CHECK(device_->floors.targets.at(name) == entry.version);
    }
    const Bytes& timestamp = device_->files.at("timestamp.json");
    const Bytes& snapshot = device_->files.at("snapshot.json");
    const Bytes& targets_file = device_->files.at("targets.json");
    TENON_CHECK(*metadata::Timestamp::parse(envelope_of(timestamp).signed_part()) == trusted.timestamp.value());
    TENON_CHECK(*metadata::Snapshot::parse(envelope_of(snapshot).signed_part()) == trusted.snapshot.value());
    TENON_CHECK(*metadata::Targets::parse(envelope_of(targets_file).signed_part()) == targets);
    TENON_CHECK(signed_for(TopRole::kTimestamp, root_, timestamp));
    TENON_CHECK(signed_for(TopRole::kSnapshot, root_, snapshot));
    TENON_CHECK(signed_for(TopRole::kTargets, root_, targets_file));
    check_pin(trusted.timestamp->snapshot, snapshot, trusted.snapshot->header.version);
    check_pin(trusted.snapshot->meta.at("targets.json"), targets_file, targets.header.version);
  }

  void check_pin(const metadata::MetaEntry& pin, ByteView file, Version version) const {
    TENON_CHECK(pin.version == version);
    TENON_CHECK(!pin.length || *pin.length == file.size());
    TENON_CHECK(!pin.hashes || !pin.hashes->sha256 || *pin.hashes->sha256 == Sha256::of(file));
    TENON_CHECK(!device_->rules.require_snapshot_hashes || (pin.length && pin.hashes));
  }

  DeviceModel* device_;
  RepositorySimulator* repository_;
  Cycle cycle_;
  RefreshSession session_;
  Root root_;                                       // as the files say that were accepted
  std::optional<metadata::UtcTime> issued_before_;  // the session, unless keys were rotated
  VersionFloors floors_before_;                     // the last reply
  CycleResult result_;
};

}  // namespace

CycleResult run_cycle(DeviceModel& device, RepositorySimulator& repository, const Cycle& cycle) {
  return WatchedSession(device, repository, cycle).run();
}

Root trusted_root(const DeviceModel& device) {
  RefreshSession session = *RefreshSession::start(device.embedded_root, device.floors, device.rules);
  Bytes newest = device.embedded_root;
  for (;;) {
    const Result<Step> step = session.next();
    if (!step) return root_of(newest);
    const auto* cached = std::get_if<WantCached>(&*step);
    if (cached == nullptr) return root_of(newest);
    const auto at = device.files.find(cached->file_name);
    const Version before = session.root_version();
    TENON_CHECK(session.feed(at == device.files.end() ? Reply(client::NotFound{}) : Reply(at->second)).has_value());
    if (session.root_version() != before) newest = at->second;
  }
}

bool same_verdict(const CycleResult& a, const CycleResult& b) {
  return a.refused == b.refused && a.cut == b.cut && a.requested == b.requested && a.stored == b.stored &&
         a.accepted() == b.accepted();
}

}  // namespace tenon::fuzz
