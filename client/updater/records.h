// The records that outlive a power cut, as values: floors, journal, checkpoint and slot stamps. Their bytes are JSON,
// small enough for one 4 KiB record. What is damaged is reported as such, never taken for a first start.
#pragma once

#include <tenon/client/ports/slots.h>
#include <tenon/client/ports/trust_store.h>
#include <tenon/metadata/floors.h>
#include <tenon/policies/device_rules.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace tenon::client {

// Floors are what never falls: versions of metadata, and the lowest sequence of a release.
struct Floors {
  metadata::VersionFloors versions;
  policies::SequenceFloor sequence;
  bool operator==(const Floors&) const = default;
};

// UpdateState is how far the update in the journal has come. Each is durable before the next step begins.
enum class UpdateState {
  kIdle,
  kPlanned,      // a release was chosen; nothing is written yet
  kInvalidated,  // the target group is marked EMPTY: from here on it is no fallback
  kWriting,
  kVerified,    // every segment was read back from the medium
  kStaged,      // the slot is stamped; it may rest here
  kArming,      // the boot record is about to be written
  kArmed,       // the next boot is a trial
  kTrial,       // this boot is one
  kCommitting,  // healthy; the boot record is about to say GOOD
  kLeaving,     // bad after all, though it was confirmed; the boot record is about to say BAD
};
std::string_view to_string(UpdateState state);

// Quarantined is an image that failed on this device.
struct Quarantined {
  Sha256 image;
  std::string version;
  std::string reason;
  bool operator==(const Quarantined&) const = default;
};

struct Journal {
  UpdateState state = UpdateState::kIdle;
  // The update, when there is one. The digest of its release.json names it, also across a restart.
  std::optional<Sha256> release_digest = {};
  std::string version = {};
  std::int64_t sequence = 0;
  std::int64_t floor = 0;
  SlotGroup target = SlotGroup::kB;
  std::vector<Sha256> images = {};
  std::uint64_t generation = 0;  // of the boot record that arms it
  std::string boot_id = {};      // the boot in which it was armed, or which is the trial
  std::string reason = {};       // why the trial is failing

  std::string last_result = {};              // how the update before this one ended, for people
  std::vector<Quarantined> quarantine = {};  // the newest kMaxQuarantined
  bool operator==(const Journal&) const = default;

  static constexpr std::size_t kMaxQuarantined = 8;  // a record holds 4 KiB
  // forget_update ends the update and keeps what outlives it.
  void forget_update(std::string result);
  void add_to_quarantine(std::string why);
};

// Checkpoint says how many segments of an image are known to be on the medium.
struct Checkpoint {
  Sha256 release_digest;
  std::string slot_class;
  std::uint64_t segments = 0;
  bool operator==(const Checkpoint&) const = default;
};

// Stamp says what one slot group holds.
struct Stamp {
  enum class Content { kInvalid, kPartial, kValid };
  Content content = Content::kInvalid;
  std::optional<Sha256> release_digest = {};
  std::string version = {};
  std::int64_t sequence = 0;
  std::vector<Sha256> images = {};  // none of a release that this device was made with
  bool operator==(const Stamp&) const = default;
};
using Stamps = std::map<SlotGroup, Stamp>;

// write_* give the bytes of a record, read_* read them. Errors of reading: E_PARSE.
Bytes write_floors(const Floors& floors);
Result<Floors> read_floors(ByteView record);
Bytes write_journal(const Journal& journal);
Result<Journal> read_journal(ByteView record);
Bytes write_checkpoint(const Checkpoint& checkpoint);
Result<Checkpoint> read_checkpoint(ByteView record);
Bytes write_stamps(const Stamps& stamps);
Result<Stamps> read_stamps(ByteView record);

}  // namespace tenon::client
