// docs/POUF.md, the profile of our format, against the code.
#include <fstream>
#include <iterator>

#include <gtest/gtest.h>
#include <tests/support/json_edit.h>
#include <tests/support/places.h>
#include <tests/support/scenario.h>

namespace tenon::tests {
namespace {

std::string pouf() {
  std::ifstream file(tests::source_dir() / "docs/POUF.md");
  return {std::istreambuf_iterator<char>(file), {}};
}

// Spec: 1.5.4d
TEST(Pouf, NamesTheKeysThatWeVerify) {
  const std::string text = pouf();
  for (const KeyKind kind : {KeyKind::kEd25519, KeyKind::kP256, KeyKind::kP384, KeyKind::kRsa}) {
    const json::Value key = TestKey(970, kind).public_key().value();
    for (const char* member : {"keytype", "scheme"}) {
      const std::string name = *at(key, {member}).string();
      EXPECT_NE(text.find("`" + name + "`"), std::string::npos) << name;
    }
  }
}

// Spec: 1.5.4d
TEST(Pouf, NamesEveryMemberThatWeAddToTheFormat) {
  RepositorySimulator repository;
  repository.timestamp.issued = test_now();
  const std::set<std::string> known = {"_type", "spec_version", "version", "expires", "meta"};
  const std::string text = pouf();
  const json::Value timestamp = repository.timestamp.to_json();
  for (const json::Member& member : *timestamp.object()) {
    if (known.contains(member.name)) continue;
    EXPECT_NE(text.find("`" + member.name + "`"), std::string::npos) << member.name;
  }
  EXPECT_NE(text.find("specification " + repository.root.header.spec_version), std::string::npos);
}

}  // namespace
}  // namespace tenon::tests
