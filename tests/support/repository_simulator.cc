#include <tenon/metadata/hex.h>

#include <algorithm>

#include <tests/support/repository_simulator.h>

namespace tenon::tests {

using metadata::Delegations;
using metadata::RoleHeader;
using metadata::RoleKeys;
using metadata::RoleName;
using metadata::TargetPath;
using metadata::Targets;
using metadata::TopRole;
using metadata::UtcTime;
using metadata::Version;

namespace {

constexpr std::int64_t kYear = 365 * 86'400;

RoleHeader first_header() {
  return {.version = Version::first(), .expires = test_now().plus_seconds(kYear)};
}

RoleName role_name(std::string_view name) {
  return name == "targets" ? RoleName::targets() : *RoleName::parse_delegated(name);
}

}  // namespace

UtcTime test_now() {
  return *UtcTime::parse("2026-11-01T12:00:00Z");
}

void bump(RoleHeader& header) {
  header.version = *header.version.next();
}

RepositorySimulator::RepositorySimulator(RepositoryOptions wanted) : options(wanted) {
  root.header = timestamp.header = snapshot.header = targets.header = first_header();
  root.consistent_snapshot = options.consistent_snapshot;
  for (TopRole role : metadata::kTopRoles) {
    const TestKey key = new_key();
    root.keys.emplace(key.keyid(), key.public_key());
    root.roles.emplace(role, role_keys({key}, 1));
    signers[std::string(to_string(role))] = {key};
  }
  write_root();
  write_role("targets");
  write_snapshot();
  write_timestamp();
}

TestKey RepositorySimulator::new_key() {
  return TestKey(next_key_++, options.key_kind);
}

void RepositorySimulator::set_keys(TopRole role, std::vector<TestKey> keys, std::int64_t threshold) {
  std::vector<TestKey>& role_signers = signers[std::string(to_string(role))];
  if (role == TopRole::kRoot) {
    old_root_signers_.insert(old_root_signers_.end(), role_signers.begin(), role_signers.end());
  }
  for (const TestKey& key : keys) root.keys.emplace(key.keyid(), key.public_key());
  root.roles.at(role) = role_keys(keys, threshold);
  role_signers = std::move(keys);
  std::erase_if(root.keys, [&](const auto& entry) {
    return std::ranges::none_of(root.roles, [&](const auto& listed) {
      return std::ranges::find(listed.second.keyids, entry.first) != listed.second.keyids.end();
    });
  });
}

void RepositorySimulator::rotate_key(TopRole role) {
  set_keys(role, {new_key()});
}

Targets& RepositorySimulator::role(std::string_view name) {
  return name == "targets" ? targets : delegated.at(std::string(name));
}

Targets& RepositorySimulator::add_delegation(const DelegationSpec& spec) {
  const std::vector<TestKey> keys = spec.keys.empty() ? std::vector{new_key()} : spec.keys;
  Targets& delegator = role(spec.delegator);
  if (!delegator.delegations) delegator.delegations = Delegations{};
  std::vector<metadata::PathPattern> patterns;
  for (const std::string& path : spec.paths) patterns.push_back(*metadata::PathPattern::parse(path));
  for (const TestKey& key : keys) delegator.delegations->keys.emplace(key.keyid(), key.public_key());
  delegator.delegations->roles.push_back({role_name(spec.name), role_keys(keys, spec.threshold),
                                          metadata::PathSet{.patterns = std::move(patterns)}, spec.terminating});
  for (const TestKey& key : keys) {
    std::vector<TestKey>& role_signers = signers[spec.name];
    if (std::ranges::find(role_signers, key) == role_signers.end()) role_signers.push_back(key);
  }
  const auto [at, added] = delegated.try_emplace(spec.name);
  if (added) at->second.header = first_header();
  if (added) write_role(spec.name);
  return at->second;
}

void RepositorySimulator::add_bins(const BinsSpec& spec) {
  const TestKey key = new_key();
  metadata::Delegations bins;
  bins.keys.emplace(key.keyid(), key.public_key());
  bins.bins = metadata::SuccinctRoles{role_keys({key}, 1), spec.bit_length, spec.name_prefix};
  role(spec.delegator).delegations = std::move(bins);
  const std::size_t digits = static_cast<std::size_t>(spec.bit_length + 3) / 4;
  for (std::uint32_t bin = 0; bin < 1u << spec.bit_length; ++bin) {
    const Bytes bytes = {static_cast<std::uint8_t>(bin >> 8), static_cast<std::uint8_t>(bin)};
    const std::string name = spec.name_prefix + "-" + to_hex(bytes).substr(4 - digits);
    signers[name] = {key};
    delegated.try_emplace(name).first->second.header = first_header();
    write_role(name);
  }
}

void RepositorySimulator::add_target(std::string_view path, ByteView content, std::string_view name) {
  const Sha256 sha256 = Sha256::of(content);
  role(name).targets.insert_or_assign(
      std::string(path),
      metadata::TargetEntry{.length = content.size(), .hashes = {.sha256 = sha256, .sha512 = {}, .extra = {}}});
  const TargetPath target_path = *TargetPath::parse(path);
  const std::string file = root.consistent_snapshot ? target_path.hash_prefixed(sha256.hex()) : target_path.text();
  files_["targets/" + metadata::url_path(file)] = Bytes(content.begin(), content.end());
}

void RepositorySimulator::add_target(std::string_view path, std::string_view content, std::string_view name) {
  add_target(path, as_bytes(content), name);
}

metadata::MetaEntry RepositorySimulator::entry_for(Version version, ByteView file) const {
  metadata::MetaEntry entry{.version = version};
  if (options.list_hashes) {
    entry.length = file.size();
    entry.hashes = metadata::Hashes{.sha256 = Sha256::of(file), .sha512 = {}, .extra = {}};
  }
  return entry;
}

std::string RepositorySimulator::metadata_path(const std::string& file_name, Version version) const {
  return "metadata/" + (root.consistent_snapshot ? std::to_string(version.value()) + "." : std::string()) + file_name;
}

std::string RepositorySimulator::path_of(std::string_view name) const {
  if (name == "root") return "metadata/" + std::to_string(root.header.version.value()) + ".root.json";
  if (name == "timestamp") return "metadata/timestamp.json";
  if (name == "snapshot") return metadata_path("snapshot.json", snapshot.header.version);
  const Version version = name == "targets" ? targets.header.version : delegated.at(std::string(name)).header.version;
  const metadata::RoleName role = role_name(name);
  return "metadata/" + (root.consistent_snapshot ? role.file_name(version) : role.url_name());
}

json::Value RepositorySimulator::signed_part(std::string_view name) const {
  if (name == "root") return root.to_json();
  if (name == "timestamp") return timestamp.to_json();
  if (name == "snapshot") return snapshot.to_json();
  return name == "targets" ? targets.to_json() : delegated.at(std::string(name)).to_json();
}

Bytes RepositorySimulator::signed_file(std::string_view name_view) const {
  const std::string name(name_view);
  json::Value value = signed_part(name);
  if (const auto edit = signed_edits.find(name); edit != signed_edits.end()) value = edit->second(std::move(value));
  std::vector<TestKey> keys = signers.at(name);
  if (name == "root") keys.insert(keys.end(), old_root_signers_.begin(), old_root_signers_.end());
  Bytes file = sign_file(value, keys);
  if (const auto edit = file_edits.find(name); edit != file_edits.end()) {
    file = to_bytes(edit->second(std::string(as_text(file))));
  }
  return file;
}

Bytes RepositorySimulator::root_file(std::int64_t version) const {
  return files_.at("metadata/" + std::to_string(version) + ".root.json");
}

void RepositorySimulator::write_root() {
  files_[path_of("root")] = signed_file("root");
  old_root_signers_.clear();
}

void RepositorySimulator::write_role(std::string_view name) {
  Bytes file = signed_file(name);
  snapshot.meta.insert_or_assign(role_name(name).meta_key(), entry_for(role(name).header.version, file));
  files_[path_of(name)] = std::move(file);
}

void RepositorySimulator::write_snapshot() {
  Bytes file = signed_file("snapshot");
  timestamp.snapshot = entry_for(snapshot.header.version, file);
  files_[path_of("snapshot")] = std::move(file);
}

void RepositorySimulator::write_timestamp() {
  files_[path_of("timestamp")] = signed_file("timestamp");
}

void RepositorySimulator::publish_root() {
  bump(root.header);
  write_root();
}

void RepositorySimulator::publish_role(std::string_view name) {
  bump(role(name).header);
  write_role(name);
  publish_snapshot();
}

void RepositorySimulator::publish_snapshot() {
  bump(snapshot.header);
  write_snapshot();
  publish_timestamp();
}

void RepositorySimulator::publish_timestamp() {
  bump(timestamp.header);
  write_timestamp();
}

void RepositorySimulator::publish() {
  for (auto& [name, delegated_role] : delegated) {
    bump(delegated_role.header);
    write_role(name);
  }
  publish_role("targets");
}

void RepositorySimulator::restore(const std::string& path) {
  overrides_.erase(path);
  cuts_.erase(path);
}

void RepositorySimulator::restore_all() {
  overrides_.clear();
  cuts_.clear();
  fail_all_.reset();
  before_request = nullptr;
}

Result<client::FetchOutcome> RepositorySimulator::fetch(const client::FetchRequest& request, client::ByteSink& sink) {
  requests_.push_back(request);
  if (before_request) before_request(request);
  if (fail_all_) return *fail_all_;
  const Bytes* file = nullptr;
  if (const auto over = overrides_.find(request.path); over != overrides_.end()) {
    if (const Error* error = std::get_if<Error>(&over->second)) return *error;
    file = std::get_if<Bytes>(&over->second);
  } else if (const auto at = files_.find(request.path); at != files_.end()) {
    file = &at->second;
  }
  if (file == nullptr) return client::FetchOutcome::kNotFound;

  const Bytes content = *file;  // what is served may change while it is sent
  const auto cut = cuts_.find(request.path);
  const std::uint64_t wanted = request.is_part ? request.offset + request.max_length : content.size();
  const std::uint64_t there =
      cut == cuts_.end() ? content.size() : std::min<std::uint64_t>(cut->second, content.size());
  const std::uint64_t end = std::min(wanted, there);
  std::uint64_t at = request.offset;
  while (at < end) {
    const std::uint64_t sent = at - request.offset;
    const std::uint64_t piece =
        std::min({static_cast<std::uint64_t>(piece_bytes), end - at, request.max_length - sent});
    if (piece == 0) {
      return Error{ErrorCode::kLimit, request.path + ": more than " + std::to_string(request.max_length) + " bytes"};
    }
    TENON_TRY_VOID(
        sink.accept(ByteView(content).subspan(static_cast<std::size_t>(at), static_cast<std::size_t>(piece))));
    at += piece;
  }
  if (end < wanted) return Error{ErrorCode::kNet, request.path + ": the transfer was cut"};
  return client::FetchOutcome::kComplete;
}

}  // namespace tenon::tests
