// A device of which slot A runs an image, and releases with payloads of all kinds: what tests of the choice among them share.
#pragma once

#include <algorithm>
#include <optional>
#include <string>

#include <gtest/gtest.h>
#include <tests/support/scenario.h>
#include <tests/support/simulated_device.h>
#include <tests/support/zstd_payload.h>

namespace tenon::tests {

// next_version is the image as its next version: some of it moved, a little of it new.
inline Bytes next_version(ByteView image, const std::string& name, std::uint32_t seed) {
  Bytes next(image.begin(), image.end());
  std::copy_n(name.c_str(), name.size() + 1, next.begin());
  std::rotate(next.begin() + 100'000, next.begin() + 140'001, next.begin() + 200'000);
  const Bytes news = random_image(3000, seed);
  std::ranges::copy(news, next.begin() + 250'000);
  return next;
}

inline Bytes factory_image() {
  Bytes image = random_image(6 * kTestSegmentBytes + 777, 1);
  const std::string name = "1.0.0 1";
  std::copy_n(name.c_str(), name.size() + 1, image.begin());
  return image;
}

class UpdateByPayload : public testing::Test {
 protected:
  UpdateByPayload() : base(factory_image()), image(next_version(base, "1.1.0 2", 2)) {
    add_product(repository, "camera");
  }

  // run_base starts a device that runs the base. Pre: a release is published.
  void run_base(std::size_t slot_size = 10 * kTestSegmentBytes) {
    device.emplace(repository, slot_size);
    device->slots.fill(client::SlotGroup::kA, "rootfs", base);
    device->restart();
  }

  // publish adds a full payload, and makes the release the current one.
  void publish(ReleaseContent content, std::vector<std::string> withdrawn = {}) {
    content.payload = full_payload_of(content.image, kTestSegmentBytes);
    content.segment_size = kTestSegmentBytes;
    add_release(repository, content);
    set_channel(repository, {.release = content.version, .serial = ++serial, .withdrawn = std::move(withdrawn)});
    repository.publish();
  }

  std::string install() { return code_of(device->updater().install()); }

  std::string path_ending(const std::string& end, const std::string& version = "1.1.0") const {
    for (const auto& [path, file] : repository.files()) {
      if (path.find("/" + version + "/") != path.npos && path.ends_with(end)) return path;
    }
    return "";
  }
  Bytes served(const std::string& end) const { return repository.served(path_ending(end)); }

  std::vector<client::FetchRequest> requests_for(const std::string& end) const {
    std::vector<client::FetchRequest> found = repository.requests();
    std::erase_if(found, [&](const client::FetchRequest& request) { return !request.path.ends_with(end); });
    return found;
  }

  InMemorySlots::Medium& medium(client::SlotGroup group) { return device->slots.medium(group, "rootfs"); }
  bool holds_image() { return device->slot_holds(client::SlotGroup::kB, image); }

  // Each segment of slot B is that of the image, or nothing was written there.
  void expect_signed_or_untouched() {
    const Bytes& slot = medium(client::SlotGroup::kB).cached;
    for (std::size_t at = 0; at < image.size(); at += kTestSegmentBytes) {
      const std::size_t length = std::min<std::size_t>(kTestSegmentBytes, image.size() - at);
      const ByteView now = ByteView(slot).subspan(at, length);
      const bool untouched = std::ranges::all_of(now, [](std::uint8_t byte) { return byte == 0; });
      EXPECT_TRUE(untouched || std::ranges::equal(now, ByteView(image).subspan(at, length))) << at;
    }
  }

  // Every durable write of an update is the last one before a cut, once for each model of what a cut leaves.
  void expect_to_converge_wherever_it_is_cut() {
    bool ran_through = false;
    for (std::uint32_t cut = 0; cut < 200 && !ran_through; ++cut) {
      for (std::uint32_t model = 0; model < kCutModels; ++model) {
        SCOPED_TRACE(testing::Message() << "cut after write " << cut << ", model " << model);
        run_base();
        device->power.cut_after(cut);
        ran_through = device->updater().install().has_value();
        leave_unflushed(*device, model, cut);
        ASSERT_TRUE(converges(*device));
        EXPECT_TRUE(holds_image());
        EXPECT_TRUE(device->slot_holds(client::SlotGroup::kA, base)) << "the base was changed";
      }
    }
    EXPECT_TRUE(ran_through);
  }

  void confirm_the_trial() {
    ASSERT_TRUE(device->power_on());
    ASSERT_EQ(*device->updater().start(), client::StartOutcome::kTrial);
    ASSERT_TRUE(device->updater().confirm()->confirmed);
  }

  // Why a plan leaves a payload out; "" if it does not.
  std::string passed_over(const std::string& file) {
    const auto plan = device->updater().plan();
    if (!plan) return plan.error().message;
    for (const client::PassedOver& one : plan->images.front().plan.passed_over) {
      if (one.payload.file.text() == file) return one.why;
    }
    return "";
  }

  RepositorySimulator repository;
  std::int64_t serial = 0;
  Bytes base;
  Bytes image;
  std::optional<SimulatedDevice> device;
};

}  // namespace tenon::tests
