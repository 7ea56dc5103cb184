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
#include <span>

#include <fuzz/device_model.h>
#include <fuzz/reference_walk.h>
#include <fuzz/repository_program.h>
#include <fuzz/session_checks.h>
#include <fuzz/signature_memo.h>
#include <tests/support/session_runner.h>

using tenon::Bytes;
using tenon::ByteView;
using tenon::Error;
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
constexpr std::array<const char*, 8> kNamedRoles = {"targets", "a", "b", "c", "d", "e/f", ".g", "h"};
constexpr std::array<int, 3> kBitLengths = {1, 3, 13};
constexpr std::array<const char*, 4> kPaths = {"dir/app.bin", "app", "dir/sub/x.img", "\xC3\xA4/b"};
constexpr std::array<const char*, 16> kPatterns = {
    "*",      "*/*",   "dir/*",       "dir/app.bin", "*/*/*",   "a*p",   "?pp", "dir/a??.*",
    "[!a]pp", "app\\", "dir/*/?.img", "?/b",         "[a-c]pp", "DIR/*", "**",  "[app"};

// Those with names of their own, then every bin that one of the paths can be in.
const std::vector<std::string>& all_roles() {
  static const std::vector<std::string> kRoles = [] {
    std::vector<std::string> roles(kNamedRoles.begin(), kNamedRoles.end());
    for (const int bit_length : kBitLengths) {
      for (const char* path : kPaths) {
        const std::string bin = tenon::fuzz::reference_bin(
            {.keys = tenon::tests::role_keys({pool_key(10)}, 1), .bit_length = bit_length, .name_prefix = "bin"}, path);
        if (std::ranges::find(roles, bin) == roles.end()) roles.push_back(bin);
      }
    }
    return roles;
  }();
  return kRoles;
}

// --- the graph

class Graph {
 public:
  explicit Graph(RepositorySimulator& repository) : repository_(&repository) {
    for (const std::string& name : all_roles()) {
      if (name == "targets") continue;
      repository.delegated[name].header = repository.targets.header;
      repository.signers[name] = {role_key(0)};
    }
  }

  void build_step(ByteProgram& program) {
    const std::string& name = pick_any_role(program, 0);
    metadata::Targets& role = repository_->role(name);
    switch (program.below(9)) {
      case 0:
      case 1:
      case 2:
      case 3: return add_edge(role, program);
      case 4: return add_target(role, program.pick(kPaths), name);
      case 5: {
        if (name == "targets") return;
        std::vector<TestKey>& signers = repository_->signers[name];
        const TestKey key = role_key(program.below(3));
        program.flag() || signers.empty() ? signers.push_back(key) : signers.pop_back();
        return;
      }
      case 6:
        if (name != "targets") role.header.expires = tenon::tests::test_now();
        return;
      case 7: repository_->options.list_hashes = program.flag(); return;
      case 8: return add_bins(role, program);
    }
  }

  void publish(ByteProgram& program) {
    RepositorySimulator& repository = *repository_;
    for (const std::string& name : roles()) repository.write_role(name);
    if (program.flag()) {
      const std::string& forgotten = program.pick(roles());
      if (forgotten != "targets") repository.snapshot.meta.erase(forgotten + ".json");
    }
    repository.write_snapshot();
    repository.write_timestamp();
  }

  // roles gives those that are published: to sign the bins takes longer than all else, so they are where they are used.
  std::span<const std::string> roles() const {
    return std::span(all_roles()).first(with_bins_ ? all_roles().size() : kNamedRoles.size());
  }

 private:
  static TestKey role_key(std::size_t which) { return pool_key(static_cast<std::uint32_t>(10 + which)); }

  void add_edge(metadata::Targets& from, ByteProgram& program) {
    if (!from.delegations) from.delegations = metadata::Delegations{};
    from.delegations->bins.reset();
    const metadata::RoleName to = *metadata::RoleName::parse_delegated(pick_any_role(program, 1));
    std::vector<metadata::DelegatedRole>& roles = from.delegations->roles;
    if (std::ranges::find(roles, to, &metadata::DelegatedRole::name) != roles.end()) return;
    const std::uint8_t keys = program.byte();
    const metadata::RoleKeys listed = list_keys(*from.delegations, keys);
    roles.push_back({to, listed, some_paths(program), (keys & 32) != 0});
  }

  // Bins take the place of the other delegations.
  void add_bins(metadata::Targets& from, ByteProgram& program) {
    with_bins_ = true;
    from.delegations = metadata::Delegations{};
    const int bit_length = program.pick(kBitLengths);
    from.delegations->bins = metadata::SuccinctRoles{.keys = list_keys(*from.delegations, program.byte()),
                                                     .bit_length = bit_length,
                                                     .name_prefix = program.below(8) == 7 ? "other" : "bin"};
  }

  static metadata::RoleKeys list_keys(metadata::Delegations& delegations, std::uint8_t choice) {
    std::vector<TestKey> listed = {role_key(choice % 3)};
    if ((choice & 8) != 0) listed.push_back(role_key((choice + 1) % 3));
    for (const TestKey& key : listed) delegations.keys.emplace(key.keyid(), key.public_key());
    return role_keys(listed, (choice & 16) != 0 ? static_cast<std::int64_t>(listed.size()) : 1);
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

  static void add_target(metadata::Targets& role, const char* path, const std::string& content) {
    const metadata::Hashes hashes = {.sha256 = tenon::Sha256::of(tenon::as_bytes(content)), .sha512 = {}};
    role.targets.insert_or_assign(path, metadata::TargetEntry{.length = 1, .hashes = hashes});
  }

  const std::string& pick_any_role(ByteProgram& program, std::size_t first) {
    const std::size_t which = first + program.below(all_roles().size() - first);
    if (which >= kNamedRoles.size()) with_bins_ = true;
    return all_roles()[which];
  }

  RepositorySimulator* repository_;
  bool with_bins_ = false;
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
    const auto [at, is_new] = result.stored.emplace(progress->persist->file_name, progress->persist->content);
    const bool may_come_again = rules.visited == metadata::VisitedRule::kPerChain;
    TENON_CHECK(is_new || (may_come_again && at->second == progress->persist->content));
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
  TENON_CHECK(once.size() == result.visited.size() || rules.visited == metadata::VisitedRule::kPerChain);
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
    const std::span<const std::string> roles = graph_.roles();
    const std::string& name = roles[1 + program_.below(roles.size() - 1)];
    const std::string path = repository_.path_of(name);
    const std::string stored = metadata::RoleName::parse_delegated(name)->file_name();
    switch (program_.below(9)) {
      case 0: return find(program_.pick(kPaths));
      case 1: return repository_.hide(path);
      case 2: return repository_.replace(path, damaged(repository_.served(path), program_));
      case 3: return repository_.replace(path, repository_.served(repository_.path_of(program_.pick(roles))));
      case 4: return repository_.restore_all();
      case 5:
        device_.files[stored] = program_.flag() ? repository_.served(repository_.path_of(program_.pick(roles)))
                                                : damaged(repository_.served(path), program_);
        return;
      case 6: device_.rules.limits.roles_per_search = program_.below(9); return;
      case 7: return publish_another(name);
      case 8: device_.rules.visited = static_cast<metadata::VisitedRule>(program_.below(2)); return;
    }
  }

  // The role has a file of another version than the one that the device's snapshot lists.
  void publish_another(const std::string& name) {
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
    const RepositorySimulator makes_the_keys;
    tenon::fuzz::keep_ledger();
    return true;
  }();
  (void)kStarted;
  tenon::fuzz::start_ledger();
  SearchProgram(ByteView(data, size)).run();
  return 0;
}
