#include <algorithm>
#include <limits>
#include <utility>

#include <tests/support/attacker.h>

namespace tenon::tests {

using metadata::RoleHeader;
using metadata::TargetEntry;
using metadata::Targets;
using metadata::TopRole;
using metadata::UtcTime;
using metadata::Version;

namespace {

constexpr std::int64_t kHighest = std::numeric_limits<std::int64_t>::max();
constexpr const char* kOwnRole = "evil";
// What he would have products install: releases of camera that were signed, and his own.
const std::vector<std::string> kVersions = {"1.0.0", "1.1.0", "1.2.0", "1.3.0", "1.3.0", "1.3.1", kForeignVersion};

Version version_of(std::int64_t number) {
  return *Version::create(std::max<std::int64_t>(number, 1));
}

}  // namespace

StolenKeys keys_of(const ProductHistory& history, const std::vector<std::string>& roles, std::size_t count) {
  StolenKeys keys;
  for (const std::string& role : roles) {
    const std::vector<TestKey>& all = history.repository.signers.at(role);
    keys[role].assign(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(std::min(count, all.size())));
  }
  return keys;
}

// One repository in the making.
class Attacker::Work {
 public:
  Work(const Attacker& attacker, std::uint32_t number, std::int64_t served_before)
      : made(attacker.published_.back()),
        attacker_(&attacker),
        random_(number),
        served_before_(served_before),
        careful_(one_in(3)),
        owned_{kOwnRole} {
    for (const auto& [role, keys] : attacker.stolen_) owned_.insert(role);
    made.signers[kOwnRole] = {};
    for (auto& [role, keys] : made.signers) keys = signers_of(role);
  }

  void forge();
  void fast_forward(metadata::UtcTime issued);

  RepositorySimulator made;

 private:
  bool one_in(std::uint32_t count) { return random_() % count == 0; }
  template <class T>
  T one_of(const std::vector<T>& all) {
    return all[random_() % all.size()];
  }
  const RepositorySimulator& some_state() { return attacker_->published_[random_() % attacker_->published_.size()]; }
  const RepositorySimulator& some_state_for_a_mix() { return one_in(2) ? attacker_->published_.back() : some_state(); }
  // He tries it without keys as well.
  bool forges(const std::string& role) { return owned_.contains(role) ? careful_ || !one_in(4) : tries(30); }
  // Once in so many times, unless he is careful, he does what will hardly be accepted.
  bool tries(std::uint32_t count) { return !careful_ && one_in(count); }

  // The keys he has for a role, his own, and now and then one that is not for it.
  std::vector<TestKey> signers_of(const std::string& role) {
    std::vector<TestKey> keys = {attacker_->own_key_};
    for (const auto& [owner, stolen] : attacker_->stolen_) {
      for (const TestKey& key : stolen) {
        if ((owner == role || one_in(6)) && std::ranges::find(keys, key) == keys.end()) keys.push_back(key);
      }
    }
    return keys;
  }

  RoleHeader header_like(const RoleHeader& model, const std::string& pinned_by) {
    const std::int64_t old = model.version.value();
    RoleHeader header = model;
    header.version = version_of(old + 1 + served_before_);
    if (!owned_.contains(pinned_by) && one_in(2)) header.version = model.version;  // one file for another
    if (tries(4)) header.version = version_of(one_of<std::int64_t>({old, old + 2, old - 1, 1}));
    if (tries(20)) header.version = version_of(kHighest);
    if (one_in(2)) header.expires = model.expires.plus_seconds(3650 * kDay);
    if (tries(20)) header.expires = model.expires.plus_seconds(-3650 * kDay);
    return header;
  }

  void forge_root();
  void forge_targets_role(const std::string& role);
  void change_delegations(const std::string& role);
  void add_release_to(const std::string& role);
  void add_channel_to(const std::string& role, const std::string& version);
  void exchange_targets(const std::string& role);
  void damage_files();

  const Attacker* attacker_;
  std::mt19937 random_;
  std::int64_t served_before_;
  bool careful_;
  std::set<std::string> owned_;  // roles that he can sign, as things stand
};

Attacker::Attacker(const ProductHistory& history, StolenKeys stolen)
    : published_(history.published), stolen_(std::move(stolen)) {}

RepositorySimulator Attacker::forge(std::uint32_t number, std::int64_t served_before) const {
  Work work(*this, number, served_before);
  work.forge();
  return std::move(work.made);
}

RepositorySimulator Attacker::fast_forward(metadata::UtcTime issued) const {
  Work work(*this, 0, 0);
  work.fast_forward(issued);
  return std::move(work.made);
}

void Attacker::Work::forge() {
  forge_root();
  std::vector<std::string> roles = {"targets"};
  for (const auto& [name, role] : made.delegated) roles.push_back(name);
  const bool all_of_one_time = one_in(3);
  made.snapshot.meta = some_state_for_a_mix().snapshot.meta;
  for (const std::string& role : roles) {
    if (forges(role)) {
      forge_targets_role(role);
    } else if (!all_of_one_time) {
      const auto& meta = some_state_for_a_mix().snapshot.meta;
      if (const auto at = meta.find(role + ".json"); at != meta.end()) made.snapshot.meta[at->first] = at->second;
    }
    if (tries(50)) made.snapshot.meta.erase(role + ".json");
  }
  if (forges("snapshot")) {
    made.snapshot.header = header_like(made.snapshot.header, "timestamp");
    made.write_snapshot();
  } else {
    made.timestamp.snapshot = some_state().timestamp.snapshot;
  }
  if (forges("timestamp")) {
    made.timestamp.header = header_like(made.timestamp.header, "timestamp");
    if (tries(20)) made.timestamp.issued = test_now().plus_seconds(one_of<std::int64_t>({-1000, 1, 100'000}) * kDay);
    made.write_timestamp();
  } else {
    made.replace("metadata/timestamp.json", some_state().served("metadata/timestamp.json"));
  }
  if (tries(6)) damage_files();
}

void Attacker::Work::forge_root() {
  if (!forges("root")) return;
  const std::vector<TestKey> own = {attacker_->own_key_};
  if (one_in(2)) {  // set_keys lets the old keys sign as well; a key signs once
    std::erase(made.signers.at("root"), attacker_->own_key_);
    made.set_keys(TopRole::kRoot, own);
  }
  for (TopRole role : {TopRole::kTimestamp, TopRole::kSnapshot, TopRole::kTargets}) {
    const std::string name(to_string(role));
    const std::vector<TestKey> signers = made.signers.at(name);
    made.set_keys(role, own);
    made.signers[name] = signers;
    owned_.insert(name);
  }
  if (tries(4)) bump(made.root.header);  // not the next
  made.publish_root();
}

void Attacker::Work::forge_targets_role(const std::string& role) {
  const RepositorySimulator& model = some_state();
  const RoleHeader newest = made.role(role).header;
  made.role(role) = role == "targets" ? model.targets : model.delegated.at(role);
  for (int changes = 0; changes < 2; ++changes) {
    switch (random_() % 7) {
      case 0: exchange_targets(role); break;
      case 1: change_delegations(role); break;
      case 2: add_release_to(role); break;
      case 3: add_channel_to(role, one_of(kVersions)); break;
      case 4:
      case 5:
        add_release_to(role);
        add_channel_to(role, kForeignVersion);
        break;
      default: break;
    }
  }
  made.role(role).header = header_like(newest, "snapshot");
  made.write_role(role);
}

// Delegates to himself: a role of his own for everything, before all others or after them; or takes the place of the
// keys of a role that is there; or lets one go.
void Attacker::Work::change_delegations(const std::string& role) {
  Targets& delegator = made.role(role);
  if (!delegator.delegations) delegator.delegations = metadata::Delegations{};
  metadata::Delegations& delegations = *delegator.delegations;
  const TestKey& own = attacker_->own_key_;
  delegations.keys.emplace(own.keyid(), own.public_key());
  if (!delegations.roles.empty() && !one_in(4)) {
    const std::size_t at = random_() % delegations.roles.size();
    if (one_in(4)) {
      delegations.roles.erase(delegations.roles.begin() + static_cast<std::ptrdiff_t>(at));
    } else {
      delegations.roles[at].keys = role_keys({own}, 1);
      owned_.insert(delegations.roles[at].name.text());
    }
    return;
  }
  if (role == kOwnRole || made.delegated.contains(kOwnRole)) return;
  made.add_delegation({.delegator = role, .name = kOwnRole, .paths = {"*", "*/*/*", "*/*/*/*"}, .keys = {own}});
  if (one_in(2)) std::swap(made.role(role).delegations->roles.front(), made.role(role).delegations->roles.back());
  add_release_to(kOwnRole);
  add_channel_to(kOwnRole, kForeignVersion);
  made.write_role(kOwnRole);
}

// A release of his own: a new image, an old one, or one in the place of what is current; for this hardware or another,
// of any sequence.
void Attacker::Work::add_release_to(const std::string& role) {
  ReleaseContent content = small_release(kForeignVersion, one_of<std::int64_t>({1, 3, 6, 6, 600}));
  switch (random_() % 6) {
    case 0: content = with_image(content, small_release("1.0.0", 1).image); break;
    case 1:
      content = with_image(content, small_release(kForeignImageForOthers, content.sequence).image);
      content.hardware = {"board-b"};
      break;
    case 2: {  // what the channel names, with an image of his
      content = small_release("1.2.0", 3);
      Bytes image = content.image;
      image.back() ^= 1;
      content = with_image(content, image);
      break;
    }
    default: break;
  }
  Targets& releases = made.role("releases.camera");
  const Targets before = releases;
  add_release(made, content);
  const Targets with_it = std::exchange(releases, before);
  for (const auto& [path, entry] : with_it.targets) {
    if (path.find("/" + content.version + "/") != path.npos) made.role(role).targets.insert_or_assign(path, entry);
  }
}

// A channel that names a release, by the digest that this role or another one lists for it.
void Attacker::Work::add_channel_to(const std::string& role, const std::string& version) {
  const metadata::TargetPath path = policies::release_path(label("camera"), label(version));
  const TargetEntry* entry = made.role("releases.camera").find(path);
  if (entry == nullptr || !role.ends_with(".camera")) entry = made.role(role).find(path);
  if (entry == nullptr) entry = made.role("releases.camera").find(path);
  for (const auto& [name, other] : made.delegated) {
    if (entry == nullptr) entry = other.find(path);
  }
  if (entry == nullptr) entry = made.targets.find(path);
  if (entry == nullptr) return;
  const policies::Channel channel{.product = label("camera"),
                                  .channel = label("stable"),
                                  .serial = one_of<std::int64_t>({1, 3, 4, 4, 50, kHighest}),
                                  .release = label(version),
                                  .release_sha256 = *entry->hashes.sha256,
                                  .withdrawn = {}};
  made.add_target("camera/channels/stable.json", json::to_text(channel.to_json()), role);
  made.add_target("kettle/channels/stable.json", "not the kettle's", role);
}

// Lists what it should not, lists one file under the name of another, or lists less.
void Attacker::Work::exchange_targets(const std::string& role) {
  auto& targets = made.role(role).targets;
  if (targets.empty() || one_in(4)) {
    targets["kettle/releases/1.0.0/release.json"] =
        TargetEntry{.length = 1, .hashes = {.sha256 = Sha256{}, .sha512 = {}}};
    return;
  }
  const auto at = std::next(targets.begin(), static_cast<std::ptrdiff_t>(random_() % targets.size()));
  const auto other = std::next(targets.begin(), static_cast<std::ptrdiff_t>(random_() % targets.size()));
  if (one_in(3)) {
    targets.erase(at);
  } else {
    std::swap(at->second, other->second);
  }
}

// Serves one file for another, half of a file, or none.
void Attacker::Work::damage_files() {
  std::vector<std::string> paths;
  for (const auto& [path, content] : made.files()) paths.push_back(path);
  const std::string path = one_of(paths);
  switch (random_() % 3) {
    case 0: made.hide(path); break;
    case 1: made.replace(path, made.served(one_of(paths))); break;
    default: {
      Bytes half = made.served(path);
      half.resize(half.size() / 2);
      made.replace(path, half);
    }
  }
}

void Attacker::Work::fast_forward(metadata::UtcTime issued) {
  const auto leap = [&](RoleHeader& header) {
    header.version = version_of(kHighest);
    header.expires = header.expires.plus_seconds(3650 * kDay);
  };
  const StolenKeys& stolen = attacker_->stolen_;
  for (auto& [name, role] : made.delegated) {
    if (!stolen.contains(name)) continue;
    if (name == "rollout.camera") {
      set_channel(made, {.release = "1.2.0", .serial = kHighest});
    }
    leap(role.header);
    made.write_role(name);
  }
  if (stolen.contains("targets")) {
    leap(made.targets.header);
    made.write_role("targets");
  }
  if (stolen.contains("snapshot")) {
    leap(made.snapshot.header);
    made.write_snapshot();
  }
  if (stolen.contains("timestamp")) {
    leap(made.timestamp.header);
    made.timestamp.issued = issued;
    made.write_timestamp();
  }
}

}  // namespace tenon::tests
