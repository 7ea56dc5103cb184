// Advisories and fixes of other projects, each with the test that would have caught it: what concerns metadata as such.
// Those of cryptography are in advisories_crypto_test.cc, those of a client in tests/client.
#include <tenon/metadata/authentic.h>
#include <tenon/metadata/role_name.h>
#include <tenon/metadata/target_path.h>

#include <atomic>
#include <cstdlib>
#include <thread>

#include <gtest/gtest.h>
#include <pthread.h>
#include <tests/support/json_edit.h>
#include <tests/support/scenario.h>
#include <tests/support/stopwatch.h>

namespace tenon::tests {
namespace {

using metadata::Envelope;
using metadata::Root;
using metadata::Snapshot;
using metadata::Targets;
using metadata::Timestamp;

// A root of version `version` with these root keys.
json::Value root_with(std::int64_t version, const std::vector<TestKey>& keys, std::int64_t threshold) {
  static const RepositorySimulator repository;
  Root root = repository.root;
  root.header.version = *metadata::Version::create(version);
  for (const TestKey& key : keys) root.keys.emplace(key.keyid(), key.public_key());
  root.roles.at(metadata::TopRole::kRoot) = role_keys(keys, threshold);
  return root.to_json();
}

// The file with every signature `times` times.
Bytes with_repeated_signatures(const json::Value& signed_part, const std::vector<TestKey>& keys, int times) {
  const json::Value file = *json::parse(sign_file(signed_part, keys));
  json::Array repeated;
  for (int i = 0; i < times; ++i) {
    for (const json::Value& signature : *at(file, {"signatures"}).array()) repeated.push_back(signature);
  }
  return to_bytes(json::to_text(with(file, {"signatures"}, repeated)));
}

std::vector<json::Value> one_of_each_role() {
  RepositorySimulator repository;
  repository.add_delegation({.name = "d"});
  repository.add_target("app", "content");
  repository.publish();
  return {repository.root.to_json(), repository.timestamp.to_json(), repository.snapshot.to_json(),
          repository.targets.to_json()};
}

// Parses a value as every role; none may do more than refuse it.
void parse_as_everything(const json::Value& value) {
  (void)Root::parse(value);
  (void)Timestamp::parse(value);
  (void)Snapshot::parse(value);
  (void)Targets::parse(value);
}

// CVE-2020-6174 / GHSA-pwqf-9h7j-7mv8 (python-tuf): several signatures under one keyid were each counted.
// Book: SIG-01
TEST(Advisory, PythonTuf_CVE_2020_6174) {
  const std::vector<TestKey> keys = test_keys(1100, 3);
  for (int times : {2, 3, 9}) {
    const Bytes file = with_repeated_signatures(root_with(1, keys, 2), {keys[0]}, times);
    EXPECT_EQ(code_of(metadata::embedded_root(file)), "E_PARSE") << times;
  }
}

// SB2022090678, fixed in python-tuf 0.16.0: the check of a new root by itself counted several signatures of one key.
// Book: ROOT-04, ROOT-07, SIG-01
TEST(Advisory, PythonTuf_SB2022090678) {
  const std::vector<TestKey> keys = test_keys(1110, 4);
  const auto trusted = metadata::embedded_root(sign_file(root_with(1, {keys[0]}, 1), {keys[0]}));
  ASSERT_TRUE(trusted);
  const json::Value next = root_with(2, {keys[1], keys[2]}, 2);
  EXPECT_EQ(code_of(metadata::next_root(*trusted, sign_file(next, {keys[0], keys[1]}))), "E_SIG");
  EXPECT_EQ(code_of(metadata::next_root(*trusted, with_repeated_signatures(next, {keys[0], keys[1]}, 2))), "E_PARSE");
  const json::Value twins = root_with(2, {keys[1], keys[1].named("twin")}, 2);
  EXPECT_EQ(code_of(metadata::next_root(*trusted, sign_file(twins, {keys[0], keys[1], keys[1].named("twin")}))),
            "E_POLICY");
}

// CVE-2020-15093 / GHSA-5q2r-92f9-4m49 (tough): duplicate signatures counted to the threshold.
// Book: SIG-01
TEST(Advisory, Tough_CVE_2020_15093) {
  const std::vector<TestKey> keys = test_keys(1120, 2);
  const auto trusted = metadata::embedded_root(sign_file(root_with(1, keys, 2), keys));
  ASSERT_TRUE(trusted);
  const Bytes file = with_repeated_signatures(root_with(2, keys, 2), {keys[1]}, 2);
  EXPECT_EQ(code_of(metadata::next_root(*trusted, file)), "E_PARSE");
}

// GHSA-77hh-43cm-v8j6 (python-tuf 3.1.1): a lookup of delegated roles accepted names that it should not.
// Book: DEL-09, DEL-12
TEST(Advisory, PythonTuf_GHSA_77hh_43cm_v8j6) {
  for (const char* name : {"root", "targets", "snapshot", "timestamp", "1.root", "1.targets"}) {
    EXPECT_EQ(code_of(metadata::RoleName::parse_delegated(name)), "E_PARSE") << name;
  }
}

// TUF-CR-22-03 (audit of python-tuf), CVE-2020-10735: integers of many digits were read in quadratic time.
// Book: JSON-14
TEST(Advisory, PythonTuf_TUF_CR_22_03) {
  const Stopwatch watch;
  for (const std::string& number : {std::string(8u << 20, '9'), "-" + std::string(8u << 20, '9'),
                                    "1" + std::string(8u << 20, '0'), std::string(8u << 20, '9') + ".5"}) {
    EXPECT_EQ(code_of(json::parse(as_bytes("{\"version\":" + number + "}"))), "E_PARSE");
  }
  EXPECT_LT(watch.read(), kTimeForAnything);
}

// CVE-2026-23991 (go-tuf): valid JSON of a wrong shape ended the program before any signature was looked at.
// Book: JSON-06
TEST(Advisory, GoTuf_CVE_2026_23991) {
  const json::Value shapes[] = {nullptr, true, -7, "", "text", json::Array{}, json::Object{}, json::Array{nullptr}};
  for (const json::Value& role : one_of_each_role()) {
    for (const json::Value& shape : shapes) {
      parse_as_everything(shape);
      for (const JsonPath& path : paths_of(role)) parse_as_everything(with(role, path, shape));
    }
  }
}

// CVE-2026-23992 / GHSA-fphv-w9fq-2525 (go-tuf): thresholds of delegations below 1 were not refused.
// Book: SIG-07
TEST(Advisory, GoTuf_CVE_2026_23992) {
  const json::Value targets = one_of_each_role().back();
  for (std::int64_t threshold : {std::int64_t{0}, std::int64_t{-1}, INT64_MIN}) {
    const json::Value changed = with(targets, {"delegations", "roles", "0", "threshold"}, threshold);
    EXPECT_EQ(code_of(Targets::parse(changed)), "E_PARSE") << threshold;
  }
}

// 3288aeb, bde5f18, 73345ab, 990cdb8 (go-tuf): null in the place of an object or a list was used as if it were one.
// Book: JSON-15
TEST(Advisory, GoTuf_3288aeb) {
  for (const json::Value& role : one_of_each_role()) {
    for (const JsonPath& path : paths_of(role)) {
      const json::Value changed = with(role, path, nullptr);
      EXPECT_EQ(code_of(Root::parse(changed)), "E_PARSE") << text_of(path);
      EXPECT_EQ(code_of(Timestamp::parse(changed)), "E_PARSE") << text_of(path);
      EXPECT_EQ(code_of(Snapshot::parse(changed)), "E_PARSE") << text_of(path);
      EXPECT_EQ(code_of(Targets::parse(changed)), "E_PARSE") << text_of(path);
    }
  }
}

// 17b4808 (go-tuf): a target with no digest at all was accepted.
// Book: META-08, TGT-10
TEST(Advisory, GoTuf_17b4808) {
  const std::vector<json::Value> roles = one_of_each_role();
  EXPECT_EQ(code_of(Targets::parse(with(roles[3], {"targets", "app", "hashes"}, json::Object{}))), "E_PARSE");
  EXPECT_EQ(code_of(Targets::parse(without(roles[3], {"targets", "app", "hashes"}))), "E_PARSE");
  EXPECT_EQ(code_of(Snapshot::parse(with(roles[2], {"meta", "d.json", "hashes"}, json::Object{}))), "E_PARSE");
  EXPECT_EQ(code_of(Timestamp::parse(with(roles[1], {"meta", "snapshot.json", "hashes"}, json::Object{}))), "E_PARSE");
}

// 336d942 (go-tuf): names were escaped as in a query, a space became '+'.
// Book: DEL-12
TEST(Advisory, GoTuf_336d942) {
  EXPECT_EQ(metadata::RoleName::parse_delegated("a b+c")->file_name(), "a%20b%2Bc.json");
  EXPECT_EQ(metadata::url_path("a b/c?d"), "a%20b/c%3Fd");
}

// RUSTSEC-2020-0071 (time, chrono; tough): local time was read while another thread changed the environment.
// Book: TIME-08
TEST(Advisory, Tough_RUSTSEC_2020_0071) {
  const char* before = std::getenv("TZ");
  const std::string old = before == nullptr ? "" : before;
  std::atomic<bool> done = false;
  std::thread reader([&] {
    while (!done) EXPECT_EQ(test_now().text(), "2026-11-01T12:00:00Z");
  });
  for (int i = 0; i < 2000; ++i) {
    ::setenv("TZ", i % 2 == 0 ? "Pacific/Kiritimati" : "nonsense/with/no/end", 1);
    EXPECT_EQ(metadata::UtcTime::parse("2026-11-01T12:00:00Z")->unix_seconds(), test_now().unix_seconds());
  }
  done = true;
  reader.join();
  before == nullptr ? ::unsetenv("TZ") : ::setenv("TZ", old.c_str(), 1);
}

// CVE-2024-38525 (dd-trace-cpp): nlohmann's dump() throws for a string that is no UTF-8, and nobody caught it.
// Book: JSON-07
TEST(Advisory, Nlohmann_CVE_2024_38525) {
  json::Object object;
  object.set("name \xFF", "text \xC3\x28 \xED\xA0\x80");
  for (std::size_t indent : {0u, 1u}) {
    EXPECT_TRUE(json::parse(as_bytes(json::to_text(object, indent))));
  }
  EXPECT_FALSE(json::canonical(object).empty());
}

// RUSTSEC GHSA-2226-4v3c-cff8, CVE-2023-1370, CVE-2023-7272: values that are nested deeply end the stack when they are
// copied, compared or written. Ours are at most so deep that the small stack of a thread has room.
// Book: JSON-13
TEST(Advisory, Nlohmann_NestingOnASmallStack) {
  pthread_attr_t attributes;
  ASSERT_EQ(pthread_attr_init(&attributes), 0);
  ASSERT_EQ(pthread_attr_setstacksize(&attributes, 128u << 10), 0);
  const auto work = [](void*) -> void* {
    const std::string deepest = std::string(32, '[') + std::string(32, ']');
    const Result<json::Value> value = json::parse(as_bytes(deepest));
    const json::Value copy = *value;
    EXPECT_TRUE(copy == *value);
    EXPECT_EQ(json::canonical(copy), deepest);
    EXPECT_EQ(json::to_text(copy), deepest);
    for (std::size_t depth : {33u, 1'200u, 90'000u, 1'000'000u}) {
      EXPECT_FALSE(json::parse(as_bytes(std::string(depth, '['))));
    }
    return nullptr;
  };
  pthread_t thread;
  ASSERT_EQ(pthread_create(&thread, &attributes, work, nullptr), 0);
  pthread_join(thread, nullptr);
  pthread_attr_destroy(&attributes);
}

// OSV-2017-59 (nlohmann): an old read beyond the end of the text. Every prefix of every kind of file; the sanitizers
// watch, for each prefix has a heap block of its own size.
// Book: JSON-12
TEST(Advisory, Nlohmann_OSV_2017_59) {
  const std::string odd = R"({"a":"\u00e9\ud83d\ude00\n","b":[-12,0,true,null,"é"]})";
  for (std::size_t size = 0; size < odd.size(); ++size) {
    const Bytes prefix(odd.begin(), odd.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_FALSE(json::parse(prefix)) << size;
  }
}

}  // namespace
}  // namespace tenon::tests
