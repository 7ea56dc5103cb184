#include <tenon/policies/device_rules.h>

#include <algorithm>

namespace tenon::policies {
namespace {

std::string shown(const Release& release) {
  return release.version.text() + " (sequence " + std::to_string(release.sequence.value()) + ")";
}

std::string name_of(const Channel& channel) {
  return channel.product.text() + "/" + channel.channel.text();
}

}  // namespace

void SequenceFloor::raise(Sequence confirmed_sequence, Sequence release_floor) {
  confirmed = confirmed ? std::max(*confirmed, confirmed_sequence) : confirmed_sequence;
  signed_floor = signed_floor ? std::max(*signed_floor, release_floor) : release_floor;
}

// A serial counts for the channel it was seen of; a device that follows another one begins anew.
void SequenceFloor::raise_serial(const Channel& channel) {
  const bool same = serial_of == name_of(channel);
  channel_serial = same ? std::max(channel_serial, channel.serial) : channel.serial;
  serial_of = name_of(channel);
}

void SequenceFloor::forget_serial() {
  channel_serial = 0;
  serial_of.clear();
}

std::optional<Sequence> SequenceFloor::lowest() const {
  if (!confirmed || !signed_floor) return confirmed ? confirmed : signed_floor;
  return std::max(*confirmed, *signed_floor);
}

Result<void> check_channel(const Channel& channel, const DeviceFacts& facts) {
  if (channel.product != facts.product || channel.channel != facts.channel) {
    return Error{ErrorCode::kPolicy, "the document is of channel " + channel.channel.text() + " of " +
                                         channel.product.text() + ", this device follows " + facts.channel.text() +
                                         " of " + facts.product.text()};
  }
  if (facts.floor.serial_of == name_of(channel) && channel.serial < facts.floor.channel_serial) {
    return Error{ErrorCode::kRollback, "channel serial " + std::to_string(channel.serial) + " < seen " +
                                           std::to_string(facts.floor.channel_serial)};
  }
  return {};
}

Decision decide(const Channel& channel, const Release& release, const DeviceFacts& facts) {
  if (release.product != facts.product || release.version != channel.release) {
    return {Verdict::kRefuse, "other_release",
            "the release file is of " + release.product.text() + " " + shown(release)};
  }
  if (std::ranges::find(release.hardware, facts.hardware) == release.hardware.end()) {
    return {Verdict::kRefuse, "hardware", shown(release) + " is not for hardware " + facts.hardware.text()};
  }
  const bool says_so = facts.running_version == release.version && facts.running_sequence == release.sequence;
  if (says_so || facts.running_release == channel.release_sha256) {
    return {Verdict::kUpToDate, "up_to_date", shown(release) + " is running"};
  }
  const std::optional<Sequence> lowest = facts.floor.lowest();
  if (lowest && release.sequence < *lowest) {
    return {Verdict::kRefuse, "older",
            shown(release) + " is older than the lowest sequence accepted here, " + std::to_string(lowest->value())};
  }
  if (channel.withdraws(release.version)) {
    return {Verdict::kHold, "withdrawn", shown(release) + " was withdrawn"};
  }
  // A release that failed may share images with those that run well: only all of them together are what failed.
  const auto failed = [&](const Image& image) { return facts.quarantine.contains(image.sha256); };
  if (std::ranges::all_of(release.images, failed)) {
    return {Verdict::kHold, "quarantine",
            shown(release) + " was rolled back on this device; a newer release is awaited"};
  }
  return {Verdict::kInstall, "newer", shown(release) + " is to be installed"};
}

}  // namespace tenon::policies
