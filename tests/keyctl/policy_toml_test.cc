#include <tenon/hsm/file_io.h>
#include <tenon/keyctl/policy_toml.h>

#include <gtest/gtest.h>
#include <tests/support/places.h>

namespace tenon::keyctl {
namespace {

using policies::SigningPolicy;

std::string shipped(const std::string& name) {
  return std::string(as_text(*hsm::read_file(tests::source_dir() / "policies" / name, 1 << 20)));
}

Result<SigningPolicy> parse(const std::string& text) {
  return parse_policy_toml(text, "policy.toml");
}

// Both sides: what a text is, and the line and the words of its error.
void expect_error(const std::string& text, const std::string& message) {
  const Result<SigningPolicy> policy = parse(text);
  ASSERT_FALSE(policy) << text;
  EXPECT_EQ(policy.error().code, ErrorCode::kUsage);
  EXPECT_EQ(policy.error().message, "policy.toml, line " + message) << text;
}

TEST(PolicyToml, DefaultIsTheStandardPolicy) {
  EXPECT_EQ(*parse_policy_toml(shipped("default.toml"), "default.toml"), SigningPolicy::standard());
}

TEST(PolicyToml, LabIsTheLabPolicy) {
  EXPECT_EQ(*parse_policy_toml(shipped("lab.toml"), "lab.toml"), SigningPolicy::lab());
}

// What a shipped file does not say would change with the next version of the tool.
TEST(PolicyToml, ShippedFilesSayEverything) {
  const json::Value standard = SigningPolicy::standard().to_json();
  const std::size_t roles = standard.object()->find("roles")->object()->size();
  for (const char* name : {"default.toml", "lab.toml"}) {
    const std::string text = "\n" + shipped(name);
    const auto count = [&](const std::string& member) {
      std::size_t found = 0;
      for (std::size_t at = text.find("\n" + member + " = "); at != text.npos;
           at = text.find("\n" + member + " = ", at + 1)) {
        ++found;
      }
      return found;
    };
    const json::Value& root = *standard.object()->find("roles")->object()->find("root");
    for (const json::Member& member : *root.object())
      EXPECT_EQ(count(member.name), roles) << name << ": " << member.name;
    for (const char* table : {"delegations", "algorithms", "keys", "process"}) {
      for (const json::Member& member : *standard.object()->find(table)->object()) {
        EXPECT_EQ(count(member.name), 1u) << name << ": " << member.name;
      }
    }
  }
}

TEST(PolicyToml, WhatIsLeftOutIsAsInTheDefault) {
  EXPECT_EQ(*parse(""), SigningPolicy::standard());
  const SigningPolicy policy = *parse("[roles.root]\nmin_keys = 7\n[roles.\"releases.demo\"]\nmin_threshold = 3\n");
  SigningPolicy expected = SigningPolicy::standard();
  expected.roles.at("root").min_keys = 7;
  expected.roles.emplace("releases.demo", expected.roles.at("releases.*")).first->second.min_threshold = 3;
  EXPECT_EQ(policy, expected);
}

TEST(PolicyToml, ReadsPeopleAndWaivers) {
  const SigningPolicy policy = *parse(
      "repository = \"camera-fw\"\n"
      "[custodians]\n"
      "\"2f64\" = { name = \"Zo\xC3\xAB\", org = \"Acme\", since = \"2026-11-22\" }\n"
      "[[waivers]]\nrule = \"P06\"\nuntil = \"2027-02-01T00:00:00Z\"\nreason = \"soon\"\napproved_by = [\"2f64\"]\n");
  const policies::Custodian* zoe = policy.custodian(*metadata::KeyId::parse("2f64"));
  ASSERT_NE(zoe, nullptr);
  EXPECT_EQ(zoe->name, "Zo\xC3\xAB");
  EXPECT_EQ(zoe->since.text(), "2026-11-22T00:00:00Z");
  ASSERT_EQ(policy.waivers.size(), 1u);
  EXPECT_EQ(policy.waivers[0].rule, "P06");
}

TEST(PolicyToml, NamesTheLineOfAKeyThatIsNotKnown) {
  expect_error("version = 1\nroels = 2\n", "2: \"roels\" is not known");
  expect_error("[roles.root]\nmin_keys = 5\nmin_kyes = 5\n", "3: \"min_kyes\" is not known in [roles.root]");
  expect_error("[algorithms]\nclient_floor = { tenon = \"0.1\", curl = \"8\" }\n",
               "2: \"curl\" is not known in [algorithms.client_floor]");
  expect_error("[custodians]\n\"2f64\" = { nmae = \"Alice\" }\n", "2: \"nmae\" is not known in [custodians.2f64]");
  expect_error("[[waivers]]\nrule = \"P06\"\n\n[[waivers]]\nrules = \"P07\"\n",
               "5: \"rules\" is not known in [waivers[]]");
  expect_error("_type = \"x-policy\"\n", "1: \"_type\" is not known");
}

TEST(PolicyToml, NamesTheLineOfAValueOfAnotherKind) {
  expect_error("version = \"1\"\n", "1: version is not an integer");
  expect_error("[roles.root]\nmin_keys = 5.0\n", "2: roles.root.min_keys is not an integer");
  expect_error("[roles]\nroot = 5\n", "2: roles.root is not an object");
  expect_error("[process]\nunattended = \"yes\"\n", "2: process.unattended is not a boolean");
  expect_error("[algorithms]\nallow = [1]\n", "2: algorithms.allow is not an array");
  expect_error("expires = 2027-12-01T00:00:00Z\n", "1: expires is not a string");
  expect_error("waivers = 3\n", "1: waivers is not a list of tables: write [[waivers]]");
}

TEST(PolicyToml, NamesTheLineOfAValueThatCannotBe) {
  expect_error("version = 1\n[roles.root]\nmin_spare = 1\nmin_keys = 0\n",
               "4: policy.roles.root: min_keys 0 is not from 1 to 1000");
  expect_error("\n[custodians]\n\"2f64\" = { name = \"Alice\", org = \"Acme\", since = \"yesterday\" }\n",
               "3: policy.custodians.2f64: since \"yesterday\" is no day, as 2026-11-22");
  expect_error("\n\nexpires = \"soon\"\n", "3: policy.expires: \"soon\" is no time of the form YYYY-MM-DDTHH:MM:SSZ");
  expect_error("[[waivers]]\nrule = \"P06\"\nuntil = \"2027-02-01T00:00:00Z\"\nreason = \"\"\napproved_by = [\"a\"]\n",
               "4: policy.waivers[0]: reason is empty");
  expect_error("[roles.\"a*b\"]\n",
               "1: policy.roles: \"a*b\" is no role, and no prefix of roles with a star at its end");
}

TEST(PolicyToml, NamesTheLineOfBrokenToml) {
  const Result<SigningPolicy> policy = parse("version = 1\nversion = 2\n");
  ASSERT_FALSE(policy);
  EXPECT_EQ(policy.error().code, ErrorCode::kUsage);
  EXPECT_TRUE(policy.error().message.starts_with("policy.toml, line 2: ")) << policy.error().message;
}

}  // namespace
}  // namespace tenon::keyctl
