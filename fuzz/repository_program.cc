#include <tenon/metadata/check.h>

#include <array>
#include <limits>
#include <utility>

#include <fuzz/repository_program.h>
#include <tests/support/json_edit.h>

namespace tenon::fuzz {

using metadata::MetaEntry;
using metadata::RoleHeader;
using metadata::TopRole;
using metadata::Version;
using tests::RepositorySimulator;
using tests::TestKey;

namespace {

constexpr std::uint32_t kKeys = 48;
constexpr std::int64_t kMaxVersion = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t kDay = 86'400;
constexpr std::array<const char*, 5> kRoles = {"timestamp", "snapshot", "targets", "d1", "root"};

RoleHeader& header_of(RepositorySimulator& repository, const std::string& role) {
  if (role == "root") return repository.root.header;
  if (role == "timestamp") return repository.timestamp.header;
  if (role == "snapshot") return repository.snapshot.header;
  return repository.role(role).header;
}

Version version_near(Version version, ByteProgram& program) {
  const std::int64_t now = version.value();
  const std::array<std::int64_t, 8> choice = {now,
                                              1,
                                              now > 1 ? now - 1 : 1,
                                              now < kMaxVersion ? now + 1 : now,
                                              now < kMaxVersion - 1 ? now + 2 : now,
                                              1'000'000,
                                              kMaxVersion - 1,
                                              kMaxVersion};
  return *Version::create(program.pick(choice));
}

metadata::UtcTime some_time(ByteProgram& program) {
  constexpr std::array<std::int64_t, 8> kSeconds = {365 * kDay, -1, 0, 1, kDay, -365 * kDay, 40 * 365 * kDay, 2 * kDay};
  return tests::test_now().plus_seconds(program.pick(kSeconds));
}

json::Value odd_value(const json::Value& old, const json::Value& elsewhere, std::uint8_t choice) {
  switch (choice % 12) {
    case 0: return nullptr;
    case 1: return true;
    case 2: return 0;
    case 3: return -1;
    case 4: return 1;
    case 5: return kMaxVersion;
    case 6: return "";
    case 7: return json::Array{};
    case 8: return json::Object{};
    case 9: return json::Array{old, old};
    case 10: return old.integer() != nullptr ? json::Value(std::to_string(*old.integer())) : json::Value("x");
    default: return elsewhere;
  }
}

// One place of a document becomes something else, is gone, or gets a neighbour.
json::Value edited(const json::Value& document, std::array<std::uint8_t, 4> choice) {
  const std::vector<tests::JsonPath> paths = tests::paths_of(document);
  if (paths.empty()) return document;
  const auto path_at = [&](std::uint8_t where) { return paths[where * paths.size() / 256]; };
  const tests::JsonPath path = path_at(choice[0]);
  const json::Value& old = tests::at(document, path);
  if (choice[1] % 8 == 0 && old.object() != nullptr) {
    tests::JsonPath unknown = path;
    unknown.emplace_back("unknown");
    json::Object object = *old.object();
    object.set("unknown", 1);
    return tests::with(document, path, object);
  }
  if (choice[1] % 8 == 1) {
    const tests::JsonPath parent(path.begin(), path.end() - 1);
    const bool in_object = tests::at(document, parent).object() != nullptr;
    if (in_object) return tests::without(document, path);
  }
  return tests::with(document, path, odd_value(old, tests::at(document, path_at(choice[3])), choice[2]));
}

std::string with_odd_signatures(const std::string& text, std::array<std::uint8_t, 4> choice) {
  const Result<json::Value> file = json::parse(as_bytes(text));
  if (!file || file->object() == nullptr || file->object()->find("signatures") == nullptr) return text;
  return json::to_text(tests::with(*file, {"signatures"}, edited(*file->object()->find("signatures"), choice)));
}

template <class Map>
auto& entry_at(Map& map, std::size_t index) {
  auto at = map.begin();
  std::advance(at, static_cast<std::ptrdiff_t>(index % map.size()));
  return *at;
}

}  // namespace

const TestKey& pool_key(std::uint32_t number) {
  static const std::vector<TestKey> kPool = tests::test_keys(1, kKeys);
  return kPool.at(number - 1);
}

std::optional<TestKey> holder_of(const metadata::KeyId& keyid, const metadata::PublicKey& key) {
  if (!key.material()) return std::nullopt;
  for (std::uint32_t number = 1; number <= kKeys; ++number) {
    if (pool_key(number).public_key().material() == key.material()) return pool_key(number).named(keyid.text());
  }
  return std::nullopt;
}

const RepositorySimulator& base_repository() {
  static const RepositorySimulator kBase = [] {
    RepositorySimulator repository;
    repository.add_target("app.bin", "content");
    repository.add_delegation({.name = "d1", .paths = {"d1/*"}, .keys = {pool_key(5)}});
    repository.add_target("d1/app.bin", "content", "d1");
    repository.publish();
    return repository;
  }();
  return kBase;
}

Bytes damaged(Bytes bytes, ByteProgram& program) {
  const std::uint8_t kind = program.byte();
  const std::size_t at = program.position(bytes.size() + 1);
  const std::uint8_t value = program.byte();
  const auto place = bytes.begin() + static_cast<std::ptrdiff_t>(at);
  switch (kind % 7) {
    case 0:
      if (at < bytes.size()) *place = static_cast<std::uint8_t>(*place ^ (1u << value % 8));
      break;
    case 1:
      if (at < bytes.size()) *place = value;
      break;
    case 2: bytes.insert(place, value); break;
    case 3:
      if (at < bytes.size()) bytes.erase(place);
      break;
    case 4: bytes.erase(place, bytes.end()); break;
    case 5: {
      const auto window = ByteView(bytes).subspan(at, std::min<std::size_t>(value, bytes.size() - at));
      const Bytes copy(window.begin(), window.end());
      bytes.insert(place, copy.begin(), copy.end());
      break;
    }
    case 6: bytes.clear(); break;
  }
  return bytes;
}

void RepositoryProgram::note_timestamp() {
  timestamps_.push_back(repository_->served("metadata/timestamp.json"));
}

void RepositoryProgram::raise(RoleHeader& header) {
  if (const Result<Version> next = header.version.next()) header.version = *next;
}

// Signs a role and what lists it, with the versions they have or with the next ones.
void RepositoryProgram::write_from(const std::string& role, bool new_versions) {
  RepositorySimulator& repository = *repository_;
  if (new_versions) raise(header_of(repository, role));
  if (role == "root") return repository.write_root();
  if (role != "timestamp" && role != "snapshot") {
    repository.write_role(role);
    if (new_versions) raise(repository.snapshot.header);
  }
  if (role != "timestamp") {
    repository.write_snapshot();
    if (new_versions) raise(repository.timestamp.header);
  }
  repository.write_timestamp();
  note_timestamp();
}

void RepositoryProgram::publish() {
  raise(repository_->role("d1").header);
  repository_->write_role("d1");
  write_from("targets", true);
}

void RepositoryProgram::change_keys(ByteProgram& program) {
  const TopRole role = program.pick(metadata::kTopRoles);
  std::vector<TestKey> keys;
  for (std::size_t count = 1 + program.below(3); count > 0; --count) {
    const TestKey key = pool_key(static_cast<std::uint32_t>(1 + program.below(10)));
    if (std::ranges::find(keys, key) == keys.end()) keys.push_back(key);
  }
  const auto threshold = static_cast<std::int64_t>(1 + program.below(keys.size()));
  repository_->set_keys(role, std::move(keys), threshold);
  if (program.flag()) write_from("root", true);
  if (program.flag() && role != TopRole::kRoot) write_from(std::string(to_string(role)), true);
}

void RepositoryProgram::change_version(ByteProgram& program) {
  const std::string role = program.pick(kRoles);
  RoleHeader& header = header_of(*repository_, role);
  header.version = version_near(header.version, program);
  if (role == "root") header.version = std::min(header.version, *Version::create(20));
  write_from(role, false);
}

void RepositoryProgram::change_time(ByteProgram& program) {
  const std::size_t what = program.below(kRoles.size() + 1);
  const std::string role = what < kRoles.size() ? kRoles[what] : "timestamp";
  if (what < kRoles.size()) {
    header_of(*repository_, role).expires = some_time(program);
  } else {
    repository_->timestamp.issued = some_time(program);
  }
  write_from(role, program.flag());
}

// What timestamp says of snapshot, or snapshot of the others, is not so.
void RepositoryProgram::change_pins(ByteProgram& program) {
  RepositorySimulator& repository = *repository_;
  const bool in_snapshot = program.flag();
  const std::size_t which = program.byte();
  if (in_snapshot && repository.snapshot.meta.empty()) return;
  MetaEntry& entry = in_snapshot ? entry_at(repository.snapshot.meta, which).second : repository.timestamp.snapshot;
  switch (program.below(7)) {
    case 0: entry.version = version_near(entry.version, program); break;
    case 1: entry.length = program.byte(); break;
    case 2: entry.length = 1u << 30; break;
    case 3: entry.length.reset(); break;
    case 4: entry.hashes.reset(); break;
    case 5: entry.hashes = metadata::Hashes{.sha256 = Sha256{}, .sha512 = {}, .extra = {}}; break;
    case 6:
      if (in_snapshot) {
        if (program.flag()) {
          repository.snapshot.meta.erase(std::string(entry_at(repository.snapshot.meta, which).first));
        } else {
          repository.snapshot.meta.insert_or_assign("ghost.json", entry);
        }
      }
      break;
  }
  if (in_snapshot) {
    raise(repository.snapshot.header);
    repository.write_snapshot();
  }
  raise(repository.timestamp.header);
  repository.write_timestamp();
  note_timestamp();
}

void RepositoryProgram::change_signed_part(ByteProgram& program) {
  const std::string role = program.pick(kRoles);
  const std::array<std::uint8_t, 4> choice = {program.byte(), program.byte(), program.byte(), program.byte()};
  repository_->signed_edits[role] = [choice](json::Value value) { return edited(value, choice); };
  write_from(role, true);
}

void RepositoryProgram::change_signatures(ByteProgram& program) {
  const std::string role = program.pick(kRoles);
  if (program.flag()) {
    const std::array<std::uint8_t, 4> choice = {program.byte(), program.byte(), program.byte(), program.byte()};
    repository_->file_edits[role] = [choice](std::string text) { return with_odd_signatures(text, choice); };
  } else {
    std::vector<TestKey>& signers = repository_->signers[role];
    const TestKey key = pool_key(static_cast<std::uint32_t>(1 + program.below(10)));
    program.flag() || signers.empty() ? signers.push_back(key) : signers.pop_back();
  }
  write_from(role, true);
}

// Targets delegates to bins in place of "d1", or to "d1" again.
void RepositoryProgram::change_delegations(ByteProgram& program) {
  metadata::Targets& targets = repository_->targets;
  if (targets.delegations && targets.delegations->bins) {
    targets.delegations = base_repository().targets.delegations;
  } else {
    const TestKey& key = pool_key(5);
    metadata::Delegations bins{.keys = {{key.keyid(), key.public_key()}}};
    bins.bins = metadata::SuccinctRoles{tests::role_keys({key}, 1), static_cast<int>(1 + program.below(32)), "d1"};
    targets.delegations = std::move(bins);
  }
  write_from("targets", true);
}

void RepositoryProgram::publish_step(ByteProgram& program) {
  switch (program.below(11)) {
    case 0: return publish();
    case 1: return write_from(program.pick(kRoles), true);
    case 2: return change_keys(program);
    case 3: return change_version(program);
    case 4: return change_time(program);
    case 5: return change_pins(program);
    case 6: return change_signed_part(program);
    case 7: return change_signatures(program);
    case 8:
      repository_->signed_edits.clear();
      repository_->file_edits.clear();
      return write_from(program.pick(kRoles), true);
    case 9:
      if (program.flag()) {
        repository_->root.consistent_snapshot = !repository_->root.consistent_snapshot;
        write_from("root", true);
      } else {
        repository_->options.list_hashes = !repository_->options.list_hashes;
      }
      return publish();
    case 10: return change_delegations(program);
  }
}

Bytes RepositoryProgram::some_file(ByteProgram& program) const {
  if (program.flag()) return program.pick(timestamps_);
  return entry_at(repository_->files(), program.byte()).second;
}

void RepositoryProgram::serve_step(ByteProgram& program) {
  RepositorySimulator& repository = *repository_;
  const std::size_t which = program.below(kRoles.size() + 1);
  const std::string next_root = "metadata/" + std::to_string(repository.root.header.version.value() + 1) + ".root.json";
  const std::string path = which < kRoles.size() ? repository.path_of(kRoles[which]) : next_root;
  switch (program.below(6)) {
    case 0:
      if (const auto at = repository.files().find(path); at != repository.files().end()) {
        repository.replace(path, damaged(at->second, program));
      }
      return;
    case 1: return repository.replace(path, some_file(program));
    case 2: return repository.hide(path);
    case 3: return repository.fail(path, Error{program.flag() ? ErrorCode::kNet : ErrorCode::kLimit, "no network"});
    case 4: return repository.cut_transfer(path, program.byte());
    case 5: return repository.restore_all();
  }
}

}  // namespace tenon::fuzz
