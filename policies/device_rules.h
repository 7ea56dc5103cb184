// The device's decision: may this signed release be installed on this device now? Facts in, a decision with its reason
// out; no clock, no file, no network. GO is signed, HOLD is free: an error of these rules refuses what was signed for
// others or is older, a warning lets a device wait.
#pragma once

#include <tenon/policies/channel.h>
#include <tenon/policies/maintenance_window.h>
#include <tenon/policies/rule.h>
#include <tenon/policies/trip.h>

#include <optional>
#include <set>
#include <span>
#include <string>

namespace tenon::policies {

// SequenceFloor is the lowest sequence that a device still accepts. It rises when a release is confirmed, never falls,
// and does not depend on any TUF metadata.
struct SequenceFloor {
  std::optional<Sequence> confirmed = {};     // of the release that was confirmed last
  std::optional<Sequence> signed_floor = {};  // the highest floor of any confirmed release
  std::int64_t channel_serial = 0;            // highest serial seen ...
  std::string serial_of = {};                 // ... of this channel: "product/channel"

  void raise(Sequence confirmed_sequence, Sequence release_floor);
  void raise_serial(const Channel& channel);
  // forget_serial is for a rotation of the timestamp or snapshot keys: as the versions of metadata, a serial that a
  // stolen key raised must not keep a device from the channel for ever.
  void forget_serial();
  // lowest gives what both say together.
  std::optional<Sequence> lowest() const;
  bool operator==(const SequenceFloor&) const = default;
};

struct DeviceFacts {
  Label product;
  Label hardware;
  Label channel;
  std::optional<Label> running_version = {};
  std::optional<Sequence> running_sequence = {};
  SequenceFloor floor = {};
  std::optional<Sha256> running_release = {};  // digest of the release.json that the running slot group was filled from
  std::set<Sha256> quarantine = {};            // digests of images of releases that failed here
  std::optional<MaintenanceWindow> window = {};  // absent: any time will do
  // now is absent when the clock is not to be trusted: then the window is closed, and no ramp counts.
  std::optional<metadata::UtcTime> now = {};
  std::optional<bool> is_metered = {};  // the link to the source costs by the byte; absent: it does not matter
  std::optional<metadata::UtcTime> deferred_until = {};  // a person wants to wait; absent, or over: nobody does
  std::string device_id = {};  // draws the place in a rollout; without one a device comes last
  std::optional<Label> group = {};
};

enum class Verdict {
  kInstall,
  kUpToDate,  // what runs is what the channel says
  kHold,      // wait: withdrawn, paused, failed here before, not this device's turn, or a bad moment
  kRefuse,    // older, or for other hardware
};

// Decision says what to do and why; the reason is stable for scripts ("withdrawn"), the text is for people.
struct Decision {
  Verdict verdict;
  std::string reason;
  std::string text;
  std::optional<metadata::UtcTime> until = {};  // of a hold: when it ends, where that is known
  bool operator==(const Decision&) const = default;
};

// check_channel refuses a channel document that is not ours or older than one seen before.
// Errors: E_POLICY for another product or channel, E_ROLLBACK for a lower serial.
Result<void> check_channel(const Channel& channel, const DeviceFacts& facts);

// begin_trip is a device's way to the release that its channel names. Who runs that very release is there.
Trip begin_trip(const Channel& channel, Release release, const DeviceFacts& facts);

// Candidate is what a channel offers to a device: the next release of its trip. Caller must keep all three alive.
struct Candidate {
  const Channel& channel;
  const Trip& trip;
  const DeviceFacts& facts;
};

// device_rules are in the order in which they count: the first that is broken is the reason.
std::span<const Rule<Candidate>> device_rules();

// decide is about trip.next(). Pre: check_channel passed and the digest of the trip's destination is the channel's.
Decision decide(const Channel& channel, const Trip& trip, const DeviceFacts& facts);

}  // namespace tenon::policies
