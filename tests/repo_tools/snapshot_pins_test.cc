#include <tests/repo_tools/workshop.h>

namespace tenon::repo_tools {
namespace {

using SnapshotPins = Workshop;

// What is published under that name, its signed part.
json::Value published(const fs::path& folder, const std::string& name) {
  const Bytes file = *hsm::read_file(folder / "public/metadata" / name, 1u << 24);
  return metadata::Envelope::parse(file, file.size())->signed_part();
}

// Book: META-15
TEST_F(SnapshotPins, ListLengthAndDigestOfEveryRoleInEveryPublication) {
  for (std::int64_t release = 1; release <= 2; ++release) {
    publish_release("1." + std::to_string(release) + ".0", release, static_cast<std::uint32_t>(release));
    const auto timestamp = metadata::Timestamp::parse(published(folder(), "timestamp.json"));
    ASSERT_TRUE(timestamp) << timestamp.error().message;
    EXPECT_TRUE(timestamp->snapshot.length && timestamp->snapshot.hashes);
    const std::string name = std::to_string(timestamp->snapshot.version.value()) + ".snapshot.json";
    const auto snapshot = metadata::Snapshot::parse(published(folder(), name));
    ASSERT_TRUE(snapshot) << snapshot.error().message;
    EXPECT_EQ(snapshot->meta.size(), 3U);  // targets, releases.demo, rollout.demo
    for (const auto& [role, entry] : snapshot->meta) {
      ASSERT_TRUE(entry.length && entry.hashes && entry.hashes->sha256) << role;
      const std::string file = std::to_string(entry.version.value()) + "." + role;
      const Bytes content = *hsm::read_file(folder() / "public/metadata" / file, 1u << 24);
      EXPECT_EQ(*entry.length, content.size()) << role;
      EXPECT_EQ(*entry.hashes->sha256, Sha256::of(content)) << role;
    }
  }
}

}  // namespace
}  // namespace tenon::repo_tools
