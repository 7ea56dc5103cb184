// SimulatedDevice: a whole device in memory around the real updater: store, slots, bootloader, clock and health are
// fakes that share one plug. It follows camera/stable of a simulated repository and runs release 1.0.0 from the
// factory.
// Thread: one.
#pragma once

#include <tenon/client/updater/updater.h>

#include <memory>
#include <optional>
#include <string>

#include <tests/support/fake_boot_control.h>
#include <tests/support/fake_clock.h>
#include <tests/support/fake_health.h>
#include <tests/support/fake_link.h>
#include <tests/support/in_memory_slots.h>
#include <tests/support/in_memory_store.h>
#include <tests/support/power.h>
#include <tests/support/product_repository.h>
#include <tests/support/recording_history.h>
#include <tests/support/recording_reporter.h>
#include <tests/support/repository_simulator.h>

namespace tenon::tests {

inline constexpr std::size_t kTestSegmentBytes = 64u << 10;

class SimulatedDevice {
 public:
  // Caller must keep the repository alive. slot_size: bytes.
  explicit SimulatedDevice(RepositorySimulator& repository, std::size_t slot_size = 10 * kTestSegmentBytes);

  // updater gives the one of this run of the daemon: a new one after power_on() or restart().
  client::Updater& updater() { return *updater_; }
  // restart ends the daemon and starts it again on the same boot.
  void restart();
  // power_on is a boot: the bootloader chooses, what was not flushed is gone. Gives the group, nothing if none boots.
  std::optional<client::SlotGroup> power_on();

  bool slot_holds(client::SlotGroup group, ByteView image);
  client::Floors floors();
  client::Ports ports();

  Power power;
  InMemoryStore store{power};
  InMemorySlots slots{power};
  FakeBootControl boot{power};
  FakeClock clock;
  FakeHealth health;
  FakeLink link;
  RecordingReporter reporter;
  RecordingHistory history;
  client::Device device;
  bool has_release_file = true;
  std::vector<client::Fetcher*> sources;  // takes effect with restart()
  client::AppData* app_data = nullptr;    // takes effect with restart()
  client::Hooks* hooks = nullptr;         // takes effect with restart()

 private:
  client::RunningImage running_image();

  std::unique_ptr<client::Updater> updater_;
};

// converges is a device's life after the plug was pulled: whatever the daemon finds, it goes on until the release is confirmed.
// False if it does not get there.
bool converges(SimulatedDevice& device);

// leave_unflushed is what a cut leaves of what was not flushed in group B: nothing; all of it, when only the process was
// killed; or any part, by sectors of 512 bytes and of 4 KiB, torn ones among them.
inline constexpr std::uint32_t kCutModels = 4;
void leave_unflushed(SimulatedDevice& device, std::uint32_t model, std::uint32_t seed);

// publish_release adds a release of random content to product camera, makes it the current one and publishes.
// Gives the image.
Bytes publish_release(RepositorySimulator& repository, const std::string& version, std::int64_t sequence,
                      std::int64_t floor = 1, std::vector<policies::Bridge> bridges = {});

}  // namespace tenon::tests
