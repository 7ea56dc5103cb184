#include <tenon/policies/device_rules.h>

#include <algorithm>

namespace tenon::policies {
namespace {

std::string shown(const Release& release) {
  return release.version.text() + " (sequence " + std::to_string(release.sequence.value()) + ")";
}

}  // namespace

void SequenceFloor::raise(Sequence confirmed_sequence, Sequence release_floor) {
  confirmed = confirmed ? std::max(*confirmed, confirmed_sequence) : confirmed_sequence;
  signed_floor = signed_floor ? std::max(*signed_floor, release_floor) : release_floor;
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
  if (channel.serial < facts.floor.channel_serial) {
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
  if (facts.running_version == release.version && facts.running_sequence == release.sequence) {
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
  for (const Image& image : release.images) {
    if (facts.quarantine.contains(image.sha256)) {
      return {Verdict::kHold, "quarantine",
              shown(release) + " failed on this device before; a newer release is awaited"};
    }
  }
  return {Verdict::kInstall, "newer", shown(release) + " is to be installed"};
}

}  // namespace tenon::policies
