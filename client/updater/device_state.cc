#include <tenon/client/updater/device_state.h>

#include <algorithm>

namespace tenon::client {
namespace {

// A record that was read: absent or damaged ones, and those whose content is not ours, are nothing.
template <class T>
std::optional<T> decoded(const RecordContent& content, Result<T> (*read)(ByteView)) {
  const Bytes* bytes = std::get_if<Bytes>(&content);
  if (bytes == nullptr) return std::nullopt;
  Result<T> value = read(*bytes);
  if (!value) return std::nullopt;
  return *std::move(value);
}

bool is_absent(const RecordContent& content) {
  return std::holds_alternative<Absent>(content);
}

}  // namespace

Result<bool> DeviceState::is_first_start() {
  for (const Record record : {Record::kJournal, Record::kCheckpoint, Record::kStamps}) {
    TENON_TRY(const RecordContent content, records_->load(record));
    if (!is_absent(content)) return false;
  }
  return true;
}

Result<Floors> DeviceState::floors(const RunningImage& running) {
  TENON_TRY(const RecordContent content, records_->load(Record::kFloors));
  std::optional<Floors> stored = decoded(content, read_floors);
  TENON_TRY(const bool first_start, is_first_start());
  if (!stored && !(is_absent(content) && first_start)) {
    if (!running.sequence) {
      return Error{ErrorCode::kStorage, "the floors cannot be read, and nothing says which sequence is running"}
          .with_hint("restore the floors record from a backup, or install an image that has a release file");
    }
    reporter_->warn("the floors cannot be read: sequence " + std::to_string(running.sequence->value()) +
                    " of the running image is the lowest accepted");
  }
  Floors floors = stored.value_or(Floors{});
  if (!floors.sequence.confirmed) floors.sequence.confirmed = running.sequence;
  return floors;
}

Result<void> DeviceState::save_floors(const Floors& floors, const std::set<std::string>& roles) {
  TENON_TRY(const RecordContent content, records_->load(Record::kFloors));
  const std::optional<Floors> stored = decoded(content, read_floors);
  Floors kept = floors;
  std::erase_if(kept.versions.targets, [&](const auto& entry) {
    return !roles.contains(entry.first) && !(stored && stored->versions.targets.contains(entry.first));
  });
  if (stored == kept) return {};
  return records_->save(Record::kFloors, write_floors(kept));
}

Result<Journal> DeviceState::journal() {
  TENON_TRY(const RecordContent content, records_->load(Record::kJournal));
  std::optional<Journal> journal = decoded(content, read_journal);
  if (!journal && !is_absent(content)) {
    reporter_->warn("the journal cannot be read: an update under way is found again by the boot record and the stamps");
  }
  return journal.value_or(Journal{});
}

Result<void> DeviceState::save(const Journal& journal) {
  return records_->save(Record::kJournal, write_journal(journal));
}

Result<std::uint64_t> DeviceState::checkpoint(const Sha256& release_digest, std::string_view slot_class) {
  TENON_TRY(const RecordContent content, records_->load(Record::kCheckpoint));
  const std::optional<Checkpoint> checkpoint = decoded(content, read_checkpoint);
  const bool ours = checkpoint && checkpoint->release_digest == release_digest && checkpoint->slot_class == slot_class;
  return ours ? checkpoint->segments : 0;
}

Result<void> DeviceState::save(const Checkpoint& checkpoint) {
  return records_->save(Record::kCheckpoint, write_checkpoint(checkpoint));
}

Result<Stamps> DeviceState::stamps() {
  TENON_TRY(const RecordContent content, records_->load(Record::kStamps));
  return decoded(content, read_stamps).value_or(Stamps{});
}

Result<void> DeviceState::save_stamp(SlotGroup group, const Stamp& stamp) {
  TENON_TRY(Stamps all, stamps());
  all[group] = stamp;
  return records_->save(Record::kStamps, write_stamps(all));
}

Result<Deferral> DeviceState::deferral() {
  TENON_TRY(const RecordContent content, records_->load(Record::kDeferral));
  std::optional<Deferral> deferral = decoded(content, Deferral::read);
  if (!deferral && !is_absent(content)) reporter_->warn("the deferral cannot be read: updates wait for nobody");
  return deferral.value_or(Deferral::ended());
}

Result<void> DeviceState::save(const Deferral& deferral) {
  return records_->save(Record::kDeferral, deferral.write());
}

}  // namespace tenon::client
