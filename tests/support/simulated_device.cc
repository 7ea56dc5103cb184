#include <algorithm>

#include <tests/support/simulated_device.h>
#include <tests/support/zstd_payload.h>

namespace tenon::tests {

using client::SlotGroup;

SimulatedDevice::SimulatedDevice(RepositorySimulator& repository, std::size_t slot_size)
    : device{.product = label("camera"),
             .hardware = label("board-a"),
             .channel = label("stable"),
             .embedded_root = repository.root_file(1)},
      sources{&repository} {
  slots.add("rootfs", slot_size);
  slots.fill(SlotGroup::kA, "rootfs", to_bytes("1.0.0 1"));
  restart();
}

// The release file of the running image: the first line of its slot here, "VERSION SEQUENCE"; an image of
// publish_release() begins with one.
client::RunningImage SimulatedDevice::running_image() {
  if (!has_release_file) return {};
  const Bytes& content = slots.medium(boot.now_running.running, "rootfs").durable;
  const std::string text(content.begin(), std::ranges::find(content, 0));
  const std::size_t space = text.find(' ');
  return {.version = *policies::Label::parse(text.substr(0, space)),
          .sequence = *policies::Sequence::create(std::stoll(text.substr(space)))};
}

client::Ports SimulatedDevice::ports() {
  return client::Ports{.sources = sources,
                       .trust_store = store,
                       .record_store = store,
                       .slots = slots,
                       .boot = boot,
                       .clock = clock,
                       .health = health,
                       .reporter = reporter,
                       .history = history,
                       .link = &link,
                       .app_data = app_data,
                       .hooks = hooks};
}

void SimulatedDevice::restart() {
  device.running_image = running_image();
  updater_ = std::make_unique<client::Updater>(ports(), device);
}

std::optional<SlotGroup> SimulatedDevice::power_on() {
  power.restore();
  slots.lose_cache();
  const std::optional<SlotGroup> booted = boot.boot();
  if (booted) restart();
  return booted;
}

bool SimulatedDevice::slot_holds(SlotGroup group, ByteView image) {
  const Bytes& content = slots.medium(group, "rootfs").durable;
  return content.size() >= image.size() && std::equal(image.begin(), image.end(), content.begin());
}

client::Floors SimulatedDevice::floors() {
  return *updater_->status()->floors;
}

bool converges(SimulatedDevice& device) {
  for (int boots = 0; boots < 8; ++boots) {
    if (!device.power_on()) return false;
    const auto started = device.updater().start();
    if (!started) return false;
    if (*started == client::StartOutcome::kTrial && !device.updater().confirm()) return false;
    const auto outcome = device.updater().install();
    if (!outcome) return false;
    if (outcome->decision.verdict == policies::Verdict::kUpToDate) return true;
  }
  return false;
}

void leave_unflushed(SimulatedDevice& device, std::uint32_t model, std::uint32_t seed) {
  auto& medium = device.slots.medium(SlotGroup::kB, "rootfs");
  if (model == 1) medium.durable = medium.cached;
  if (model >= 2) device.slots.lose_some_of_cache(seed, model == 2 ? 512 : 4096);
}

Bytes publish_release(RepositorySimulator& repository, const std::string& version, std::int64_t sequence,
                      std::int64_t floor, std::vector<policies::Bridge> bridges) {
  if (!repository.delegated.contains("releases.camera")) add_product(repository, "camera");
  Bytes image = random_image(5 * kTestSegmentBytes + 777, static_cast<std::uint32_t>(sequence));
  const std::string name = version + " " + std::to_string(sequence);
  std::copy_n(name.c_str(), name.size() + 1, image.begin());
  add_release(repository, {.version = version,
                           .sequence = sequence,
                           .floor = floor,
                           .image = image,
                           .payload = full_payload_of(image, kTestSegmentBytes),
                           .segment_size = kTestSegmentBytes,
                           .bridges = std::move(bridges)});
  set_channel(repository, {.release = version, .serial = sequence});
  repository.publish();
  return image;
}

}  // namespace tenon::tests
