// Where an update takes its bytes from, and when it begins to read what is in them.
#include <gtest/gtest.h>
#include <tests/support/json_edit.h>
#include <tests/support/simulated_device.h>
#include <tests/support/zstd_payload.h>

namespace tenon::tests {
namespace {

using client::SlotGroup;

class SourcesOfAnUpdate : public testing::Test {
 protected:
  SourcesOfAnUpdate() : image(publish_release(repository, "1.1.0", 2)), device(repository) {}

  std::string install() {
    const auto outcome = device.updater().install();
    return outcome ? "accepted" : std::string(to_string(outcome.error().code));
  }

  std::string path_ending(const std::string& end) const {
    for (const auto& [path, file] : repository.files()) {
      if (path.find("/1.1.0/") != path.npos && path.ends_with(end)) return path;
    }
    return "";
  }

  // Publishes release.json with a change, under the right digests.
  void publish_changed_release(const JsonPath& path, const json::Value& value) {
    const std::string name = "camera/releases/1.1.0/release.json";
    const json::Value release = *json::parse(repository.served(path_ending(".release.json")));
    repository.add_target(name, json::to_text(with(release, path, value)), "releases.camera");
    set_channel(repository, {.release = "1.1.0", .serial = 9});
    repository.publish();
  }

  RepositorySimulator repository;
  Bytes image;
  SimulatedDevice device;
};

// Book: TGT-07
TEST_F(SourcesOfAnUpdate, AreTheRepositoryAloneWhateverTheMetadataNames) {
  for (const char* role : {"releases.camera", "rollout.camera"}) {
    for (auto& [path, entry] : repository.role(role).targets) {
      json::Object custom;
      custom.set("uri", "http://elsewhere.example/evil");
      custom.set("dependencies", json::Array{json::Value("http://elsewhere.example/more"), json::Value("/etc/passwd")});
      entry.extra.set("custom", custom);
      entry.extra.set("url", "file:///etc/passwd");
    }
  }
  repository.publish();
  EXPECT_EQ(install(), "accepted");
  EXPECT_TRUE(device.slot_holds(SlotGroup::kB, image));
  for (const client::FetchRequest& request : repository.requests()) {
    EXPECT_TRUE(request.path.starts_with("metadata/") || request.path.starts_with("targets/camera/")) << request.path;
    EXPECT_EQ(request.path.find("elsewhere"), std::string::npos);
    EXPECT_EQ(request.path.find(".."), std::string::npos);
  }
}

// Book: TGT-07, TGT-18
TEST_F(SourcesOfAnUpdate, AreFilesBesideTheReleaseDocument) {
  for (const char* name : {"http://elsewhere.example/x", "//elsewhere.example/x", "../1.0.9/rootfs.full", "/etc/passwd",
                           "a/b", "..", "", "x?y", "x#y", "%2e%2e", "a b"}) {
    SCOPED_TRACE(name);
    publish_changed_release({"images", "0", "segments", "file"}, name);
    EXPECT_EQ(install(), "E_PARSE");
    publish_changed_release({"images", "0", "segments", "file"}, "rootfs.segments");
    publish_changed_release({"images", "0", "payloads", "0", "file"}, name);
    EXPECT_EQ(install(), "E_PARSE");
    publish_changed_release({"images", "0", "payloads", "0", "file"}, "rootfs.full");
  }
  EXPECT_EQ(device.slots.medium(SlotGroup::kB, "rootfs").bytes_written, 0U);
}

// Book: TGT-07
TEST_F(SourcesOfAnUpdate, HaveToBeSignedEachForItself) {
  for (const char* file : {"rootfs.segments", "rootfs.full"}) {
    SCOPED_TRACE(file);
    RepositorySimulator incomplete = repository;
    incomplete.role("releases.camera").targets.erase(std::string("camera/releases/1.1.0/") + file);
    incomplete.publish();
    SimulatedDevice one(incomplete);
    const auto outcome = one.updater().install();
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().code, ErrorCode::kPolicy);
    EXPECT_EQ(one.slots.medium(SlotGroup::kB, "rootfs").bytes_written, 0U);
  }
}

// Book: TGT-19
TEST_F(SourcesOfAnUpdate, AreNotReadBeforeTheirDigestsAreRight) {
  for (const char* end : {".stable.json", ".release.json", ".rootfs.segments"}) {
    SCOPED_TRACE(end);
    std::string path = path_ending(end);
    for (const auto& [name, file] : repository.files()) {
      if (path.empty() && name.ends_with(end)) path = name;
    }
    ASSERT_FALSE(path.empty());
    repository.replace(path, Bytes(repository.served(path).size(), '{'));  // what a parser would choke on
    EXPECT_EQ(install(), "E_MISMATCH");
    repository.restore_all();
  }
  EXPECT_EQ(device.slots.medium(SlotGroup::kB, "rootfs").bytes_written, 0U);
}

// Book: TGT-19
TEST_F(SourcesOfAnUpdate, PutNothingOfAPayloadInTheSlotThatIsNotSigned) {
  const std::string path = path_ending(".full");
  const Bytes other = random_image(image.size(), 999);
  repository.replace(path, full_payload_of(other, kTestSegmentBytes));
  EXPECT_EQ(install(), "E_MISMATCH");
  repository.replace(path, Bytes(repository.served(path).size(), '('));
  EXPECT_NE(install(), "accepted");
  EXPECT_EQ(device.slots.medium(SlotGroup::kB, "rootfs").bytes_written, 0U);
}

}  // namespace
}  // namespace tenon::tests
