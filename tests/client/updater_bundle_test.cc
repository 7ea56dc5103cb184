// A device that has a bundle and no network: all that holds for a server holds for the file on a stick.
#include <tenon/client/transport/bundle_fetcher.h>

#include <fstream>
#include <memory>

#include <gtest/gtest.h>
#include <tests/client/bundle_bytes.h>
#include <tests/support/scenario.h>
#include <tests/support/simulated_device.h>

namespace tenon::tests {
namespace {

using client::BundleFetcher;
using client::BundleFile;
using client::SlotGroup;
using client::SlotState;

class DeviceWithABundle : public testing::Test {
 protected:
  DeviceWithABundle() : image(publish_release(repository, "1.1.0", 2)), device(repository) {}

  // bundle puts into a file what the repository serves now.
  std::string bundle(const std::string& name = "update.tar") {
    Members members;
    for (const auto& [path, content] : repository.files()) members.emplace_back(path, content);
    return write_bundle(folder, bundle_of(members), name);
  }

  void plug_in(const std::string& path) {
    fetcher = std::make_unique<BundleFetcher>(*BundleFile::open(path));
    device.sources = {fetcher.get()};
    device.restart();
  }

  std::string install() { return code_of(device.updater().install()); }

  // Changes one byte of a file's content in the bundle, of every version of it.
  void change(const std::string& path, const std::string& ending, std::uint64_t at) {
    const BundleFile opened = *BundleFile::open(path);
    int changed = 0;
    for (const auto& member : opened.index().members()) {
      if (!member.name.ends_with(ending)) continue;
      ++changed;
      std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
      file.seekg(static_cast<std::streamoff>(member.offset + at));
      const char byte = static_cast<char>(file.peek() ^ 1);
      file.seekp(static_cast<std::streamoff>(member.offset + at));
      file.put(byte);
    }
    EXPECT_GT(changed, 0) << "no member ends with " << ending;
  }

  void expect_slot_untouched() {
    EXPECT_EQ(device.slots.medium(SlotGroup::kB, "rootfs").bytes_written, 0U);
    EXPECT_EQ(device.boot.record.of(SlotGroup::kB).state, SlotState::kEmpty);
  }

  RepositorySimulator repository;
  Bytes image;
  SimulatedDevice device;
  ScratchFolder folder;
  std::unique_ptr<BundleFetcher> fetcher;
};

TEST_F(DeviceWithABundle, InstallsFromItWithoutAServer) {
  plug_in(bundle());
  repository.forget_requests();
  EXPECT_EQ(install(), "accepted");
  EXPECT_TRUE(device.slot_holds(SlotGroup::kB, image));
  EXPECT_TRUE(repository.requests().empty());
}

TEST_F(DeviceWithABundle, RefusesEachFileOfWhichAByteWasChanged) {
  for (const char* ending : {".stable.json", ".release.json", ".rootfs.segments", ".rootfs.full", "/timestamp.json",
                             ".snapshot.json", ".targets.json", ".releases.camera.json"}) {
    SCOPED_TRACE(ending);
    const std::string path = bundle();
    change(path, ending, 40);
    BundleFetcher changed(*BundleFile::open(path));
    SimulatedDevice new_device(repository);
    new_device.sources = {&changed};
    new_device.restart();
    EXPECT_NE(code_of(new_device.updater().install()), "accepted");
    EXPECT_EQ(new_device.slots.medium(SlotGroup::kB, "rootfs").bytes_written, 0U);
    EXPECT_EQ(new_device.boot.record.of(SlotGroup::kB).state, SlotState::kEmpty);
  }
}

// Book: LOC-01
TEST_F(DeviceWithABundle, WritesNothingThatWasChangedAfterItWasChecked) {
  const std::string path = bundle();
  plug_in(path);
  ASSERT_EQ(code_of(device.updater().check()), "accepted");
  change(path, ".rootfs.full", 40);
  EXPECT_NE(install(), "accepted");
  EXPECT_EQ(device.slots.medium(SlotGroup::kB, "rootfs").bytes_written, 0U);
}

// Book: META-02
TEST_F(DeviceWithABundle, RefusesOneThatIsOlderThanWhatItKnows) {
  const std::string old = bundle("old.tar");
  repository.publish();
  plug_in(bundle("new.tar"));
  ASSERT_EQ(code_of(device.updater().check()), "accepted");
  plug_in(old);
  EXPECT_EQ(install(), "E_ROLLBACK");
  expect_slot_untouched();
}

TEST_F(DeviceWithABundle, RefusesOneThatIsExpired) {
  plug_in(bundle());
  device.clock.time = repository.timestamp.header.expires.plus_seconds(1);
  EXPECT_EQ(install(), "E_EXPIRED");
  expect_slot_untouched();
}

TEST_F(DeviceWithABundle, LearnsTheNewRootsFromIt) {
  repository.rotate_key(metadata::TopRole::kTimestamp);
  repository.publish_root();
  repository.publish_timestamp();
  plug_in(bundle());
  EXPECT_EQ(install(), "accepted");
}

TEST_F(DeviceWithABundle, OfAnotherProductHasNothingToTake) {
  Members members;
  for (const auto& [path, content] : repository.files()) {
    if (path.find("camera") == path.npos) members.emplace_back(path, content);
  }
  plug_in(write_bundle(folder, bundle_of(members)));
  EXPECT_EQ(install(), "E_NET");
  expect_slot_untouched();
}

}  // namespace
}  // namespace tenon::tests
