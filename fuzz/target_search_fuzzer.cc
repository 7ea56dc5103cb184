// The search for a target. The input is a program: first it builds a graph of delegations, which the repository signs
// and a device refreshes to; then the network, the device's files and its rules get worse, and targets are looked for.
// Each search gives what ReferenceWalk gives, whatever is stored already; visits no more roles than it may; on an error
// it has not changed; and what it lets the device store was served, is good, and was asked for.
#include <tenon/client/workflow/target_search.h>
#include <tenon/metadata/check.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <set>

#include <fuzz/device_model.h>
#include <fuzz/reference_walk.h>
#include <fuzz/repository_program.h>
#include <fuzz/session_checks.h>
#include <fuzz/signature_memo.h>
#include <tests/support/session_runner.h>

using tenon::Bytes;
using tenon::ByteView;
using tenon::Error;
using tenon::ErrorCode;
using tenon::Result;
using tenon::client::Progress;
using tenon::client::Reply;
using tenon::client::Step;
using tenon::client::TargetSearch;
using tenon::client::TrustedRepository;
using tenon::client::WantCached;
using tenon::client::WantRemote;
using tenon::fuzz::ByteProgram;
using tenon::fuzz::DeviceModel;
using tenon::fuzz::pool_key;
using tenon::fuzz::reference_walk;
using tenon::fuzz::same_step;
using tenon::fuzz::WalkResult;
using tenon::tests::RepositorySimulator;
using tenon::tests::TestKey;
namespace metadata = tenon::metadata;

namespace {

constexpr std::size_t kMaxDeeds = 80;
constexpr std::size_t kMaxSearches = 6;
constexpr std::array<const char*, 8> kRoles = {"targets", "a", "b", "c", "d", "e/f", ".g", "h"};
constexpr std::array<const char*, 4> kPaths = {"dir/app.bin", "app", "dir/sub/x.img", "\xC3\xA4/b"};
constexpr std::array<const char*, 16> kPatterns = {
    "*",      "*/*",   "dir/*",       "dir/app.bin", "*/*/*",   "a*p",   "?pp", "dir/a??.*",
    "[!a]pp", "app\\", "dir/*/?.img", "?/b",         "[a-c]pp", "DIR/*", "**",  "[app"};

// --- the graph

class Graph {
 public:
  explicit Graph(RepositorySimulator& repository) : repository_(&repository) {
    for (std::size_t i = 1; i < kRoles.size(); ++i) {
      repository.delegated[kRoles[i]].header = repository.targets.header;
      repository.signers[kRoles[i]] = {role_key(0)};
    }
  }

  void build_step(ByteProgram& program) {
    const char* name = program.pick(kRoles);
    metadata::Targets& role = repository_->role(name);
    switch (program.below(8)) {
      case 0:
      case 1:
      case 2:
      case 3: return add_edge(role, program);
      case 4: return add_target(role, program.pick(kPaths), name);
      case 5: {
        if (std::string_view(name) == "targets") return;
        std::vector<TestKey>& signers = repository_->signers[name];
        const TestKey key = role_key(program.below(3));
        program.flag() || signers.empty() ? signers.push_back(key) : signers.pop_back();
        return;
      }
      case 6:
        if (std::string_view(name) != "targets") role.header.expires = tenon::tests::test_now();
        return;
      case 7: repository_->options.list_hashes = program.flag(); return;
    }
  }

  void publish(ByteProgram& program) {
    RepositorySimulator& repository = *repository_;
    for (const char* name : kRoles) repository.write_role(name);
    if (program.flag()) {
      if (const char* forgotten = program.pick(kRoles); std::string_view(forgotten) != "targets") {
        repository.snapshot.meta.erase(std::string(forgotten) + ".json");
      }
    }
    repository.write_snapshot();
    repository.write_timestamp();
  }

 private:
  static TestKey role_key(std::size_t which) { return pool_key(static_cast<std::uint32_t>(10 + which)); }

  void add_edge(metadata::Targets& from, ByteProgram& program) {
    if (!from.delegations) from.delegations = metadata::Delegations{};
    const metadata::RoleName to = *metadata::RoleName::parse_delegated(kRoles[1 + program.below(kRoles.size() - 1)]);
    std::vector<metadata::DelegatedRole>& roles = from.delegations->roles;
    if (std::ranges::find(roles, to, &metadata::DelegatedRole::name) != roles.end()) return;
    const std::uint8_t keys = program.byte();
    std::vector<TestKey> listed = {role_key(keys % 3)};
    if ((keys & 8) != 0) listed.push_back(role_key((keys + 1) % 3));
    for (const TestKey& key : listed) from.delegations->keys.emplace(key.keyid(), key.public_key());
    const std::int64_t threshold = (keys & 16) != 0 ? static_cast<std::int64_t>(listed.size()) : 1;
    roles.push_back({to, role_keys(listed, threshold), some_paths(program), (keys & 32) != 0});
  }

  static metadata::PathSet some_paths(ByteProgram& program) {
    metadata::PathSet paths;
    const std::size_t count = program.below(4);
    if (count == 3) {
      const std::string digest = tenon::Sha256::of(tenon::as_bytes(program.pick(kPaths))).hex();
      if (!paths.hash_prefixes) paths.hash_prefixes.emplace();
      paths.hash_prefixes->push_back(digest.substr(0, program.below(65)));
    }
    for (std::size_t i = 0; i < count % 3; ++i) {
      if (!paths.patterns) paths.patterns.emplace();
      paths.patterns->push_back(*metadata::PathPattern::parse(program.pick(kPatterns)));
    }
    return paths;
  }

  static void add_target(metadata::Targets& role, const char* path, const char* content) {
    const metadata::Hashes hashes = {.sha256 = tenon::Sha256::of(tenon::as_bytes(content)), .sha512 = {}};
    role.targets.insert_or_assign(path, metadata::TargetEntry{.length = 1, .hashes = hashes});
  }

  RepositorySimulator* repository_;
};

// --- one search, watched

struct SearchResult {
  std::optional<Error> refused = {};
  std::vector<std::string> visited = {};
  std::optional<metadata::VerifiedTarget> found = {};
  std::map<std::string, Bytes> stored = {};
};

std::vector<std::string> texts(const std::vector<metadata::RoleName>& names) {
  std::vector<std::string> all;
  for (const metadata::RoleName& name : names) all.push_back(name.text());
  return all;
}

Result<Reply> ask(const Step& step, RepositorySimulator& repository, const std::map<std::string, Bytes>& files) {
  if (const auto* cached = std::get_if<WantCached>(&step)) {
    TENON_CHECK(cached->file_name.find('/') == std::string::npos && !cached->file_name.starts_with('.'));
    const auto at = files.find(cached->file_name);
    return at == files.end() ? Reply(tenon::client::NotFound{}) : Reply(at->second);
  }
  const auto& remote = std::get<WantRemote>(step);
  TENON_CHECK(remote.file_name.find('/') == std::string::npos);
  return tenon::tests::fetch_all(repository, "metadata/" + remote.file_name, remote.max_length);
}

SearchResult search(const TrustedRepository& trusted, RepositorySimulator& repository,
                    const std::map<std::string, Bytes>& files, const metadata::Rules& rules, const char* path) {
  SearchResult result;
  TargetSearch session = TargetSearch::start(trusted, *metadata::TargetPath::parse(path), rules);
  const std::size_t max_steps = 2 * (rules.limits.roles_per_search + 1);
  for (std::size_t steps = 0;; ++steps) {
    TENON_CHECK(steps <= max_steps);
    const Result<Step> step = session.next();
    TENON_CHECK(same_step(step, session.next()));
    if (step && std::holds_alternative<tenon::client::Done>(*step)) break;
    const Result<Reply> reply = step ? ask(*step, repository, files) : Result<Reply>(step.error());
    const std::vector<std::string> before = texts(session.visited());
    const Result<Progress> progress = reply ? session.feed(*reply) : Result<Progress>(reply.error());
    if (!progress) {
      TENON_CHECK(same_step(session.next(), step) && texts(session.visited()) == before && !session.found());
      if (reply) TENON_CHECK(session.feed(*reply).error() == progress.error());
      result.refused = progress.error();
      break;
    }
    if (!progress->persist) continue;
    TENON_CHECK(std::holds_alternative<WantRemote>(*step) && progress->persist->content == std::get<Bytes>(*reply));
    TENON_CHECK(result.stored.emplace(progress->persist->file_name, progress->persist->content).second);
  }
  result.visited = texts(session.visited());
  if (!result.refused) result.found = session.found();
  return result;
}

void check(const SearchResult& result, const WalkResult& expected, const metadata::Rules& rules) {
  TENON_CHECK(result.refused.has_value() == expected.refused.has_value());
  if (result.refused) TENON_CHECK(result.refused->code == *expected.refused);
  if (!result.refused) TENON_CHECK(result.visited == expected.visited);
  TENON_CHECK(result.visited.size() <= rules.limits.roles_per_search + 1);
  const std::set<std::string> once(result.visited.begin(), result.visited.end());
  TENON_CHECK(once.size() == result.visited.size());
  const bool found = !expected.refused && expected.found_in;
  TENON_CHECK(result.found.has_value() == found);
  if (found) {
    TENON_CHECK(result.found->signed_by().text() == *expected.found_in);
    TENON_CHECK(result.found->length() == expected.entry->length && result.found->hashes() == expected.entry->hashes);
    TENON_CHECK(result.found->valid_until() > rules.now);
  }
  for (const auto& [name, content] : result.stored) TENON_CHECK(expected.fetched.at(name) == content);
}

// --- the program

class SearchProgram {
 public:
  explicit SearchProgram(ByteView input) : program_(input), repository_(start_repository()), graph_(repository_) {}

  void run() {
    for (std::size_t edges = 1 + program_.below(24); !program_.done() && edges > 0; --edges) {
      graph_.build_step(program_);
    }
    graph_.publish(program_);
    device_ = {.embedded_root = repository_.root_file(1), .rules = {.now = tenon::tests::test_now()}};
    trusted_ = run_cycle(device_, repository_).trusted;
    TENON_CHECK(trusted_.has_value());
    find(program_.pick(kPaths));
    for (std::size_t deeds = 0; !program_.done() && deeds < kMaxDeeds && searches_ < kMaxSearches; ++deeds) deed();
    find(program_.pick(kPaths));
  }

 private:
  static RepositorySimulator start_repository() {
    static const RepositorySimulator kStart;
    return kStart;
  }

  void deed() {
    const char* name = kRoles[1 + program_.below(kRoles.size() - 1)];
    const std::string path = repository_.path_of(name);
    const std::string stored = metadata::RoleName::parse_delegated(name)->file_name();
    switch (program_.below(8)) {
      case 0: return find(program_.pick(kPaths));
      case 1: return repository_.hide(path);
      case 2: return repository_.replace(path, damaged(repository_.served(path), program_));
      case 3: return repository_.replace(path, repository_.served(repository_.path_of(program_.pick(kRoles))));
      case 4: return repository_.restore_all();
      case 5:
        device_.files[stored] = program_.flag() ? repository_.served(repository_.path_of(program_.pick(kRoles)))
                                                : damaged(repository_.served(path), program_);
        return;
      case 6: device_.rules.limits.roles_per_search = program_.below(9); return;
      case 7: return publish_another(name);
    }
  }

  // The role has a file of another version than the one that the device's snapshot lists.
  void publish_another(const char* name) {
    RepositorySimulator later = repository_;
    metadata::RoleHeader& header = later.role(name).header;
    header.version = *header.version.next();
    repository_.replace(repository_.path_of(name), later.signed_file(name));
  }

  void find(const char* path) {
    ++searches_;
    for (const std::map<std::string, Bytes>& files : {std::map<std::string, Bytes>{}, device_.files}) {
      const SearchResult result = search(*trusted_, repository_, files, device_.rules, path);
      check(result, reference_walk(*trusted_, repository_, files, device_.rules, path), device_.rules);
      for (const auto& [name, content] : result.stored) device_.files[name] = content;
    }
    const SearchResult again = search(*trusted_, repository_, device_.files, device_.rules, path);
    check(again, reference_walk(*trusted_, repository_, device_.files, device_.rules, path), device_.rules);
  }

  ByteProgram program_;
  RepositorySimulator repository_;
  Graph graph_;
  DeviceModel device_;
  std::optional<TrustedRepository> trusted_;
  std::size_t searches_ = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const bool kStarted = [] {
    tenon::init_crypto();
    RepositorySimulator();
    tenon::fuzz::keep_ledger();
    return true;
  }();
  (void)kStarted;
  tenon::fuzz::start_ledger();
  SearchProgram(ByteView(data, size)).run();
  return 0;
}
