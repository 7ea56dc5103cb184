// What an attacker may write into our logs: a little of every text, however much of it he sends.
#include <tenon/metadata/envelope.h>

#include <algorithm>

#include <gtest/gtest.h>
#include <tests/support/json_edit.h>
#include <tests/support/scenario.h>

namespace tenon::tests {
namespace {

using metadata::Envelope;
using metadata::Root;
using metadata::Snapshot;
using metadata::Targets;
using metadata::Timestamp;

constexpr std::size_t kFlood = 5u << 20;   // bytes that the attacker sends
constexpr std::size_t kMostShown = 256;    // of them in one message
constexpr std::size_t kMostOfUsAll = 600;  // a whole message

const std::string& flood() {
  static const std::string text(kFlood, '\x7E');  // '~' stands in no message of ours
  return text;
}

void expect_little_of_it(const Error& error, const std::string& where) {
  EXPECT_LE(static_cast<std::size_t>(std::ranges::count(error.message, '~')), kMostShown) << where;
  EXPECT_LE(error.message.size(), kMostOfUsAll) << where << ": " << error.message.substr(0, 200);
}

struct Role {
  const char* name;
  json::Value value;
  std::optional<Error> (*error_of)(const json::Value& value);
};

template <class T>
std::optional<Error> error_of(const json::Value& value) {
  const Result<T> result = T::parse(value);
  return result ? std::nullopt : std::optional(result.error());
}

std::vector<Role> roles() {
  RepositorySimulator repository;
  repository.root.keys.emplace(TestKey(801, KeyKind::kP256).keyid(), TestKey(801, KeyKind::kP256).public_key());
  repository.add_delegation({.name = "d"});
  repository.add_delegation({.name = "e"});
  repository.targets.delegations->roles.back().paths = {.hash_prefixes = std::vector<std::string>{"a0"}};
  repository.add_target("app", "content");
  repository.timestamp.issued = test_now();
  repository.publish();
  return {{"root", repository.root.to_json(), error_of<Root>},
          {"timestamp", repository.timestamp.to_json(), error_of<Timestamp>},
          {"snapshot", repository.snapshot.to_json(), error_of<Snapshot>},
          {"targets", repository.targets.to_json(), error_of<Targets>}};
}

// Book: RES-07
TEST(AnErrorOfARole, ShowsLittleOfATextOfFiveMegabytesInAnyPlace) {
  std::size_t errors = 0;
  for (const Role& role : roles()) {
    for (const JsonPath& path : paths_of(role.value)) {
      const std::optional<Error> error = role.error_of(with(role.value, path, flood()));
      if (!error) continue;
      ++errors;
      expect_little_of_it(*error, std::string(role.name) + " " + text_of(path));
    }
  }
  EXPECT_GE(errors, 60U);
}

// Book: RES-07
TEST(AnErrorOfARole, ShowsLittleOfAMemberNameOfFiveMegabytesInAnyPlace) {
  std::size_t errors = 0;
  json::Object hashes;
  hashes.set("hashes", json::Object());
  const json::Value values[] = {7, json::Object(), hashes};
  for (const Role& role : roles()) {
    std::vector<JsonPath> places = paths_of(role.value);
    for (const JsonPath& place : places) {
      if (at(role.value, place).object() == nullptr) continue;
      JsonPath path = place;
      path.push_back(flood());
      for (const json::Value& value : values) {
        const std::optional<Error> error = role.error_of(with(role.value, path, value));
        if (!error) continue;
        ++errors;
        expect_little_of_it(*error, std::string(role.name) + " " + text_of(place));
      }
    }
  }
  EXPECT_GE(errors, 10U);
}

// Book: RES-07
TEST(AnErrorOfTheReader, ShowsLittleOfAFileOfFiveMegabytes) {
  const std::string quoted = "\"" + flood() + "\"";
  for (const std::string& text :
       {quoted + "x", "\"" + flood(), "\"" + flood() + "\n\"", "\"" + flood() + "\xFF\"", "\"" + flood() + "\\q\"",
        "[" + quoted + "," + quoted, "{" + quoted + ":1," + quoted + ":2}", "{" + quoted + " " + quoted + "}", flood(),
        std::string(kFlood, '1'), "-" + std::string(kFlood, '1'), std::string(kFlood, '1') + "x",
        "1." + std::string(kFlood, '1'), "[" + std::string(kFlood, '1') + "]", "\"" + flood() + "\\u0000\"",
        "{\"signed\":{},\"signatures\":[{\"keyid\":" + quoted + ",\"sig\":\"\"}]}",
        "{\"signed\":{},\"signatures\":[{\"keyid\":\"k\",\"sig\":\"\"},{\"keyid\":\"k\",\"sig\":" + quoted + "}]}",
        "{\"signed\":" + quoted + ",\"signatures\":[]}"}) {
    const Result<Envelope> envelope = Envelope::parse(as_bytes(text), text.size());
    ASSERT_FALSE(envelope) << text.substr(0, 20);
    expect_little_of_it(envelope.error(), text.substr(0, 20));
    EXPECT_LE(static_cast<std::size_t>(std::ranges::count(envelope.error().message, '1')), kMostShown);
  }
}

}  // namespace
}  // namespace tenon::tests
