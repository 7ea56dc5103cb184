// Timestamp, snapshot, targets and delegated roles: the same attacks at every place of the chain
// timestamp -> snapshot -> targets -> d1 -> d2 -> d3.
#include <functional>
#include <map>

#include <gtest/gtest.h>
#include <tests/support/json_edit.h>
#include <tests/support/scenario.h>

namespace tenon::tests {
namespace {

using metadata::TopRole;
using metadata::UtcTime;

bool is_delegated(const std::string& role) {
  return role.starts_with("d");
}

// A repository whose roles need `threshold` keys each, from three; a device that trusts it all.
class EveryRole : public testing::TestWithParam<std::string> {
 protected:
  EveryRole() { add_delegation_chain(scenario.repository); }

  void settle() { scenario.settle_with(kDeepTarget); }

  // Publishes a new version of the role under attack, and of what lies above it.
  void publish() {
    if (role == "timestamp") return scenario.repository.publish_timestamp();
    if (role == "snapshot") return scenario.repository.publish_snapshot();
    scenario.repository.publish_role(role);
  }

  // What the device accepts before it comes to the role.
  std::set<std::string> accepted_before() const {
    if (role == "timestamp") return {};
    if (role == "snapshot") return {"timestamp.json"};
    return {"timestamp.json", "snapshot.json"};
  }
  Refusal refusal() const { return {.accepted = accepted_before(), .target = kDeepTarget}; }

  // Lists three new keys for the role, with that threshold, and settles.
  std::vector<TestKey> settle_with_keys(std::int64_t threshold) {
    const std::vector<TestKey> keys = test_keys(500, 3);
    RepositorySimulator& repository = scenario.repository;
    if (is_delegated(role)) {
      const std::string delegator = role == "d1" ? "targets" : role == "d2" ? "d1" : "d2";
      metadata::Delegations& delegations = *repository.role(delegator).delegations;
      for (const TestKey& key : keys) delegations.keys.emplace(key.keyid(), key.public_key());
      delegations.roles.front().keys = role_keys(keys, threshold);
      repository.signers[role] = keys;
    } else {
      const TopRole top = role == "timestamp"  ? TopRole::kTimestamp
                          : role == "snapshot" ? TopRole::kSnapshot
                                               : TopRole::kTargets;
      repository.set_keys(top, keys, threshold);
      repository.publish_root();
    }
    repository.publish();
    settle();
    return keys;
  }

  const std::string role = GetParam();
  Scenario scenario;
};

std::string name_of(const testing::TestParamInfo<std::string>& parameter) {
  return parameter.param;
}

INSTANTIATE_TEST_SUITE_P(Roles, EveryRole, testing::Values("timestamp", "snapshot", "targets", "d1", "d2", "d3"),
                         name_of);

// Book: META-01, SIG-09, DEL-14
// Spec: 5.4.2, 5.5.3, 5.6.3
TEST_P(EveryRole, IsRefusedWithoutAnySignature) {
  settle();
  scenario.repository.signers[role] = {};
  publish();
  scenario.expect_refused(ErrorCode::kSig, refusal());
}

// Book: META-01, DEL-14
// Spec: 1.5.1b, 1.5.3b, 5.4.2, 5.5.3, 5.6.3
TEST_P(EveryRole, IsRefusedWhenAllSignaturesAreByAnotherKeyUnderTheRightName) {
  settle();
  const TestKey right = scenario.repository.signers[role].front();
  scenario.repository.signers[role] = {TestKey(900).named(right.keyid().text())};
  publish();
  scenario.expect_refused(ErrorCode::kSig, refusal());
}

// Book: META-01, DEL-14
// Spec: 5.4.2, 5.5.3, 5.6.3
TEST_P(EveryRole, IsRefusedWhenSignedByTheKeyOfAnotherRole) {
  settle();
  for (const char* other : {"root", "timestamp", "snapshot", "targets", "d1", "d2", "d3"}) {
    if (other == role) continue;
    SCOPED_TRACE(other);
    scenario.repository.signers[role] = scenario.repository.signers[other];
    publish();
    Refusal what = refusal();
    what.target = kDeepTarget;
    scenario.expect_refused(ErrorCode::kSig, what);
  }
}

// Book: META-01, DEL-14
// Spec: 1.5a, 5.4.2, 5.5.3, 5.6.3
TEST_P(EveryRole, IsRefusedOneSignatureBelowItsThreshold) {
  const std::vector<TestKey> keys = settle_with_keys(3);
  scenario.repository.signers[role] = {keys[0], keys[2]};
  publish();
  scenario.expect_refused(ErrorCode::kSig, refusal());
}

// Book: SIG-10
TEST_P(EveryRole, IsAcceptedWithBadSignaturesBesideEnoughGoodOnes) {
  const std::vector<TestKey> keys = settle_with_keys(2);
  scenario.repository.signers[role] = {keys[0], TestKey(901), TestKey(902).named(keys[1].keyid().text()), keys[2]};
  publish();
  scenario.expect_accepted(kDeepTarget);
}

// Book: SIG-01
// Spec: 4.2.1a
TEST_P(EveryRole, IsRefusedWhenAKeyidSignsTwice) {
  settle_with_keys(2);
  scenario.repository.signers[role] = {scenario.repository.signers[role].front()};
  const std::string keyid = scenario.repository.signers[role].front().keyid().text();
  const std::string entry = R"({"keyid":")" + keyid + R"(","sig":"00"})";
  scenario.repository.file_edits[role] = [&](const std::string& file) {
    return replaced(file, "\"signatures\": [", "\"signatures\": [" + entry + ",");
  };
  publish();
  scenario.expect_refused(ErrorCode::kParse, refusal());
}

// Book: META-17, DEL-14
// Spec: 4.3a
TEST_P(EveryRole, IsRefusedWithASpecVersionOfAnotherMajorOrForm) {
  settle();
  const json::Value versions[] = {"1",       "1.x",  "2.0.0", "0.9",       "", "1.0.31-rc1",
                                  "1.0.0.0", " 1.0", "1..0",  "1.0.12345", 1,  true};
  for (const json::Value& version : versions) {
    SCOPED_TRACE(json::to_text(version));
    scenario.repository.signed_edits[role] = [&](const json::Value& value) {
      return with(value, {"spec_version"}, version);
    };
    publish();
    scenario.expect_refused(ErrorCode::kParse, refusal());
  }
}

// Book: META-17, DEL-14
// Spec: 4.3a
TEST_P(EveryRole, IsAcceptedWithAnySpecVersionOfMajorOne) {
  for (const char* version : {"1.0", "1.0.0", "1.0.31", "1.99.7", "1.0.1234"}) {
    SCOPED_TRACE(version);
    scenario.repository.signed_edits[role] = [&](const json::Value& value) {
      return with(value, {"spec_version"}, version);
    };
    publish();
    scenario.expect_accepted(kDeepTarget);
  }
}

// Book: META-18, META-20, DEL-14
// Spec: 4a, 5.4.5, 5.5.7, 5.6.6
TEST_P(EveryRole, IsAcceptedAndStoredAsServedWithMembersItDoesNotKnow) {
  scenario.repository.signed_edits[role] = [](const json::Value& value) {
    return with(value, {"x-new"}, json::Array{json::Value("text"), json::Value(7)});
  };
  publish();
  scenario.expect_accepted(kDeepTarget);
  EXPECT_EQ(scenario.store.files.at(role + ".json"), scenario.repository.served(scenario.repository.path_of(role)));
}

// Book: META-19, DEL-14
// Spec: 1.5.2
TEST_P(EveryRole, IsANetworkErrorWhenNotFound) {
  settle();
  publish();
  scenario.repository.hide(scenario.repository.path_of(role));
  scenario.expect_refused(ErrorCode::kNet, refusal());
}

// Book: META-21, TIME-02, DEL-14
// Spec: 4.3e, 5.4.4, 5.5.6, 5.6.5
TEST_P(EveryRole, IsRefusedWhenItExpiresInThisVerySecond) {
  settle();
  scenario.repository.signed_edits[role] = [](const json::Value& value) {
    return with(value, {"expires"}, test_now().text());
  };
  publish();
  scenario.expect_refused(ErrorCode::kExpired, refusal());
}

// Book: META-21, TIME-01, DEL-14
TEST_P(EveryRole, IsAcceptedWhenItExpiresASecondLater) {
  settle();
  scenario.repository.signed_edits[role] = [](const json::Value& value) {
    return with(value, {"expires"}, test_now().plus_seconds(1).text());
  };
  publish();
  scenario.expect_accepted(kDeepTarget);
}

// Book: JSON-15, SIG-23
TEST_P(EveryRole, IsRefusedWhenTheFileIsNoMetadata) {
  scenario.repository.options.list_hashes = false;
  scenario.repository.publish();
  settle();
  for (const char* content : {"", "null", "[]", "\"\"", "{}", " \n\t ", R"({"signed":{}})", R"({"signatures":[]})",
                              R"({"signed":[],"signatures":[]})"}) {
    SCOPED_TRACE(content);
    publish();
    scenario.repository.replace(scenario.repository.path_of(role), to_bytes(content));
    scenario.expect_refused(ErrorCode::kParse, refusal());
  }
}

// Book: META-22
// Spec: 5.4.3.1a
TEST(TimestampPhase, RefusesOlderVersionThanCachedExpiredOne) {
  Scenario scenario;
  scenario.repository.publish_timestamp();
  const Bytes older = scenario.repository.signed_file("timestamp");
  scenario.repository.timestamp.header.expires = test_now().plus_seconds(10);
  scenario.repository.publish_timestamp();
  scenario.settle();
  scenario.device.rules.now = test_now().plus_seconds(20);
  scenario.repository.replace("metadata/timestamp.json", older);
  scenario.expect_refused(ErrorCode::kRollback, {.heal = [&] {
                            scenario.repository.restore_all();
                            scenario.repository.timestamp.header.expires = test_now().plus_seconds(30);
                            scenario.repository.publish_timestamp();
                          }});
}

// Book: META-02
// Spec: 4.3d, 5.4.3.1a
TEST(TimestampPhase, RefusesOlderVersion) {
  Scenario scenario;
  const Bytes first = scenario.repository.served("metadata/timestamp.json");
  scenario.repository.publish_timestamp();
  scenario.settle();
  scenario.repository.replace("metadata/timestamp.json", first);
  scenario.expect_refused(ErrorCode::kRollback);
}

// Book: META-02, ROOT-15
TEST(TimestampPhase, RefusesOlderVersionAlsoWhenTheStoredOneIsLost) {
  Scenario scenario;
  const Bytes first = scenario.repository.served("metadata/timestamp.json");
  scenario.repository.publish_timestamp();
  scenario.settle();
  scenario.store.files.clear();
  scenario.repository.replace("metadata/timestamp.json", first);
  scenario.expect_refused(ErrorCode::kRollback);
}

// Book: META-02
TEST(TimestampPhase, RefusesOlderVersionAlsoWhenTheFloorsAreLost) {
  Scenario scenario;
  const Bytes first = scenario.repository.served("metadata/timestamp.json");
  scenario.repository.publish_timestamp();
  scenario.settle();
  scenario.device.floors = {};
  scenario.repository.replace("metadata/timestamp.json", first);
  scenario.expect_refused(ErrorCode::kRollback);
}

// Book: META-03
// Spec: 5.4.3.1b
TEST(TimestampPhase, StoresNothingWhenTheSameTimestampIsServedAgain) {
  Scenario scenario;
  scenario.settle();
  scenario.expect_accepted();
  EXPECT_TRUE(scenario.device.persisted.empty());
  EXPECT_EQ(scenario.device.requested, (std::vector<std::string>{"2.root.json", "timestamp.json"}));
}

// Book: META-04
// Spec: 5.4.3.1b
TEST(TimestampPhase, KeepsItsOwnWhenTheSameVersionHasOtherBytes) {
  Scenario scenario;
  scenario.settle();
  const std::map<std::string, Bytes> before = scenario.store.files;
  scenario.repository.timestamp.extra.set("x-other", 1);
  scenario.repository.timestamp.header.expires = test_now().plus_seconds(5);
  scenario.repository.write_timestamp();
  scenario.expect_accepted();
  EXPECT_EQ(scenario.store.files, before);
  EXPECT_EQ(scenario.device.warnings.size(), 1U);
}

// Book: META-04
// Spec: 5.4.3.1b
TEST(TimestampPhase, GoesByItsOwnWhenTheSameVersionHasOtherBytes) {
  Scenario scenario;
  scenario.settle();
  const metadata::UtcTime expires = scenario.repository.timestamp.header.expires;
  scenario.repository.timestamp.header.expires = expires.plus_seconds(1000);
  scenario.repository.write_timestamp();
  const Result<client::TrustedRepository> trusted = scenario.device.refresh();
  ASSERT_TRUE(trusted) << trusted.error().message;
  EXPECT_EQ(trusted->timestamp->header.expires, expires);
}

// Book: META-05
// Spec: 5
TEST(TimestampPhase, GoesOnToTheSnapshotThatACutKeptIt) {
  Scenario scenario;
  scenario.settle();
  scenario.repository.publish();
  scenario.store.cut_after(1);
  EXPECT_EQ(code_of(scenario.device.refresh()), "E_STORAGE");
  scenario.store.mend();
  EXPECT_EQ(scenario.store.files.at("timestamp.json"), scenario.repository.served("metadata/timestamp.json"));
  scenario.expect_accepted();
  EXPECT_EQ(scenario.device.persisted, (std::vector<std::string>{"snapshot.json", "targets.json"}));
}

// Book: META-06
// Spec: 5.4.4
TEST(TimestampPhase, RefusesItsOwnTimestampServedAgainAfterItExpired) {
  Scenario scenario;
  scenario.repository.timestamp.header.expires = test_now().plus_seconds(100);
  scenario.repository.publish_timestamp();
  scenario.settle();
  scenario.device.rules.now = test_now().plus_seconds(100);
  scenario.expect_refused(ErrorCode::kExpired, {.heal = [&] {
                            scenario.repository.timestamp.header.expires = test_now().plus_seconds(101);
                            scenario.repository.publish_timestamp();
                          }});
}

// Book: META-07
// Spec: 5.4.3.2
TEST(TimestampPhase, RefusesASnapshotVersionThatFellAndDoesNotStoreIt) {
  Scenario scenario;
  const metadata::MetaEntry first = scenario.repository.timestamp.snapshot;
  scenario.repository.publish_snapshot();
  scenario.settle();
  scenario.repository.timestamp.snapshot = first;
  scenario.repository.publish_timestamp();
  scenario.expect_refused(ErrorCode::kRollback);
}

// Book: META-16
// Spec: 4.6
TEST(TimestampPhase, RefusesMetaWithMoreOrLessThanTheSnapshot) {
  Scenario scenario;
  scenario.settle();
  const json::Value entry = scenario.repository.timestamp.snapshot.to_json();
  const auto refuses = [&](const std::function<json::Value(json::Value)>& edit) {
    scenario.repository.signed_edits["timestamp"] = edit;
    scenario.repository.publish_timestamp();
    scenario.expect_refused(ErrorCode::kParse);
  };
  refuses([&](const json::Value& value) { return with(value, {"meta", "targets.json"}, entry); });
  refuses([&](const json::Value& value) { return with(value, {"meta", "./snapshot.json"}, entry); });
  refuses([&](const json::Value& value) { return without(value, {"meta", "snapshot.json"}); });
}

// --- What a role above pins: snapshot by timestamp, targets roles by snapshot.
class EveryPinnedRole : public EveryRole {
 protected:
  // Publishes a new version of the role, with an edit of what pins it.
  void publish_pinned(const std::function<json::Value(const json::Value&)>& edit_entry) {
    const std::string above = role == "snapshot" ? "timestamp" : "snapshot";
    scenario.repository.signed_edits[above] = [=, this](const json::Value& value) {
      return with(value, {"meta", role + ".json"}, edit_entry(at(value, {"meta", role + ".json"})));
    };
    publish();
    scenario.repository.signed_edits.clear();
  }
};
INSTANTIATE_TEST_SUITE_P(Roles, EveryPinnedRole, testing::Values("snapshot", "targets", "d1", "d2", "d3"), name_of);

// Book: META-08, DEL-14
// Spec: 5.5.1a, 5.5.2, 5.6.1a, 5.6.2
TEST_P(EveryPinnedRole, IsRefusedWhenLengthDigestOrVersionAreNotThoseListed) {
  settle();
  const std::string other_sha256 = Sha256::of(as_bytes("other")).hex();
  const std::string other_sha512 = Sha512::of(as_bytes("other")).hex();
  struct Row {
    const char* what;
    std::function<json::Value(const json::Value&)> edit;
    std::set<std::string> codes;
  };
  const auto number = [](const json::Value& entry, const char* name) { return *at(entry, {name}).integer(); };
  const Row rows[] = {
      {"another digest",
       [&](const auto& e) {
         return with(e, {"hashes", "sha256"}, other_sha256);
       },
       {"E_MISMATCH"}},
      {"a second digest that is wrong",
       [&](const auto& e) {
         return with(e, {"hashes", "sha512"}, other_sha512);
       },
       {"E_MISMATCH"}},
      // One byte less than there is: the transport ends it at the limit.
      {"length - 1", [&](const auto& e) { return with(e, {"length"}, number(e, "length") - 1); }, {"E_LIMIT"}},
      {"length + 1", [&](const auto& e) { return with(e, {"length"}, number(e, "length") + 1); }, {"E_MISMATCH"}},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.what);
    publish_pinned(row.edit);
    const Result<std::optional<metadata::VerifiedTarget>> result = scenario.device.refresh_and_find(kDeepTarget);
    EXPECT_TRUE(row.codes.contains(code_of(result))) << code_of(result);
    scenario.expect_refused(result ? ErrorCode::kMismatch : result.error().code, {.target = kDeepTarget});
  }
}

// Book: META-08, DEL-14
// Spec: 4.4e
TEST_P(EveryPinnedRole, IsRefusedWhenTheListedDigestsHaveAWrongForm) {
  settle();
  const std::string hex = Sha256::of(as_bytes("x")).hex();
  std::string upper = hex;
  for (char& c : upper) c = static_cast<char>(std::toupper(c));
  const auto hashes = [](const char* name, const std::string& value) {
    json::Object object;
    object.set(name, value);
    return json::Value(object);
  };
  const json::Value rows[] = {hashes("sha256", upper),
                              hashes("sha256", hex.substr(1)),
                              hashes("sha256", hex + "00"),
                              hashes("sha256", ""),
                              hashes("sha256", hex + " "),
                              hashes("sha512", hex),
                              json::Object{},
                              json::Array{},
                              hashes("sha256", "0x" + hex.substr(2))};
  for (const json::Value& row : rows) {
    SCOPED_TRACE(json::to_text(row));
    publish_pinned([&](const json::Value& entry) { return with(entry, {"hashes"}, row); });
    std::set<std::string> accepted = accepted_before();
    accepted.erase(role == "snapshot" ? "timestamp.json" : "snapshot.json");
    scenario.expect_refused(ErrorCode::kParse, {.accepted = accepted, .target = kDeepTarget});
  }
  // A digest of an unknown kind is no error of the file that lists it, which may list other roles; timestamp lists one.
  for (const json::Value& row : {hashes("md5", "00"), hashes("SHA256", hex)}) {
    SCOPED_TRACE(json::to_text(row));
    publish_pinned([&](const json::Value& entry) { return with(entry, {"hashes"}, row); });
    std::set<std::string> accepted = accepted_before();
    if (role == "snapshot") accepted.erase("timestamp.json");
    const ErrorCode code = role == "snapshot" ? ErrorCode::kParse : ErrorCode::kMismatch;
    scenario.expect_refused(code, {.accepted = accepted, .target = kDeepTarget});
  }
}

// Book: META-08, JSON-14, DEL-14
// Spec: 5.5.2, 5.6.2
TEST_P(EveryPinnedRole, IsRefusedByItsDigestBeforeItIsParsed) {
  settle();
  publish();
  const std::string path = scenario.repository.path_of(role);
  scenario.repository.replace(path, Bytes(scenario.repository.served(path).size(), '['));
  scenario.expect_refused(ErrorCode::kMismatch, refusal());
}

// Book: META-08, DEL-14
// Spec: 4.4e
TEST_P(EveryPinnedRole, IsAcceptedWithAGoodDigestBesideAnUnknownOne) {
  settle();
  publish_pinned([](const json::Value& entry) { return with(entry, {"hashes", "blake3"}, "whatever"); });
  scenario.expect_accepted(kDeepTarget);
}

// Book: META-13, DEL-14
// Spec: 5.5.4, 5.6.4
TEST_P(EveryPinnedRole, IsRefusedWhenItsVersionIsNotTheOneListed) {
  scenario.repository.options.list_hashes = false;
  scenario.repository.publish();
  settle();
  for (std::int64_t off : {-1, 1}) {
    SCOPED_TRACE(off);
    scenario.repository.signed_edits[role] = [=](const json::Value& value) {
      return with(value, {"version"}, *at(value, {"version"}).integer() + off);
    };
    publish();
    scenario.expect_refused(ErrorCode::kMismatch, refusal());
  }
}

// Book: META-09, DEL-14
// Spec: 5.5.5a
TEST_P(EveryPinnedRole, IsRefusedWhenItsListedVersionFalls) {
  publish();
  settle();
  publish_pinned(
      [](const json::Value& entry) { return with(entry, {"version"}, *at(entry, {"version"}).integer() - 2); });
  const std::set<std::string> accepted =
      role == "snapshot" ? std::set<std::string>{} : std::set<std::string>{"timestamp.json"};
  scenario.expect_refused(ErrorCode::kRollback, {.accepted = accepted, .target = kDeepTarget});
}

// Book: META-09, DEL-14
// Spec: 5.5.5a
TEST_P(EveryPinnedRole, IsRefusedWhenItsListedVersionFallsAlsoAfterTheStoreIsLost) {
  publish();
  settle();
  publish_pinned(
      [](const json::Value& entry) { return with(entry, {"version"}, *at(entry, {"version"}).integer() - 2); });
  scenario.store.files.clear();
  const std::set<std::string> accepted =
      role == "snapshot" ? std::set<std::string>{} : std::set<std::string>{"timestamp.json"};
  scenario.expect_refused(ErrorCode::kRollback, {.accepted = accepted, .target = kDeepTarget});
}

// --- Roles that snapshot lists.
class EveryTargetsRole : public EveryRole {};
INSTANTIATE_TEST_SUITE_P(Roles, EveryTargetsRole, testing::Values("targets", "d1", "d2", "d3"), name_of);

// Book: META-10, DEL-14
// Spec: 5.5.5b
TEST_P(EveryTargetsRole, MustStayListedInSnapshot) {
  settle();
  scenario.repository.snapshot.meta.erase(role + ".json");
  scenario.repository.publish_snapshot();
  scenario.expect_refused(ErrorCode::kRollback, {.accepted = {"timestamp.json"}, .target = kDeepTarget});
}

// Book: META-11, DEL-14
TEST_P(EveryTargetsRole, IsNotFetchedWhenSnapshotNeverListedIt) {
  scenario.repository.snapshot.meta.erase(role + ".json");
  scenario.repository.publish_snapshot();
  EXPECT_EQ(code_of(scenario.device.refresh_and_find(kDeepTarget)), "E_MISMATCH");
  for (const client::FetchRequest& request : scenario.repository.requests()) {
    EXPECT_EQ(request.path.find("." + role + ".json"), std::string::npos) << request.path;
  }
}

// Book: META-26, DEL-14
// Spec: 4.4d
TEST_P(EveryTargetsRole, IsListedUnderItsExactNameOnly) {
  const metadata::MetaEntry entry = scenario.repository.snapshot.meta.at(role + ".json");
  scenario.repository.snapshot.meta.erase(role + ".json");
  std::string upper = role;
  upper[0] = static_cast<char>(std::toupper(upper[0]));
  for (const std::string& name :
       {"./" + role + ".json", upper + ".json", role, role + ".json ", "%74" + role.substr(1)}) {
    scenario.repository.snapshot.meta.emplace(name, entry);
  }
  scenario.repository.publish_snapshot();
  EXPECT_EQ(code_of(scenario.device.refresh_and_find(kDeepTarget)), "E_MISMATCH");
}

// Book: META-12
TEST(ReleasesOfFive, CannotBeMixed) {
  for (bool list_hashes : {true, false}) {
    RepositorySimulator repository({.list_hashes = list_hashes});
    add_delegation_chain(repository);
    std::vector<RepositorySimulator> releases;
    for (int i = 0; i < 5; ++i) {
      repository.add_target(kDeepTarget, "content " + std::to_string(i), "d3");
      repository.publish();
      releases.push_back(repository);
    }
    for (const char* role : {"snapshot", "targets", "d1", "d2", "d3"}) {
      int accepted = 0;
      for (const RepositorySimulator& base : releases) {
        for (const RepositorySimulator& foreign : releases) {
          RepositorySimulator mixed = base;
          mixed.replace(base.path_of(role), foreign.served(foreign.path_of(role)));
          InMemoryStore store;
          SessionRunner device(mixed, store);
          const auto result = device.refresh_and_find(kDeepTarget);
          accepted += result.has_value() ? 1 : 0;
          const bool same = base.targets.header.version == foreign.targets.header.version;
          // A longer file of another release ends at the listed length already in the transport.
          EXPECT_EQ(result.has_value(), same) << role;
          EXPECT_TRUE(same || code_of(result) == "E_MISMATCH" || code_of(result) == "E_LIMIT") << code_of(result);
        }
      }
      EXPECT_EQ(accepted, 5) << role << (list_hashes ? " with" : " without") << " digests";
    }
  }
}

// Serves the newest file of one role in place of another, all signed by one key.
std::string serve_as(const std::string& source, const std::string& place, bool list_hashes) {
  RepositorySimulator repository({.list_hashes = list_hashes});
  const std::vector<TestKey> one_key = {TestKey(400)};
  repository.add_delegation({.name = "d1", .keys = one_key});
  for (TopRole top : metadata::kTopRoles) repository.set_keys(top, one_key);
  repository.write_root();
  repository.add_target(kDeepTarget, "content", "d1");
  // Every role is at version 2, so that only _type tells them apart.
  repository.publish_root();
  repository.delegated.at("d1").header.version = repository.root.header.version;
  repository.write_role("d1");
  repository.publish_role("targets");

  RepositorySimulator attacked = repository;
  const std::string path = place == "root" ? "metadata/2.root.json" : repository.path_of(place);
  attacked.replace(path, repository.served(repository.path_of(source)));
  InMemoryStore store;
  SessionRunner device(attacked, store);
  return code_of(device.refresh_and_find(kDeepTarget));
}

// Book: META-14
// Spec: 4.2.1b, 4.5n
TEST(TypeOfARole, IsCheckedForAllOrderedPairsUnderOneKey) {
  const char* roles[] = {"root", "timestamp", "snapshot", "targets", "d1"};
  for (const std::string source : roles) {
    for (const std::string place : roles) {
      if (source == place) continue;
      // Targets and d1 are of one type: only what snapshot pins tells them apart.
      const bool one_type = (source == "targets" || source == "d1") && (place == "targets" || place == "d1");
      const std::string code = serve_as(source, place, one_type);
      if (one_type) {
        EXPECT_TRUE(code == "E_MISMATCH" || code == "E_LIMIT") << source << " as " << place << ": " << code;
      } else {
        EXPECT_EQ(code, "E_PARSE") << source << " as " << place;
      }
    }
  }
}

// Book: META-15
TEST(DelegatedFile, ServedUnderAnotherRolesNameIsRefusedByItsDigest) {
  for (bool required : {true, false}) {
    RepositorySimulator repository;
    const std::vector<TestKey> one_key = {TestKey(401)};
    repository.add_delegation({.name = "a", .paths = {"app"}, .keys = one_key});
    repository.add_delegation({.name = "b", .paths = {"app"}, .keys = one_key});
    repository.add_target("app", "from b", "b");
    repository.publish();
    repository.replace(repository.path_of("a"), repository.served(repository.path_of("b")));
    InMemoryStore store;
    SessionRunner device(repository, store);
    device.rules.require_snapshot_hashes = required;
    const std::string code = code_of(device.refresh_and_find("app"));
    EXPECT_TRUE(code == "E_MISMATCH" || code == "E_LIMIT") << code;
  }
}

// Book: META-15
TEST(SnapshotDigests, AreRequiredOnlyWhenTheDeviceSaysSo) {
  RepositorySimulator repository({.list_hashes = false});
  add_delegation_chain(repository);
  InMemoryStore store;
  SessionRunner device(repository, store);
  EXPECT_EQ(code_of(device.refresh_and_find(kDeepTarget)), "accepted");
  device.rules.require_snapshot_hashes = true;
  EXPECT_EQ(code_of(device.refresh_and_find(kDeepTarget)), "E_POLICY");
}

// Book: META-15
TEST(SnapshotDigests, AreRequiredOfEveryRole) {
  json::Object unknown;
  unknown.set("blake2b-256", "00");
  using Edit = std::function<json::Value(const json::Value&, const std::string&)>;
  const std::map<std::string, Edit> edits{
      {"no digest",
       [](const auto& value, const auto& file) {
         return without(value, {"meta", file, "hashes"});
       }},
      {"no length",
       [](const auto& value, const auto& file) {
         return without(value, {"meta", file, "length"});
       }},
      {"a digest of an unknown kind",
       [&](const auto& value, const auto& file) {
         return with(value, {"meta", file, "hashes"}, unknown);
       }},
  };
  for (const std::string role : {"targets", "d1", "d2", "d3"}) {
    for (const auto& [what, edit] : edits) {
      SCOPED_TRACE(role + " with " + what);
      Scenario scenario;
      add_delegation_chain(scenario.repository);
      scenario.device.rules.require_snapshot_hashes = true;
      scenario.settle_with(kDeepTarget);
      scenario.repository.signed_edits["snapshot"] = [&, &edit = edit](const json::Value& value) {
        return edit(value, role + ".json");
      };
      scenario.repository.publish_snapshot();
      scenario.expect_refused(ErrorCode::kPolicy,
                              {.accepted = {"timestamp.json", "snapshot.json"}, .target = kDeepTarget});
    }
  }
}

// Book: META-21
// Spec: 4.3e, 5.3.10, 5.4.4, 5.5.6, 5.6.5
TEST(ExpiredFiles, AreRefusedInAllCombinationsOfFive) {
  const std::string roles[] = {"root", "timestamp", "snapshot", "targets", "d1"};
  const std::string stored[] = {"2.root.json", "timestamp.json", "snapshot.json", "targets.json", "d1.json"};
  for (unsigned expired = 0; expired < 32; ++expired) {
    SCOPED_TRACE(expired);
    RepositorySimulator repository;
    repository.add_delegation({.name = "d1"});
    repository.add_target(kDeepTarget, "content", "d1");
    for (unsigned i = 0; i < 5; ++i) {
      if ((expired >> i & 1) == 0) continue;
      repository.signed_edits[roles[i]] = [](const json::Value& value) {
        return with(value, {"expires"}, test_now().plus_seconds(-1).text());
      };
    }
    repository.publish_root();
    repository.publish();
    InMemoryStore store;
    SessionRunner device(repository, store);
    EXPECT_EQ(code_of(device.refresh_and_find(kDeepTarget)), expired == 0 ? "accepted" : "E_EXPIRED");
    std::set<std::string> wanted = {"2.root.json"};  // a root is stored before its expiry is looked at
    for (unsigned i = 0; i < 5 && (expired >> i & 1) == 0; ++i) wanted.insert(stored[i]);
    std::set<std::string> names;
    for (const auto& [name, content] : store.files) names.insert(name);
    EXPECT_EQ(names, wanted);
  }
}

// Book: META-25
TEST(Versions, AtTheCeilingOfIntegersAreExact) {
  Scenario scenario;
  const auto timestamp_with = [&](const std::string& version) {
    scenario.repository.file_edits.clear();
    scenario.repository.timestamp.header.version = *metadata::Version::create(std::stoll(version));
    scenario.repository.write_timestamp();
    return code_of(scenario.device.refresh());
  };
  EXPECT_EQ(timestamp_with("9007199254740993"), "accepted");  // 2^53 + 1
  EXPECT_EQ(timestamp_with("9007199254740992"), "E_ROLLBACK");
  EXPECT_EQ(timestamp_with("9223372036854775806"), "accepted");
  EXPECT_EQ(timestamp_with("9223372036854775807"), "accepted");
  EXPECT_EQ(timestamp_with("9223372036854775806"), "E_ROLLBACK");
  for (const char* above : {"9223372036854775808", "18446744073709551616", "1e3", "1.0"}) {
    scenario.repository.file_edits["timestamp"] = [&](const std::string& file) {
      return replaced(file, "9223372036854775806", above);
    };
    scenario.repository.write_timestamp();
    EXPECT_EQ(code_of(scenario.device.refresh()), "E_PARSE") << above;
  }
}

// Book: LOC-04
// Spec: 5
TEST(StoredFiles, ThatAreDamagedCountAsAbsentWhileFloorsHold) {
  for (const std::string name : {"timestamp.json", "snapshot.json", "targets.json", "d1.json", "d2.json", "d3.json"}) {
    for (const std::string content : {"", "{}", "null", "\xFF"}) {
      SCOPED_TRACE(name);
      Scenario scenario;
      add_delegation_chain(scenario.repository);
      scenario.settle_with(kDeepTarget);
      const Bytes good = scenario.store.files.at(name);
      scenario.store.files[name] = to_bytes(content);
      scenario.expect_accepted(kDeepTarget);
      EXPECT_EQ(scenario.store.files.at(name), good);
    }
  }
}

// Book: TIME-04, TIME-05
TEST(ClockFloor, ComesFromTheNewestSignedIssueTime) {
  Scenario scenario;
  scenario.repository.timestamp.issued = test_now();
  scenario.repository.timestamp.header.expires = test_now().plus_seconds(10);
  scenario.repository.publish_timestamp();
  scenario.settle();
  scenario.repository.timestamp.issued = test_now().plus_seconds(100);
  scenario.repository.timestamp.header.expires = test_now().plus_seconds(200);
  scenario.repository.publish_timestamp();
  scenario.settle();
  // The clock falls back to 1970; a newer timestamp that was expired at the known issue time stays refused.
  scenario.device.rules.now = UtcTime::epoch();
  scenario.repository.timestamp.issued.reset();
  scenario.repository.timestamp.header.expires = test_now().plus_seconds(50);
  scenario.repository.publish_timestamp();
  scenario.expect_refused(ErrorCode::kExpired);
}

// Book: TIME-06
TEST(ClockFloor, IsNotRaisedByAClockThatRunsAhead) {
  Scenario scenario;
  scenario.settle();
  scenario.device.rules.now = test_now().plus_seconds(50LL * 365 * 86'400);
  scenario.expect_refused(ErrorCode::kExpired, {.heal = [&] { scenario.device.rules.now = test_now(); }});
}

}  // namespace
}  // namespace tenon::tests
