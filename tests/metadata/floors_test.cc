#include <tenon/metadata/floors.h>

#include <gtest/gtest.h>
#include <tests/support/json_edit.h>
#include <tests/support/scenario.h>

namespace tenon::tests {
namespace {

using metadata::Root;
using metadata::TopRole;
using metadata::Version;
using metadata::VersionFloors;

const std::vector<TestKey>& keys() {
  static const std::vector<TestKey> all = test_keys(3000, 6);
  return all;
}

// A root with these keys for timestamp and snapshot.
Root root_with(const std::vector<TestKey>& timestamp, const std::vector<TestKey>& snapshot,
               std::int64_t threshold = 1) {
  RepositorySimulator repository;
  repository.set_keys(TopRole::kTimestamp, timestamp, threshold);
  repository.set_keys(TopRole::kSnapshot, snapshot);
  return repository.root;
}

VersionFloors learned_under(const Root& root) {
  VersionFloors floors = VersionFloors{}.under(root);
  floors.root = *Version::create(3);
  floors.timestamp = *Version::create(70);
  floors.snapshot = *Version::create(60);
  floors.targets.emplace("targets.json", *Version::create(50));
  floors.targets.emplace("d.json", *Version::create(40));
  floors.issued = test_now();
  return floors;
}

bool kept(const Root& before, const Root& after) {
  const VersionFloors floors = learned_under(before);
  const VersionFloors result = floors.under(after);
  EXPECT_EQ(result.root, floors.root);
  EXPECT_EQ(result.timestamp.has_value(), result.issued.has_value());
  EXPECT_EQ(result.timestamp.has_value(), !result.targets.empty());
  EXPECT_EQ(result.timestamp.has_value(), result.snapshot.has_value());
  EXPECT_EQ(result.timestamp.has_value(), !result.forget_stored);
  return result.timestamp.has_value();
}

// Book: META-09
// Spec: 5.5.5
TEST(Floors, RiseWithEverySnapshotAndFallWithNone) {
  const auto seen = [](VersionFloors& floors, std::int64_t snapshot_version, std::int64_t targets_version) {
    metadata::Snapshot snapshot = RepositorySimulator().snapshot;
    snapshot.header.version = *Version::create(snapshot_version);
    snapshot.meta.at("targets.json").version = *Version::create(targets_version);
    floors.raise_snapshot(snapshot);
  };
  VersionFloors floors;
  seen(floors, 7, 3);
  EXPECT_EQ(floors.snapshot, *Version::create(7));
  EXPECT_EQ(floors.targets.at("targets.json"), *Version::create(3));
  seen(floors, 8, 5);
  EXPECT_EQ(floors.snapshot, *Version::create(8));
  EXPECT_EQ(floors.targets.at("targets.json"), *Version::create(5));
  seen(floors, 6, 4);
  EXPECT_EQ(floors.snapshot, *Version::create(8));
  EXPECT_EQ(floors.targets.at("targets.json"), *Version::create(5));
}

// Book: META-23, META-24
TEST(Floors, TellThatTheyForgotEarlierOnes) {
  const Root before = root_with({keys()[0], keys()[1]}, {keys()[2]});
  const Root fewer = root_with({keys()[0]}, {keys()[2]});
  const VersionFloors floors = learned_under(before);
  EXPECT_FALSE(floors.forgot(VersionFloors{})) << "there was nothing to forget";
  EXPECT_FALSE(floors.forgot(floors));
  EXPECT_FALSE(floors.under(root_with({keys()[0], keys()[1], keys()[3]}, {keys()[2]})).forgot(floors)) << "added";
  EXPECT_TRUE(floors.under(fewer).forgot(floors));
  EXPECT_TRUE(floors.under(fewer).under(before).forgot(floors)) << "removed and listed again";
}

// Book: META-24
// Spec: 5.3.11
TEST(Floors, AreKeptWhenNoOnlineKeyIsTakenAway) {
  const Root before = root_with({keys()[0], keys()[1]}, {keys()[2]});
  EXPECT_TRUE(kept(before, before));
  EXPECT_TRUE(kept(before, root_with({keys()[1], keys()[0]}, {keys()[2]}))) << "reordered";
  EXPECT_TRUE(kept(before, root_with({keys()[0], keys()[1], keys()[3]}, {keys()[2]}))) << "added";
  EXPECT_TRUE(kept(before, root_with({keys()[0], keys()[1]}, {keys()[2]}, 2))) << "threshold";
  EXPECT_TRUE(kept(before, root_with({keys()[0].named("a"), keys()[1].named("b")}, {keys()[2].named("c")})))
      << "renamed";
}

// Book: META-23, META-24
// Spec: 5.3.11
TEST(Floors, AreDroppedWhenATimestampOrSnapshotKeyIsTakenAway) {
  const Root before = root_with({keys()[0], keys()[1]}, {keys()[2]});
  EXPECT_FALSE(kept(before, root_with({keys()[3]}, {keys()[2]}))) << "timestamp replaced";
  EXPECT_FALSE(kept(before, root_with({keys()[0], keys()[1]}, {keys()[3]}))) << "snapshot replaced";
  EXPECT_FALSE(kept(before, root_with({keys()[0]}, {keys()[2]}))) << "one of two removed";
  EXPECT_FALSE(kept(before, root_with({keys()[1], keys()[3]}, {keys()[2]}))) << "overlap";
}

// Book: META-23
// Spec: 5.3.11
TEST(Floors, AreDroppedWhenASharedKeyIsTakenFromOneOfItsRoles) {
  const Root shared = root_with({keys()[0]}, {keys()[0]});
  EXPECT_FALSE(kept(shared, root_with({keys()[1]}, {keys()[0]}))) << "it stays in snapshot";
  EXPECT_FALSE(kept(shared, root_with({keys()[0]}, {keys()[1]}))) << "it stays in timestamp";
  EXPECT_TRUE(kept(shared, root_with({keys()[0], keys()[1]}, {keys()[0]}))) << "added";
}

// Book: META-24
// Spec: 5.3.11
TEST(Floors, AreKeptWhenAKeyOfOneRoleIsAddedToTheOther) {
  const Root apart = root_with({keys()[0]}, {keys()[1]});
  EXPECT_TRUE(kept(apart, root_with({keys()[0], keys()[1]}, {keys()[1]})));
  EXPECT_TRUE(kept(apart, root_with({keys()[0]}, {keys()[1], keys()[0]})));
}

// Book: META-23
// Spec: 5.3.11
TEST(Floors, AreDroppedWhenTimestampAndSnapshotSwapTheirKeys) {
  EXPECT_FALSE(kept(root_with({keys()[0]}, {keys()[1]}), root_with({keys()[1]}, {keys()[0]})));
}

// As they were first written. Once, for the floors that come of it name the roles.
TEST(Floors, WhoseKeysNameNoRoleCountAsRotatedOnce) {
  const Root root = root_with({keys()[0]}, {keys()[1]});
  VersionFloors old = learned_under(root);
  old.learned_under = {keys()[0].public_key().material()->fingerprint(),
                       keys()[1].public_key().material()->fingerprint()};
  VersionFloors floors = old.under(root);
  EXPECT_FALSE(floors.timestamp);
  EXPECT_EQ(floors.root, old.root);
  floors.timestamp = Version::first();
  EXPECT_EQ(floors.under(root), floors);
}

// Book: META-24
TEST(Floors, AreKeptWhenOtherRolesRotate) {
  RepositorySimulator repository;
  const Root before = repository.root;
  repository.rotate_key(TopRole::kTargets);
  repository.rotate_key(TopRole::kRoot);
  EXPECT_TRUE(kept(before, repository.root));
}

// Book: ROOT-15
TEST(Floors, LearnedUnderNoKeysCountUnderEveryRoot) {
  VersionFloors floors;
  floors.timestamp = Version::first();
  EXPECT_TRUE(floors.under(root_with({keys()[0]}, {keys()[1]})).timestamp.has_value());
}

TEST(Floors, NeverFallWhenRaised) {
  RepositorySimulator repository;
  repository.timestamp.issued = test_now();
  for (int i = 0; i < 3; ++i) repository.publish();
  VersionFloors floors;
  floors.raise_root(repository.root);
  floors.raise_timestamp(repository.timestamp);
  floors.raise_snapshot(repository.snapshot);
  const VersionFloors high = floors;
  RepositorySimulator old;
  old.timestamp.issued = test_now().plus_seconds(-1);
  floors.raise_root(old.root);
  floors.raise_timestamp(old.timestamp);
  floors.raise_snapshot(old.snapshot);
  EXPECT_EQ(floors, high);
  EXPECT_EQ(floors.timestamp->value(), 4);
  EXPECT_EQ(floors.snapshot->value(), 4);
  EXPECT_EQ(floors.targets.at("targets.json").value(), 4);
}

// Book: META-07
TEST(Floors, TakeTheSnapshotVersionFromATimestamp) {
  RepositorySimulator repository;
  repository.publish();
  VersionFloors floors;
  floors.raise_timestamp(repository.timestamp);
  EXPECT_EQ(floors.snapshot->value(), 2);
}

// Book: LOC-05
TEST(Floors, AreReadBackAsTheyWereWritten) {
  VersionFloors floors = learned_under(root_with({keys()[0]}, {keys()[1]}));
  for (bool forget : {false, true}) {
    floors.forget_stored = forget;
    const json::Value written = *json::parse(as_bytes(json::to_text(floors.to_json())));
    const Result<VersionFloors> read = VersionFloors::parse(written);
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(*read, floors);
  }
  EXPECT_EQ(*VersionFloors::parse(VersionFloors{}.to_json()), VersionFloors{});
}

// Book: JSON-06
TEST(Floors, AreRefusedInAnyOtherForm) {
  const json::Value good = learned_under(root_with({keys()[0]}, {keys()[1]})).to_json();
  for (const JsonPath& path : paths_of(good)) {
    for (const json::Value& wrong : {json::Value(nullptr), json::Value(true), json::Value(0), json::Value(-1),
                                     json::Value("text"), json::Value(json::Array{json::Value(1)})}) {
      EXPECT_EQ(code_of(VersionFloors::parse(with(good, path, wrong))), "E_PARSE") << text_of(path) << wrong.kind();
    }
  }
  EXPECT_EQ(code_of(VersionFloors::parse(with(good, {"unknown"}, 1))), "E_PARSE");
  EXPECT_EQ(code_of(VersionFloors::parse(json::Object{})), "E_PARSE");
  EXPECT_EQ(code_of(VersionFloors::parse(json::Value("text"))), "E_PARSE");
}

}  // namespace
}  // namespace tenon::tests
