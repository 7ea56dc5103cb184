// Numbers and lengths of what the roles list, at their limits and beyond; and forms that no other test has.
#include <gtest/gtest.h>
#include <tests/support/json_edit.h>
#include <tests/support/scenario.h>

namespace tenon::tests {
namespace {

using metadata::Root;
using metadata::Snapshot;
using metadata::Targets;
using metadata::Timestamp;

json::Value targets_with_delegation() {
  RepositorySimulator repository;
  repository.add_delegation({.name = "d"});
  return repository.targets.to_json();
}

json::Value many(std::size_t count, const std::string& text) {
  return json::Array(count, json::Value(text));
}

// Book: DEL-10
TEST(PathsOfADelegation, AreLimitedInNumberAndLength) {
  const json::Value targets = targets_with_delegation();
  const JsonPath paths = {"delegations", "roles", "0", "paths"};
  EXPECT_EQ(code_of(Targets::parse(with(targets, paths, many(1024, "a")))), "accepted");
  EXPECT_EQ(code_of(Targets::parse(with(targets, paths, many(1025, "a")))), "E_LIMIT");
  EXPECT_EQ(code_of(Targets::parse(with(targets, paths, many(1, std::string(1024, 'a'))))), "accepted");
  EXPECT_EQ(code_of(Targets::parse(with(targets, paths, many(1, std::string(1025, 'a'))))), "E_PARSE");
  EXPECT_EQ(code_of(Targets::parse(with(targets, paths, many(1, "\xFF")))), "E_PARSE");
}

// Book: DEL-10
TEST(HashPrefixesOfADelegation, AreLimitedInNumber) {
  const json::Value targets = without(targets_with_delegation(), {"delegations", "roles", "0", "paths"});
  const JsonPath prefixes = {"delegations", "roles", "0", "path_hash_prefixes"};
  EXPECT_EQ(code_of(Targets::parse(with(targets, prefixes, many(65'536, "00")))), "accepted");
  EXPECT_EQ(code_of(Targets::parse(with(targets, prefixes, many(65'537, "00")))), "E_LIMIT");
}

// Book: SIG-06
TEST(KeyidsInARole, HaveTheFormOfAKeyid) {
  const json::Value root = RepositorySimulator().root.to_json();
  const std::string too_long(129, 'x');
  EXPECT_EQ(code_of(Root::parse(with(root, {"roles", "timestamp", "keyids"}, many(1, std::string(128, 'x'))))),
            "accepted");
  for (const std::string& bad : {too_long, std::string(), std::string("a\nb")}) {
    EXPECT_EQ(code_of(Root::parse(with(root, {"roles", "timestamp", "keyids"}, many(1, bad)))), "E_PARSE");
    EXPECT_EQ(code_of(Root::parse(with(root, {"keys", bad}, TestKey(1).public_key().value()))), "E_PARSE");
  }
}

// Book: JSON-06, JSON-15
TEST(ARole, IsAnObject) {
  for (const json::Value& wrong : {json::Value(), json::Value(7), json::Value("text"), json::Value(json::Array{})}) {
    EXPECT_EQ(code_of(Root::parse(wrong)), "E_PARSE");
    EXPECT_EQ(code_of(Timestamp::parse(wrong)), "E_PARSE");
    EXPECT_EQ(code_of(Snapshot::parse(wrong)), "E_PARSE");
    EXPECT_EQ(code_of(Targets::parse(wrong)), "E_PARSE");
  }
}

// Book: META-25
// Spec: 4.3c
TEST(VersionInAListing, IsAboveZero) {
  const RepositorySimulator repository;
  for (const std::int64_t bad : {std::int64_t{0}, std::int64_t{-1}, INT64_MIN}) {
    EXPECT_EQ(
        code_of(Timestamp::parse(with(repository.timestamp.to_json(), {"meta", "snapshot.json", "version"}, bad))),
        "E_PARSE");
    EXPECT_EQ(code_of(Snapshot::parse(with(repository.snapshot.to_json(), {"meta", "targets.json", "version"}, bad))),
              "E_PARSE");
  }
}

// Spec: 4.2.3
TEST(ExpiryOfARole, HasTheFormOfATime) {
  const json::Value root = RepositorySimulator().root.to_json();
  for (const char* bad :
       {"", "2027-01-01", "2027-01-01T00:00:00", "2027-01-01T00:00:00+00:00", "2027-02-29T00:00:00Z"}) {
    EXPECT_EQ(code_of(Root::parse(with(root, {"expires"}, bad))), "E_PARSE") << bad;
  }
}

// Book: TIME-05
TEST(IssueTimeOfATimestamp, IsATimeBeforeItExpires) {
  const json::Value timestamp = RepositorySimulator().timestamp.to_json();
  const metadata::UtcTime expires = Timestamp::parse(timestamp)->header.expires;
  const auto verdict = [&](const std::string& issued) {
    return code_of(Timestamp::parse(with(timestamp, {"x-tenon-issued"}, issued)));
  };
  EXPECT_EQ(verdict(expires.plus_seconds(-1).text()), "accepted");
  EXPECT_EQ(verdict(expires.text()), "E_PARSE");
  EXPECT_EQ(verdict(expires.plus_seconds(1).text()), "E_PARSE");
  EXPECT_EQ(verdict("yesterday"), "E_PARSE");
}

// Book: META-08
// Spec: 4.4e, 5.5.2
TEST(Sha512, IsEnoughByItself) {
  RepositorySimulator repository;
  json::Object hashes;
  hashes.set("sha512", Sha512::of(as_bytes("content")).hex());
  const json::Value entry = with(repository.timestamp.snapshot.to_json(), {"hashes"}, hashes);
  const json::Value value = with(repository.timestamp.to_json(), {"meta", "snapshot.json"}, entry);
  const Result<Timestamp> timestamp = Timestamp::parse(value);
  ASSERT_TRUE(timestamp) << timestamp.error().message;
  EXPECT_EQ(timestamp->to_json(), value);
  const metadata::Hashes& listed = *timestamp->snapshot.hashes;
  EXPECT_EQ(listed.preferred(), Sha512::of(as_bytes("content")).hex());
  EXPECT_TRUE(listed.match(metadata::FileIdentity::of(as_bytes("content"), true)));
  EXPECT_FALSE(listed.match(metadata::FileIdentity::of(as_bytes("Content"), true)));
  EXPECT_FALSE(listed.match(metadata::FileIdentity::of(as_bytes("content")))) << "a digest that was not made";
  metadata::Hashes unknown;
  unknown.extra.set("blake2b-256", "00");
  EXPECT_FALSE(unknown.match(metadata::FileIdentity::of(as_bytes("content"), true))) << "no digest that is known";
}

}  // namespace
}  // namespace tenon::tests
