// What is public after several releases: versions, listings, names, and every root.
#include <tenon/repo_tools/publisher.h>

#include <tests/repo_tools/workshop.h>

namespace tenon::repo_tools {
namespace {

class PublicFiles : public Workshop {
 protected:
  Bytes file(const std::string& name) const { return *hsm::read_file(folder() / "public/metadata" / name, 1u << 24); }

  template <class T>
  T role(const std::string& name) const {
    const Bytes content = file(name);
    return *T::parse(metadata::Envelope::parse(content, content.size())->signed_part());
  }

  void expect_lists(const metadata::MetaEntry& entry, const std::string& name, std::int64_t version) const {
    const Bytes content = file(std::to_string(version) + "." + name);
    EXPECT_EQ(entry.version.value(), version) << name;
    EXPECT_EQ(entry.length, content.size()) << name;
    ASSERT_TRUE(entry.hashes) << name;
    EXPECT_EQ(entry.hashes->sha256, Sha256::of(content)) << name;
  }
};

// Spec: 4.4a, 6.3.1a, 6.3.2a, 6.3.2b, 6.3.3a, 6.3.3b
TEST_F(PublicFiles, HaveTheNextVersionsAndListWhatIsBelowThem) {
  publish_release("1.0.0", 1, 1);
  publish_release("1.1.0", 2, 2);
  const auto timestamp = role<metadata::Timestamp>("timestamp.json");
  EXPECT_EQ(timestamp.header.version.value(), 2);
  expect_lists(timestamp.snapshot, "snapshot.json", 2);
  const auto snapshot = role<metadata::Snapshot>("2.snapshot.json");
  EXPECT_EQ(snapshot.header.version.value(), 2);
  EXPECT_EQ(snapshot.meta.size(), 3u);
  expect_lists(snapshot.meta.at("targets.json"), "targets.json", 1);  // it did not change
  expect_lists(snapshot.meta.at("releases.demo.json"), "releases.demo.json", 2);
  expect_lists(snapshot.meta.at("rollout.demo.json"), "rollout.demo.json", 2);
}

// Spec: 4.4d, 6.2.1d
// Book: SRV-10
TEST_F(PublicFiles, AreNamedInMetadataWithoutVersionAndDigest) {
  publish_release("1.0.0", 1, 1);
  publish_release("1.1.0", 2, 2);
  for (const auto& [name, entry] : role<metadata::Snapshot>("2.snapshot.json").meta) {
    EXPECT_TRUE(name == "targets.json" || name == "releases.demo.json" || name == "rollout.demo.json") << name;
  }
  const auto targets = role<metadata::Targets>("2.releases.demo.json").targets;
  EXPECT_FALSE(targets.empty());
  for (const auto& [path, entry] : targets) {
    EXPECT_EQ(path.find(entry.hashes.sha256->hex()), std::string::npos) << path;
    EXPECT_TRUE(fs::exists(folder() / "public/targets" /
                           metadata::TargetPath::parse(path)->hash_prefixed(entry.hashes.sha256->hex())))
        << path;
  }
}

// Spec: 6.1c, 6.2.1f
TEST_F(PublicFiles, KeepEveryRoot) {
  std::map<std::string, Bytes> roots;
  publish_release("1.0.0", 1, 1);
  roots.emplace("1.root.json", file("1.root.json"));
  for (std::int64_t version = 2; version <= 4; ++version) {
    timestamp_keys_ = new_keys(1);
    const std::string name = std::to_string(version) + ".root.json";
    roots.emplace(name, signed_root(root(version)));
    ASSERT_TRUE(disk_.put(repository().draft(name), roots.at(name)));
    publish_release("1." + std::to_string(version) + ".0", version, static_cast<std::uint32_t>(version));
  }
  for (const auto& [name, content] : roots) EXPECT_EQ(file(name), content) << name;
  EXPECT_EQ(*current(), "1.4.0");  // a device with the first root follows them all
}

// Spec: 1.5.4c
TEST_F(PublicFiles, OfMetadataAreNotCompressed) {
  publish_release("1.0.0", 1);
  for (const auto& [name, content] : files_below("public/metadata")) {
    EXPECT_TRUE(name.ends_with(".json")) << name;
    EXPECT_TRUE(json::parse(content)) << name;
  }
}

// Spec: 4.2.1c, 4.3g
TEST_F(PublicFiles, ListKeysOfDelegationsUnderTheirOwnHash) {
  publish_release("1.0.0", 1);
  const metadata::KeyMap keys = role<metadata::Targets>("1.targets.json").delegations->keys;
  EXPECT_EQ(keys.size(), 3u);
  for (const auto& [keyid, key] : keys) EXPECT_EQ(keyid, key.hash_keyid());
}

// Spec: 2.1.1b
TEST_F(PublicFiles, HoldNoRootThatTheseToolsSigned) {
  publish_release("1.0.0", 1);
  const Bytes draft = to_bytes(metadata::Envelope::unsigned_of(root(2).to_json()).to_text());
  ASSERT_TRUE(disk_.put(repository().draft("2.root.json"), draft));
  const Result<SignReport> report = sign(root_keys_);
  EXPECT_TRUE(!report || report->signatures_added == 0u);
  EXPECT_EQ(*hsm::read_file(repository().draft("2.root.json"), 1u << 20), draft);
  EXPECT_FALSE(publish());
  EXPECT_FALSE(fs::exists(folder() / "public/metadata/2.root.json"));
}

}  // namespace
}  // namespace tenon::repo_tools
