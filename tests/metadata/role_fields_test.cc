// Every member of every role, with a value of every wrong kind: generated from one rich file of each.
#include <gtest/gtest.h>
#include <tests/support/json_edit.h>
#include <tests/support/scenario.h>

namespace tenon::tests {
namespace {

using metadata::Root;
using metadata::Snapshot;
using metadata::Targets;
using metadata::Timestamp;

struct Role {
  const char* name;
  json::Value value;
  std::string (*verdict)(const json::Value& value);
  std::set<std::string> may_be_absent;
};

template <class T>
std::string verdict_of(const json::Value& value) {
  return code_of(T::parse(value));
}

// One role of each type that has every member we read.
std::vector<Role> rich_roles() {
  RepositorySimulator repository;
  repository.root.keys.emplace(TestKey(800, KeyKind::kP256).keyid(), TestKey(800, KeyKind::kP256).public_key());
  repository.add_delegation({.name = "d"});
  repository.add_delegation({.name = "e"});
  metadata::DelegatedRole& bins = repository.targets.delegations->roles.back();
  bins.paths = {.hash_prefixes = std::vector<std::string>{"a0"}};
  repository.add_target("dir/app", "content");
  repository.targets.targets.at("dir/app").hashes.sha512 = Sha512::of(as_bytes("content"));
  repository.timestamp.issued = test_now();
  repository.publish();
  return {
      {"root", repository.root.to_json(), verdict_of<Root>, {"consistent_snapshot"}},
      {"timestamp",
       repository.timestamp.to_json(),
       verdict_of<Timestamp>,
       {"x-tenon-issued", "meta/snapshot.json/length", "meta/snapshot.json/hashes"}},
      {"snapshot",
       repository.snapshot.to_json(),
       verdict_of<Snapshot>,
       {"meta/d.json", "meta/e.json", "meta/targets.json", "meta/d.json/length", "meta/d.json/hashes",
        "meta/e.json/length", "meta/e.json/hashes", "meta/targets.json/length", "meta/targets.json/hashes"}},
      {"targets",
       repository.targets.to_json(),
       verdict_of<Targets>,
       {"delegations", "delegations/roles/0/paths", "delegations/roles/0/terminating",
        "delegations/roles/1/path_hash_prefixes", "delegations/roles/1/terminating", "targets/dir/app",
        "targets/dir/app/hashes/sha256", "targets/dir/app/hashes/sha512"}},
  };
}

// A value of each kind; none of them is a legal value of any member we read, but for its own kind.
json::Object some_object() {
  json::Object object;
  object.set("x", 1);
  return object;
}
const std::vector<json::Value>& one_of_each_kind() {
  static const std::vector<json::Value> values = {nullptr,      true, 7, "text", json::Array{json::Value("text")},
                                                  some_object()};
  return values;
}

bool is_key_name(const JsonPath& path) {
  return path.size() >= 2 && path[path.size() - 2] == "keys" && path.back().size() == 64;
}

// Book: JSON-06
TEST(RoleFields, RefuseEveryWrongKindOfValue) {
  std::size_t rows = 0;
  std::set<std::string> fields;
  for (const Role& role : rich_roles()) {
    ASSERT_EQ(role.verdict(role.value), "accepted") << role.name;
    for (const JsonPath& path : paths_of(role.value)) {
      fields.insert(role.name + text_of(path));
      for (const json::Value& wrong : one_of_each_kind()) {
        if (wrong.kind() == at(role.value, path).kind()) continue;
        EXPECT_EQ(role.verdict(with(role.value, path, wrong)), "E_PARSE")
            << role.name << " " << text_of(path) << " is " << wrong.kind();
        ++rows;
      }
    }
  }
  EXPECT_GE(fields.size(), 60U);
  EXPECT_GE(rows, 300U);
}

// Book: JSON-03, JSON-06
TEST(RoleFields, RefuseAFractionInEveryPlace) {
  for (const Role& role : rich_roles()) {
    for (const JsonPath& path : paths_of(role.value)) {
      const std::string text = json::to_text(with(role.value, path, "@here@"));
      EXPECT_EQ(code_of(json::parse(as_bytes(replaced(text, "\"@here@\"", "1.5")))), "E_PARSE") << text_of(path);
    }
  }
}

// Book: JSON-06
// Spec: 1.5.4a, 1.5.4b, 4.3f, 4.5a, 4.5c
TEST(RoleFields, AreRequiredUnlessTheSpecificationSaysOtherwise) {
  for (const Role& role : rich_roles()) {
    for (const JsonPath& path : paths_of(role.value)) {
      const json::Value* parent = path.size() == 1 ? &role.value : nullptr;
      const JsonPath above(path.begin(), path.end() - 1);
      if (parent == nullptr) parent = &at(role.value, above);
      if (parent->object() == nullptr || is_key_name(path)) continue;
      const bool optional = role.may_be_absent.contains(text_of(path));
      EXPECT_EQ(role.verdict(without(role.value, path)), optional ? "accepted" : "E_PARSE")
          << role.name << " without " << text_of(path);
    }
  }
}

// Book: META-18
// Spec: 4b
TEST(RoleFields, KeepMembersTheyDoNotKnowAtEveryLevel) {
  const auto check = [](const char* name, const json::Value& value, const auto& parse) {
    std::vector<JsonPath> places = paths_of(value);
    places.insert(places.begin(), JsonPath{});
    for (const JsonPath& place : places) {
      const json::Value& here = place.empty() ? value : at(value, place);
      if (here.object() == nullptr) continue;
      const std::string& last = place.empty() ? std::string() : place.back();
      const bool names_are_data = last == "keys" || (last == "meta") || last == "targets" || last == "roles";
      if (names_are_data) continue;
      JsonPath path = place;
      path.push_back("x-unknown");
      const json::Value extended = with(value, path, json::Array{json::Value("kept")});
      const auto role = parse(extended);
      ASSERT_TRUE(role) << name << " " << text_of(path) << ": " << role.error().message;
      EXPECT_EQ(json::canonical(role->to_json()), json::canonical(extended)) << name << " " << text_of(path);
    }
  };
  const std::vector<Role> roles = rich_roles();
  check("root", roles[0].value, Root::parse);
  check("timestamp", roles[1].value, Timestamp::parse);
  check("snapshot", roles[2].value, Snapshot::parse);
  check("targets", roles[3].value, Targets::parse);
}

// Book: SIG-07
// Spec: 4.3j
TEST(Threshold, MustBeAPositiveIntegerInRootAndInDelegations) {
  const std::vector<Role> roles = rich_roles();
  const std::pair<const Role*, JsonPath> places[] = {{&roles[0], {"roles", "root", "threshold"}},
                                                     {&roles[0], {"roles", "timestamp", "threshold"}},
                                                     {&roles[0], {"roles", "snapshot", "threshold"}},
                                                     {&roles[0], {"roles", "targets", "threshold"}},
                                                     {&roles[3], {"delegations", "roles", "0", "threshold"}},
                                                     {&roles[3], {"delegations", "roles", "1", "threshold"}}};
  for (const auto& [role, path] : places) {
    for (const char* wrong :
         {"0", "-1", "1.5", "\"1\"", "true", "null", "9223372036854775808", "[]", "{}", "-9223372036854775808"}) {
      const std::string text = replaced(json::to_text(with(role->value, path, "@here@")), "\"@here@\"", wrong);
      const Result<json::Value> value = json::parse(as_bytes(text));
      const std::string verdict = value ? role->verdict(*value) : code_of(value);
      EXPECT_EQ(verdict, "E_PARSE") << text_of(path) << " = " << wrong;
    }
    EXPECT_EQ(role->verdict(without(role->value, path)), "E_PARSE") << text_of(path);
    EXPECT_EQ(role->verdict(with(role->value, path, 1)), "accepted") << text_of(path);
  }
}

// Book: SIG-02
// Spec: 5.3.4c
TEST(RoleKeys, RefuseAKeyidThatIsListedTwice) {
  const std::vector<Role> roles = rich_roles();
  const std::pair<const Role*, JsonPath> places[] = {{&roles[0], {"roles", "root", "keyids"}},
                                                     {&roles[0], {"roles", "timestamp", "keyids"}},
                                                     {&roles[0], {"roles", "snapshot", "keyids"}},
                                                     {&roles[0], {"roles", "targets", "keyids"}},
                                                     {&roles[3], {"delegations", "roles", "0", "keyids"}}};
  for (const auto& [role, path] : places) {
    json::Array keyids = *at(role->value, path).array();
    keyids.push_back("other");
    EXPECT_EQ(role->verdict(with(role->value, path, keyids)), "accepted") << text_of(path);
    keyids.push_back(keyids.front());
    EXPECT_EQ(role->verdict(with(role->value, path, keyids)), "E_PARSE") << text_of(path);
  }
}

// Book: DEL-11
// Spec: 4.5e
TEST(Delegations, RefuseARoleNameThatStandsTwice) {
  const json::Value targets = rich_roles()[3].value;
  EXPECT_EQ(verdict_of<Targets>(with(targets, {"delegations", "roles", "1", "name"}, "d")), "E_PARSE");
}

// Book: DEL-09, DEL-12
TEST(Delegations, RefuseReservedRoleNames) {
  const json::Value targets = rich_roles()[3].value;
  for (const char* name : {"root", "targets", "snapshot", "timestamp", "mirrors", "1.root", "12.targets", "0.snapshot",
                           "7.timestamp", "99999999999999999999.root", ""}) {
    EXPECT_EQ(verdict_of<Targets>(with(targets, {"delegations", "roles", "1", "name"}, name)), "E_PARSE") << name;
  }
  for (const char* name : {"Root", "root.x", "x.root", "1root", "targets2", "1.roots", "a/b", "../a", "?", "#"}) {
    EXPECT_EQ(verdict_of<Targets>(with(targets, {"delegations", "roles", "1", "name"}, name)), "accepted") << name;
  }
}

// Book: DEL-07
// Spec: 4.5f
TEST(Delegations, RefuseBothKindsOfPathsAtOnce) {
  const json::Value targets = rich_roles()[3].value;
  const json::Value both =
      with(targets, {"delegations", "roles", "0", "path_hash_prefixes"}, json::Array{json::Value("00")});
  EXPECT_EQ(verdict_of<Targets>(both), "E_PARSE");
}

// Book: DEL-07
// Spec: 4.5g
TEST(Delegations, ReadHashPrefixesOfUpTo64LowerCaseDigitsOnly) {
  const json::Value targets = rich_roles()[3].value;
  const auto verdict = [&](const std::string& prefix) {
    return verdict_of<Targets>(with(targets, {"delegations", "roles", "1", "path_hash_prefixes", "0"}, prefix));
  };
  const std::string whole = Sha256::of({}).hex();
  for (const std::string& good : {std::string(), std::string("a"), std::string("0f3"), whole}) {
    EXPECT_EQ(verdict(good), "accepted") << good;
  }
  for (const std::string& bad :
       {std::string("A"), std::string("0x"), std::string("g"), std::string(" a"), whole + "0"}) {
    EXPECT_EQ(verdict(bad), "E_PARSE") << bad;
  }
}

// Book: TGT-09, TGT-10, TGT-18
// Spec: 4.5c
TEST(TargetEntry, MustHaveALengthAndADigest) {
  const json::Value targets = rich_roles()[3].value;
  const auto verdict = [&](const char* member, const char* text) {
    return verdict_of<Targets>(with(targets, {"targets", "dir/app", member}, *json::parse(as_bytes(text))));
  };
  for (const char* length : {"-1", "\"1\"", "null", "true", "-9223372036854775808"}) {
    EXPECT_EQ(verdict("length", length), "E_PARSE") << length;
  }
  for (const char* length : {"0", "2147483648", "4294967297", "1099511627776", "9223372036854775807"}) {
    EXPECT_EQ(verdict("length", length), "accepted") << length;
  }
  for (const char* hashes : {"{}", "null", R"({"sha256":"../../../../etc/x"})", R"({"sha256":""})"}) {
    EXPECT_EQ(verdict("hashes", hashes), "E_PARSE") << hashes;
  }
}

// Book: META-16
// Spec: 4.6
TEST(Timestamp, ListsTheSnapshotAndNothingElse) {
  const json::Value timestamp = rich_roles()[1].value;
  EXPECT_EQ(verdict_of<Timestamp>(with(timestamp, {"meta", "x"}, at(timestamp, {"meta", "snapshot.json"}))), "E_PARSE");
  EXPECT_EQ(verdict_of<Timestamp>(without(timestamp, {"meta", "snapshot.json"})), "E_PARSE");
}

}  // namespace
}  // namespace tenon::tests
