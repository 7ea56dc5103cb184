#include <random>

#include <gtest/gtest.h>
#include <tests/support/json_edit.h>
#include <tests/support/scenario.h>

namespace tenon::tests {
namespace {

constexpr const char* kPath = "dir/app.bin";

// --- The reference walk: pre-order over a plain graph, written from the specification and not from our code.
struct Edge {
  std::size_t to;
  bool matches;
  bool terminating;
};
struct Node {
  bool has_target = false;
  std::vector<Edge> edges = {};
};
using Graph = std::vector<Node>;  // node 0 is the top-level targets role

enum class Outcome { kFound, kGoOn, kEnd };
struct Walk {
  std::vector<std::size_t> order = {};
  std::optional<std::size_t> found_in = {};
};

// As clause 5.6.7 has it.
Outcome walk_from(const Graph& graph, std::size_t node, Walk& walk) {
  walk.order.push_back(node);
  if (graph[node].has_target) {
    walk.found_in = node;
    return Outcome::kFound;
  }
  for (const Edge& edge : graph[node].edges) {
    if (!edge.matches) continue;
    const bool seen = std::find(walk.order.begin(), walk.order.end(), edge.to) != walk.order.end();
    const Outcome outcome = seen ? Outcome::kGoOn : walk_from(graph, edge.to, walk);
    if (outcome != Outcome::kGoOn) return outcome;
    if (edge.terminating) return Outcome::kEnd;
  }
  return Outcome::kGoOn;
}

std::string name_of(std::size_t node) {
  return node == 0 ? "targets" : "role-" + std::to_string(node);
}

Graph random_graph(std::mt19937& random) {
  const auto below = [&](std::size_t n) { return random() % n; };
  Graph graph(2 + below(8));
  for (Node& node : graph) {
    node.has_target = below(6) == 0;
    const std::size_t edges = below(4);
    for (std::size_t i = 0; i < edges; ++i) {
      const std::size_t to = 1 + below(graph.size() - 1);
      const bool twice = std::any_of(node.edges.begin(), node.edges.end(), [&](const Edge& e) { return e.to == to; });
      if (!twice) node.edges.push_back({to, below(4) != 0, below(4) == 0});
    }
  }
  return graph;
}

void publish_graph(RepositorySimulator& repository, const Graph& graph, std::mt19937& random) {
  constexpr const char* kMatching[] = {"dir/app.bin", "dir/*", "*/*", "dir/a??.bin", "*/app.*", "d?r/[a-c]pp.bin"};
  constexpr const char* kOther[] = {"*", "dir/*/*", "other/*", "dir/*.img", "?/app.bin", "dir/app.bi", "DIR/*"};
  const std::vector<TestKey> one_key = {TestKey(700)};
  for (std::size_t node = 1; node < graph.size(); ++node) {  // roles exist before they delegate
    metadata::Targets& role = repository.delegated[name_of(node)];
    role.header = repository.targets.header;
    repository.signers[name_of(node)] = one_key;
  }
  for (std::size_t node = 0; node < graph.size(); ++node) {
    for (const Edge& edge : graph[node].edges) {
      std::vector<std::string> paths = {kOther[random() % std::size(kOther)]};
      if (edge.matches) paths.emplace_back(kMatching[random() % std::size(kMatching)]);
      repository.add_delegation({.delegator = name_of(node),
                                 .name = name_of(edge.to),
                                 .paths = paths,
                                 .terminating = edge.terminating,
                                 .keys = one_key});
    }
    if (graph[node].has_target) repository.add_target(kPath, "content of " + name_of(node), name_of(node));
  }
  repository.publish();
}

// Book: DEL-01, DEL-02, DEL-09
// Spec: 5.6.7, 5.6.7.1a, 5.6.7.2a, 5.6.7.2.1, 5.6.7.2.2
TEST(TargetSearch, WalksAThousandRandomGraphsAsTheReferenceDoes) {
  std::mt19937 random(20261101);
  std::size_t found = 0;
  for (int round = 0; round < 1000; ++round) {
    const Graph graph = random_graph(random);
    RepositorySimulator repository;
    publish_graph(repository, graph, random);
    Walk walk;
    walk_from(graph, 0, walk);
    std::vector<std::string> order;
    for (std::size_t node : walk.order) order.push_back(name_of(node));

    InMemoryStore store;
    SessionRunner device(repository, store);
    for (const char* cache : {"cold", "warm"}) {
      const Result<std::optional<metadata::VerifiedTarget>> result = device.refresh_and_find(kPath);
      ASSERT_TRUE(result) << "round " << round << ": " << result.error().message;
      ASSERT_EQ(device.visited, order) << "round " << round << ", " << cache;
      ASSERT_EQ(result->has_value(), walk.found_in.has_value()) << "round " << round << ", " << cache;
      if (walk.found_in) {
        ASSERT_EQ((*result)->signed_by().text(), name_of(*walk.found_in));
      }
    }
    found += walk.found_in ? 1 : 0;
  }
  EXPECT_GT(found, 200U);  // the graphs are worth something
  EXPECT_LT(found, 800U);
}

// Book: DEL-01
// Spec: 4.5l, 5.6.7.2a
TEST(TargetSearch, BelievesTheFirstOfTwoDelegationsAlsoWhenTheSecondIsCached) {
  Scenario scenario;
  scenario.repository.add_delegation({.name = "second", .paths = {"*"}});
  scenario.repository.add_target("app", "second", "second");
  scenario.repository.publish();
  scenario.settle_with("app");
  auto& roles = scenario.repository.targets.delegations->roles;
  scenario.repository.add_delegation({.name = "first", .paths = {"app"}});
  std::swap(roles[0], roles[1]);
  scenario.repository.add_target("app", "first", "first");
  scenario.repository.publish();
  const auto target = scenario.device.refresh_and_find("app");
  ASSERT_TRUE(target && *target);
  EXPECT_EQ((*target)->signed_by().text(), "first");
}

// Book: DEL-02
// Spec: 4.5m, 5.6.7.2.1, 5.7.2
TEST(TargetSearch, EndsAtATerminatingDelegationThatLacksTheTarget) {
  RepositorySimulator repository;
  repository.add_delegation({.name = "first", .paths = {"app"}, .terminating = true});
  repository.add_delegation({.name = "second", .paths = {"*"}});
  repository.add_target("app", "content", "second");
  repository.publish();
  InMemoryStore store;
  SessionRunner device(repository, store);
  const auto target = device.refresh_and_find("app");
  ASSERT_TRUE(target);
  EXPECT_FALSE(target->has_value());
  EXPECT_EQ(device.requested, std::vector<std::string>{"2.first.json"});
}

// Book: DEL-02
// Spec: 4.5m, 5.6.7.2.2
TEST(TargetSearch, IsNotEndedByATerminatingDelegationThatDoesNotMatch) {
  RepositorySimulator repository;
  repository.add_delegation({.name = "first", .paths = {"other"}, .terminating = true});
  repository.add_delegation({.name = "second", .paths = {"*"}});
  repository.add_target("app", "content", "second");
  repository.publish();
  InMemoryStore store;
  SessionRunner device(repository, store);
  const auto target = device.refresh_and_find("app");
  ASSERT_TRUE(target && *target);
  EXPECT_EQ(*device.download(**target), to_bytes("content"));
}

// Two delegators of one role name, with different keys.
struct Diamond {
  Diamond() {
    repository.add_delegation({.name = "a", .paths = {"from-a/*"}});
    repository.add_delegation({.name = "b", .paths = {"from-b/*"}});
    repository.add_delegation({.delegator = "a", .name = "shared", .paths = {"*/*"}, .keys = {key_a}});
    repository.add_delegation({.delegator = "b", .name = "shared", .paths = {"*/*"}, .keys = {key_b}});
    repository.add_target("from-a/app", "content", "shared");
    repository.add_target("from-b/app", "content", "shared");
    repository.signers["shared"] = {key_a};
    repository.publish();
  }
  const TestKey key_a = TestKey(710);
  const TestKey key_b = TestKey(711);
  RepositorySimulator repository;
  InMemoryStore store;
};

// Book: DEL-03, DEL-04
// Spec: 3.1.2.1
TEST(TargetSearch, VerifiesACachedRoleAgainForEachDelegator) {
  Diamond diamond;
  SessionRunner device(diamond.repository, diamond.store);
  EXPECT_EQ(code_of(device.refresh_and_find("from-a/app")), "accepted");
  EXPECT_EQ(code_of(device.refresh_and_find("from-b/app")), "E_SIG");
  EXPECT_EQ(code_of(device.refresh_and_find("from-a/app")), "accepted");
}

// Book: DEL-04
TEST(TargetSearch, GivesTheSameVerdictsInTheOtherOrder) {
  Diamond diamond;
  SessionRunner device(diamond.repository, diamond.store);
  EXPECT_EQ(code_of(device.refresh_and_find("from-b/app")), "E_SIG");
  EXPECT_FALSE(diamond.store.files.contains("shared.json"));
  EXPECT_EQ(code_of(device.refresh_and_find("from-a/app")), "accepted");
}

// Book: DEL-05, DEL-17
// Spec: 4.5h
TEST(TargetSearch, ConfinesARoleToThePathsOfEveryDelegatorAboveIt) {
  RepositorySimulator repository;
  repository.add_delegation({.name = "a", .paths = {"a/*"}});
  repository.add_delegation({.delegator = "a", .name = "b", .paths = {"*", "*/*"}});
  repository.add_target("b/x", "content", "b");
  repository.add_target("a/x", "content", "b");
  repository.add_target("b/y", "content", "a");
  repository.publish();
  InMemoryStore store;
  SessionRunner device(repository, store);
  const auto trusted = device.refresh();
  ASSERT_TRUE(trusted);
  for (const char* outside : {"b/x", "b/y"}) {
    const auto target = device.find(*trusted, outside);
    ASSERT_TRUE(target);
    EXPECT_FALSE(target->has_value()) << outside;
  }
  const auto inside = device.find(*trusted, "a/x");
  ASSERT_TRUE(inside);
  EXPECT_TRUE(inside->has_value());
}

// Book: DEL-05
// Spec: 4.5h
TEST(TrustedTargets, SpeakForNoPathOutsideTheirDelegationHoweverTheyWereReached) {
  RepositorySimulator repository;
  repository.add_delegation({.name = "a", .paths = {"a/*"}});
  repository.add_delegation({.delegator = "a", .name = "below", .paths = {"*/*"}});
  repository.add_target("a/x", "content", "a");
  repository.add_target("b/x", "content", "a");
  repository.publish();
  InMemoryStore store;
  SessionRunner device(repository, store);
  const auto trusted = device.refresh();
  ASSERT_TRUE(trusted);
  const auto inside = *metadata::TargetPath::parse("a/x");
  const auto outside = *metadata::TargetPath::parse("b/x");
  EXPECT_TRUE(trusted->targets.edges_to(outside, device.rules).empty());
  const auto edges = trusted->targets.edges_to(inside, device.rules);
  ASSERT_TRUE(edges.size() == 1 && edges.front());
  const Bytes file = repository.served(repository.path_of("a"));
  const auto a = metadata::trust_targets(file, *edges.front(), trusted->snapshot, device.rules);
  ASSERT_TRUE(a) << a.error().message;
  EXPECT_NE(a->find(inside), nullptr);
  EXPECT_EQ(a->find(outside), nullptr);
  EXPECT_EQ(a->edges_to(inside, device.rules).size(), 1U);
  EXPECT_TRUE(a->edges_to(outside, device.rules).empty());
}

// Book: DEL-06
// Spec: 4.5i
TEST(TargetSearch, EndsAtADelegationWhosePatternIsNotDefined) {
  RepositorySimulator repository;
  repository.add_delegation({.name = "strange", .paths = {"app[!a]"}});
  repository.add_delegation({.name = "second", .paths = {"*"}});
  repository.add_target("app", "content", "second");
  repository.add_target("top", "content");
  repository.publish();
  InMemoryStore store;
  SessionRunner device(repository, store);
  EXPECT_EQ(code_of(device.refresh_and_find("app")), "E_POLICY");
  const auto top = device.refresh_and_find("top");
  ASSERT_TRUE(top);
  EXPECT_TRUE(top->has_value());
}

// Book: DEL-06
// Spec: 4.5i, 5.6.7.2a
TEST(TargetSearch, VisitsTheDelegationsBeforeOneWhosePatternIsNotDefined) {
  RepositorySimulator repository;
  repository.add_delegation({.name = "first", .paths = {"*"}});
  repository.add_delegation({.name = "strange", .paths = {"[!x]*"}});
  repository.add_delegation({.name = "third", .paths = {"*"}});
  repository.add_target("app", "content", "first");
  repository.add_target("other", "content", "third");
  repository.publish();
  InMemoryStore store;
  SessionRunner device(repository, store);
  const auto app = device.refresh_and_find("app");
  ASSERT_TRUE(app) << app.error().message;
  ASSERT_TRUE(app->has_value());
  EXPECT_EQ((*app)->signed_by().text(), "first");
  repository.forget_requests();
  EXPECT_EQ(code_of(device.refresh_and_find("other")), "E_POLICY");
  for (const client::FetchRequest& request : repository.requests()) {
    EXPECT_FALSE(request.path.ends_with("third.json")) << "it lies behind";
  }
}

// Book: DEL-06
// Spec: 5.6.7.2.1
TEST(TargetSearch, ReachesNoUndefinedPatternBehindATerminatingDelegation) {
  RepositorySimulator repository;
  repository.add_delegation({.name = "first", .paths = {"*"}, .terminating = true});
  repository.add_delegation({.name = "strange", .paths = {"[!x]*"}});
  repository.publish();
  InMemoryStore store;
  SessionRunner device(repository, store);
  const auto app = device.refresh_and_find("app");
  ASSERT_TRUE(app) << app.error().message;
  EXPECT_FALSE(app->has_value());
}

// A terminating delegation ends the walk before what waited, also before an error that waited.
// Book: DEL-06
// Spec: 5.6.7.2.1
TEST(TargetSearch, DropsAnUndefinedPatternThatWaitedWhenADescendantTerminates) {
  RepositorySimulator repository;
  repository.add_delegation({.name = "first", .paths = {"*"}});
  repository.add_delegation({.name = "strange", .paths = {"[!x]*"}});
  repository.publish();
  InMemoryStore store;
  SessionRunner device(repository, store);
  EXPECT_EQ(code_of(device.refresh_and_find("app")), "E_POLICY");
  repository.add_delegation({.delegator = "first", .name = "inner", .paths = {"*"}, .terminating = true});
  repository.publish();
  const auto app = device.refresh_and_find("app");
  ASSERT_TRUE(app) << app.error().message;
  EXPECT_FALSE(app->has_value());
}

// Book: DEL-07
// Spec: 4.5g
TEST(TargetSearch, FollowsPrefixesOfTheHexDigestOfThePath) {
  const std::string digest = Sha256::of(as_bytes("app")).hex();
  struct Row {
    std::string prefix;
    bool matches;
  };
  std::string other = digest;
  other[3] = other[3] == '0' ? '1' : '0';
  const Row rows[] = {{"", true},     {digest.substr(0, 1), true}, {digest.substr(0, 3), true},
                      {digest, true}, {other.substr(0, 3), true},  {other.substr(0, 4), false},
                      {other, false}};
  for (const Row& row : rows) {
    RepositorySimulator repository;
    repository.add_delegation({.name = "bin"});
    metadata::PathSet& paths = repository.targets.delegations->roles.front().paths;
    paths = {.hash_prefixes = std::vector<std::string>{row.prefix}};
    repository.add_target("app", "content", "bin");
    repository.publish();
    InMemoryStore store;
    SessionRunner device(repository, store);
    const auto target = device.refresh_and_find("app");
    ASSERT_TRUE(target) << row.prefix;
    EXPECT_EQ(target->has_value(), row.matches) << row.prefix;
  }
}

// Book: DEL-07
TEST(TargetSearch, FindsNothingBehindADelegationWithoutPaths) {
  RepositorySimulator repository;
  repository.add_delegation({.name = "nowhere"});
  repository.add_target("app", "content", "nowhere");
  repository.signed_edits["targets"] = [](const json::Value& value) {
    return without(value, {"delegations", "roles", "0", "paths"});
  };
  repository.publish();
  InMemoryStore store;
  SessionRunner device(repository, store);
  const auto target = device.refresh_and_find("app");
  ASSERT_TRUE(target);
  EXPECT_FALSE(target->has_value());
}

// Book: DEL-09
// Spec: 5.6.7.1a
TEST(TargetSearch, VisitsTheRolesOfACycleOnce) {
  RepositorySimulator repository;
  const std::vector<TestKey> key = {TestKey(720)};
  repository.add_delegation({.name = "a", .keys = key});
  repository.add_delegation({.delegator = "a", .name = "b", .keys = key});
  repository.add_delegation({.delegator = "b", .name = "a", .keys = key});
  repository.add_delegation({.delegator = "b", .name = "b", .keys = key});
  repository.publish();
  InMemoryStore store;
  SessionRunner device(repository, store);
  const auto target = device.refresh_and_find("app");
  ASSERT_TRUE(target);
  EXPECT_FALSE(target->has_value());
  EXPECT_EQ(device.visited, (std::vector<std::string>{"targets", "a", "b"}));
}

// A chain of that many delegated roles; the last one has the target.
std::string search_chain(std::size_t length, std::size_t roles_per_search) {
  RepositorySimulator repository;
  std::string last = "targets";
  for (std::size_t i = 0; i < length; ++i) {
    const std::string name = "link" + std::to_string(i);
    repository.add_delegation({.delegator = last, .name = name, .keys = {TestKey(730)}});
    last = name;
  }
  repository.add_target("app", "content", last);
  repository.publish();
  InMemoryStore store;
  SessionRunner device(repository, store);
  device.rules.limits.roles_per_search = roles_per_search;
  return code_of(device.refresh_and_find("app"));
}

// Book: DEL-10
// Spec: 5.6.7.1b
TEST(TargetSearch, EndsAtItsLimitOfRolesWithoutAnAnswer) {
  EXPECT_EQ(search_chain(32, 32), "accepted");
  EXPECT_EQ(search_chain(33, 32), "E_LIMIT");
  EXPECT_EQ(search_chain(300, 32), "E_LIMIT");
  EXPECT_EQ(search_chain(300, 300), "accepted");  // the walk is no recursion
}

// A caller who asks on after an error must not be told that there is no such target.
// Book: DEL-10, DEL-13
// Spec: 5.6.7
TEST(TargetSearch, IsWhereItWasAfterAnErrorBehindAVerifiedRole) {
  struct Row {
    const char* what;
    ErrorCode code;
    std::function<void(RepositorySimulator&, metadata::Rules&)> trouble;
  };
  const Row rows[] = {
      {"one role too many", ErrorCode::kLimit,
       [](RepositorySimulator&, metadata::Rules& rules) { rules.limits.roles_per_search = 1; }},
      {"the next role is not listed", ErrorCode::kMismatch,
       [](RepositorySimulator& r, metadata::Rules&) {
         r.snapshot.meta.erase("second.json");
         r.publish_snapshot();
       }},
      {"a pattern that is not defined", ErrorCode::kPolicy,
       [](RepositorySimulator& r, metadata::Rules&) {
         r.role("first").delegations->roles.front().paths.patterns = {*metadata::PathPattern::parse("a[!b]p")};
         r.publish_role("first");
       }},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.what);
    RepositorySimulator repository;
    repository.add_delegation({.name = "first"});
    repository.add_delegation({.delegator = "first", .name = "second"});
    repository.publish();
    InMemoryStore store;
    SessionRunner device(repository, store);
    row.trouble(repository, device.rules);
    const auto trusted = device.refresh();
    ASSERT_TRUE(trusted) << trusted.error().message;
    auto search = client::TargetSearch::start(*trusted, *metadata::TargetPath::parse("app"), device.rules);
    ASSERT_TRUE(search.feed(client::NotFound{}));
    const Bytes first = repository.served(repository.path_of("first"));
    EXPECT_TRUE(search.feed(first)->persist) << "the role itself is fine";
    for (const char* time : {"the first time", "asked again"}) {
      EXPECT_EQ(code_of(search.next()), to_string(row.code)) << time;
      EXPECT_FALSE(search.found()) << time;
    }
  }
}

// Spec: 5.6.7
TEST(TargetSearch, TakesNothingMoreOnceItHasAnAnswer) {
  RepositorySimulator repository;
  repository.add_target("app", "content");
  repository.publish();
  InMemoryStore store;
  SessionRunner device(repository, store);
  const auto trusted = device.refresh();
  ASSERT_TRUE(trusted) << trusted.error().message;
  auto search = client::TargetSearch::start(*trusted, *metadata::TargetPath::parse("app"), device.rules);
  ASSERT_TRUE(std::holds_alternative<client::Done>(*search.next()));
  const Result<client::Progress> progress = search.feed(repository.served(repository.path_of("targets")));
  ASSERT_TRUE(progress);
  EXPECT_FALSE(progress->persist);
  EXPECT_EQ(search.visited().size(), 1u);
  EXPECT_TRUE(search.found());
}

// Book: DEL-13
// Spec: 5.6.7
TEST(TargetSearch, EndsAtARoleThatCannotBeVerifiedThoughAnotherHasTheTarget) {
  struct Row {
    const char* what;
    std::string code;
    std::function<void(RepositorySimulator&)> attack;
  };
  const Row rows[] = {
      {"not found", "E_NET", [](RepositorySimulator& r) { r.hide(r.path_of("first")); }},
      {"network", "E_NET",
       [](RepositorySimulator& r) {
         r.fail(r.path_of("first"), {ErrorCode::kNet, "timeout"});
       }},
      {"other bytes", "E_MISMATCH",
       [](RepositorySimulator& r) {
         Bytes file = r.served(r.path_of("first"));
         file[file.size() / 2] ^= 1;
         r.replace(r.path_of("first"), file);
       }},
      {"longer", "E_LIMIT",
       [](RepositorySimulator& r) {
         Bytes file = r.served(r.path_of("first"));
         file.push_back('\n');
         r.replace(r.path_of("first"), file);
       }},
      {"unsigned", "E_SIG",
       [](RepositorySimulator& r) {
         r.signers["first"] = {TestKey(740)};
         r.publish_role("first");
       }},
      {"expired", "E_EXPIRED",
       [](RepositorySimulator& r) {
         r.role("first").header.expires = test_now();
         r.publish_role("first");
       }},
      {"too long by its own listing", "E_LIMIT",
       [](RepositorySimulator& r) {
         r.snapshot.meta.at("first.json").length = (16u << 20) + 1;
         r.publish_snapshot();
       }},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.what);
    Scenario scenario;
    scenario.repository.add_delegation({.name = "first", .paths = {"app"}});
    scenario.repository.add_delegation({.name = "second", .paths = {"*"}});
    scenario.repository.add_target("app", "content", "second");
    scenario.repository.publish();
    const RepositorySimulator healthy = scenario.repository;
    row.attack(scenario.repository);
    EXPECT_EQ(code_of(scenario.device.refresh_and_find("app")), row.code);
    EXPECT_FALSE(scenario.store.files.contains("first.json"));
    EXPECT_FALSE(scenario.store.files.contains("second.json"));
    scenario.repository = healthy;
    scenario.repository.publish();
    scenario.repository.publish();
    const auto target = scenario.device.refresh_and_find("app");
    ASSERT_TRUE(target) << target.error().message;
    EXPECT_TRUE(target->has_value());
  }
}

// Book: DEL-15
// Spec: 2.1.2
TEST(TargetSearch, DoesNotUseTheCachedFileOfARevokedDelegation) {
  Scenario scenario;
  scenario.repository.add_delegation({.name = "d"});
  scenario.repository.add_target("app", "content", "d");
  scenario.repository.publish();
  scenario.settle_with("app");
  scenario.repository.targets.delegations->roles.clear();
  scenario.repository.publish();
  ASSERT_TRUE(scenario.store.files.contains("d.json"));
  const auto target = scenario.device.refresh_and_find("app");
  ASSERT_TRUE(target);
  EXPECT_FALSE(target->has_value());
}

// Book: DEL-16
// Spec: 6.1d
TEST(TargetSearch, FetchesACachedRoleAgainWhenItsKeyWasRotated) {
  Scenario scenario;
  scenario.repository.add_delegation({.name = "d", .keys = {TestKey(750)}});
  scenario.repository.add_target("app", "content", "d");
  scenario.repository.publish();
  scenario.settle_with("app");
  const TestKey key(751);
  metadata::Delegations& delegations = *scenario.repository.targets.delegations;
  delegations.keys = {{key.keyid(), key.public_key()}};
  delegations.roles.front().keys = role_keys({key}, 1);
  scenario.repository.publish_role("targets");
  EXPECT_EQ(code_of(scenario.device.refresh_and_find("app")), "E_SIG");
  scenario.repository.signers["d"] = {key};
  scenario.repository.publish_role("d");
  EXPECT_EQ(code_of(scenario.device.refresh_and_find("app")), "accepted");
  EXPECT_EQ(scenario.device.persisted, std::vector<std::string>{"d.json"});
}

// Book: TGT-01, TGT-05, TGT-08, TGT-16
// Spec: 5.7.1, 5.7.3a
TEST(VerifiedTarget, AcceptsItsOwnBytesAndNoOthers) {
  RepositorySimulator repository;
  repository.add_target("dir/app", "content");
  repository.add_target("empty", "");
  repository.publish();
  InMemoryStore store;
  SessionRunner device(repository, store);
  const auto target = device.refresh_and_find("dir/app");
  ASSERT_TRUE(target && *target);
  EXPECT_EQ(code_of((*target)->check(as_bytes("content"))), "accepted");
  for (const char* other : {"Content", "conten", "content ", ""}) {
    EXPECT_EQ(code_of((*target)->check(as_bytes(other))), "E_MISMATCH") << other;
  }
  EXPECT_EQ(repository.files().count("targets/dir/" + Sha256::of(as_bytes("content")).hex() + ".app"), 1U);
  const auto empty = device.refresh_and_find("empty");
  ASSERT_TRUE(empty && *empty);
  EXPECT_EQ(code_of((*empty)->check({})), "accepted");  // TGT-08
}

}  // namespace
}  // namespace tenon::tests
