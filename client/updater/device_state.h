// DeviceState: the records of the store as values, and what it means when one is absent or damaged.
// Floors that cannot be read are damaged, never zero: then the sequence baked into the running image counts, and it is
// reported; without one nothing may be installed. A lost journal or checkpoint costs work, never trust.
#pragma once

#include <tenon/client/ports/reporter.h>
#include <tenon/client/ports/trust_store.h>
#include <tenon/client/updater/deferral.h>
#include <tenon/client/updater/records.h>

#include <optional>

namespace tenon::client {

// RunningImage is what the release file inside the running system says of it. It was verified when it was installed.
struct RunningImage {
  std::optional<policies::Label> version = {};
  std::optional<policies::Sequence> sequence = {};
  std::optional<metadata::UtcTime> build_time = {};
};

class DeviceState {
 public:
  // Caller must keep the ports alive.
  DeviceState(RecordStore& records, Reporter& reporter) : records_(&records), reporter_(&reporter) {}

  // floors gives those that were stored. Without any, the sequence of the running image counts, if that image was
  // confirmed; on a first start there may be none at all.
  // Errors: E_STORAGE when they were lost and running has no sequence.
  Result<Floors> floors(const RunningImage& running);
  // save_floors stores floors for the roles in `roles` ("NAME.json") and those that had one; a repository may list more
  // roles than a device ever asks for. Errors: E_STORAGE, E_LIMIT
  Result<void> save_floors(const Floors& floors, const std::set<std::string>& roles);

  Result<Journal> journal();
  Result<void> save(const Journal& journal);

  // checkpoint gives the segments known to be on the medium for this image, 0 if none are.
  Result<std::uint64_t> checkpoint(const Sha256& release_digest, std::string_view slot_class);
  Result<void> save(const Checkpoint& checkpoint);

  Result<Stamps> stamps();
  Result<void> save_stamp(SlotGroup group, const Stamp& stamp);

  // deferral gives none for one that was never made or cannot be read: it must not keep a device from updates.
  Result<Deferral> deferral();
  Result<void> save(const Deferral& deferral);

 private:
  Result<bool> is_first_start();

  RecordStore* records_;
  Reporter* reporter_;
};

}  // namespace tenon::client
