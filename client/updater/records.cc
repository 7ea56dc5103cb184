#include <tenon/client/updater/records.h>
#include <tenon/metadata/json_fields.h>
#include <tenon/metadata/utf8.h>

#include <algorithm>
#include <array>
#include <utility>

namespace tenon::client {
namespace {

constexpr std::size_t kMaxReasonBytes = 80;  // so that a full quarantine fits its record, escaped

constexpr std::array<std::pair<UpdateState, std::string_view>, 11> kStates = {{
    {UpdateState::kIdle, "idle"},
    {UpdateState::kPlanned, "planned"},
    {UpdateState::kInvalidated, "invalidated"},
    {UpdateState::kWriting, "writing"},
    {UpdateState::kVerified, "verified"},
    {UpdateState::kStaged, "staged"},
    {UpdateState::kArming, "arming"},
    {UpdateState::kArmed, "armed"},
    {UpdateState::kTrial, "trial"},
    {UpdateState::kCommitting, "committing"},
    {UpdateState::kLeaving, "leaving"},
}};

constexpr std::array<std::pair<Stamp::Content, std::string_view>, 3> kContents = {{
    {Stamp::Content::kInvalid, "invalid"},
    {Stamp::Content::kPartial, "partial"},
    {Stamp::Content::kValid, "valid"},
}};

constexpr std::array<std::pair<SlotGroup, std::string_view>, 2> kGroups = {
    {{SlotGroup::kA, "A"}, {SlotGroup::kB, "B"}}};

template <class Table, class Enum>
std::string name_in(const Table& table, Enum value) {
  return std::string(std::ranges::find(table, value, [](const auto& row) { return row.first; })->second);
}

template <class Table>
auto read_name(const Table& table, json::Fields& fields, std::string_view member)
    -> Result<typename Table::value_type::first_type> {
  TENON_TRY(const std::string text, fields.string(member));
  const auto row = std::ranges::find(table, text, [](const auto& entry) { return entry.second; });
  if (row == table.end()) return fields.error("\"" + std::string(member) + "\" is " + text);
  return row->first;
}

Bytes bytes_of(json::Object object) {
  return to_bytes(json::to_text(object));
}

Result<std::optional<Sha256>> read_digest(json::Fields& fields, std::string_view name) {
  if (fields.optional(name) == nullptr) return std::optional<Sha256>();
  TENON_TRY(const std::string hex, fields.string(name));
  TENON_TRY(const Sha256 digest, Sha256::parse(hex));
  return std::optional(digest);
}

json::Array array_of(const std::vector<Sha256>& digests) {
  json::Array array;
  for (const Sha256& digest : digests) array.push_back(digest.hex());
  return array;
}

Result<std::vector<Sha256>> read_digests(json::Fields& fields, std::string_view name) {
  TENON_TRY(const json::Array* array, fields.array(name));
  std::vector<Sha256> digests;
  for (const json::Value& entry : *array) {
    if (entry.string() == nullptr) return fields.error("a digest of \"" + std::string(name) + "\" is no string");
    TENON_TRY(const Sha256 digest, Sha256::parse(*entry.string()));
    digests.push_back(digest);
  }
  return digests;
}

Result<std::optional<policies::Sequence>> read_sequence(json::Fields& fields, std::string_view name) {
  if (fields.optional(name) == nullptr) return std::optional<policies::Sequence>();
  TENON_TRY(const policies::Sequence sequence, policies::Sequence::read(fields, name));
  return std::optional(sequence);
}

std::string brief(const std::string& text) {
  return printable(text, kMaxReasonBytes);
}

}  // namespace

std::string_view to_string(UpdateState state) {
  return std::ranges::find(kStates, state, [](const auto& row) { return row.first; })->second;
}

void Journal::forget_update(std::string result) {
  Journal kept;
  kept.last_result = brief(result);
  kept.quarantine = std::move(quarantine);
  *this = std::move(kept);
}

void Journal::add_to_quarantine(std::string why) {
  for (const Sha256& image : images) {
    std::erase_if(quarantine, [&](const Quarantined& old) { return old.image == image; });
    quarantine.push_back({image, version, brief(why)});
  }
  if (quarantine.size() > kMaxQuarantined) {
    quarantine.erase(quarantine.begin(), quarantine.end() - static_cast<std::ptrdiff_t>(kMaxQuarantined));
  }
}

Bytes write_floors(const Floors& floors) {
  json::Object object;
  object.set("versions", floors.versions.to_json());
  if (floors.sequence.confirmed) object.set("confirmed_sequence", floors.sequence.confirmed->value());
  if (floors.sequence.signed_floor) object.set("signed_floor", floors.sequence.signed_floor->value());
  object.set("channel_serial", floors.sequence.channel_serial);
  object.set("serial_of", floors.sequence.serial_of);
  return bytes_of(std::move(object));
}

Result<Floors> read_floors(ByteView record) {
  TENON_TRY(const json::Value value, json::parse(record));
  TENON_TRY(json::Fields fields, json::Fields::of(value, "floors"));
  Floors floors;
  TENON_TRY(const json::Value* versions, fields.value("versions"));
  TENON_TRY(floors.versions, metadata::VersionFloors::parse(*versions));
  TENON_TRY(floors.sequence.confirmed, read_sequence(fields, "confirmed_sequence"));
  TENON_TRY(floors.sequence.signed_floor, read_sequence(fields, "signed_floor"));
  TENON_TRY(floors.sequence.channel_serial, fields.integer("channel_serial"));
  TENON_TRY(floors.sequence.serial_of, fields.string("serial_of"));
  return floors;
}

Bytes write_journal(const Journal& journal) {
  json::Object object;
  object.set("state", name_in(kStates, journal.state));
  if (journal.release_digest) object.set("release", journal.release_digest->hex());
  object.set("version", journal.version);
  object.set("sequence", journal.sequence);
  object.set("floor", journal.floor);
  object.set("target", name_in(kGroups, journal.target));
  object.set("images", array_of(journal.images));
  object.set("generation", static_cast<std::int64_t>(journal.generation));
  object.set("boot_id", journal.boot_id);
  object.set("reason", brief(journal.reason));
  object.set("last_result", journal.last_result);
  json::Array quarantine;
  for (const Quarantined& entry : journal.quarantine) {
    json::Object one;
    one.set("image", entry.image.hex());
    one.set("version", entry.version);
    one.set("reason", entry.reason);
    quarantine.push_back(std::move(one));
  }
  object.set("quarantine", std::move(quarantine));
  return bytes_of(std::move(object));
}

Result<Journal> read_journal(ByteView record) {
  TENON_TRY(const json::Value value, json::parse(record));
  TENON_TRY(json::Fields fields, json::Fields::of(value, "journal"));
  Journal journal;
  TENON_TRY(journal.state, read_name(kStates, fields, "state"));
  TENON_TRY(journal.release_digest, read_digest(fields, "release"));
  TENON_TRY(journal.version, fields.string("version"));
  TENON_TRY(journal.sequence, fields.integer("sequence"));
  TENON_TRY(journal.floor, fields.integer("floor"));
  TENON_TRY(journal.target, read_name(kGroups, fields, "target"));
  TENON_TRY(journal.images, read_digests(fields, "images"));
  TENON_TRY(const std::int64_t generation, fields.integer("generation"));
  journal.generation = static_cast<std::uint64_t>(generation);
  TENON_TRY(journal.boot_id, fields.string("boot_id"));
  TENON_TRY(journal.reason, fields.string("reason"));
  TENON_TRY(journal.last_result, fields.string("last_result"));
  TENON_TRY(const json::Array* quarantine, fields.array("quarantine"));
  for (const json::Value& entry : *quarantine) {
    TENON_TRY(json::Fields one, json::Fields::of(entry, "journal.quarantine"));
    Quarantined read;
    TENON_TRY(const std::string hex, one.string("image"));
    TENON_TRY(read.image, Sha256::parse(hex));
    TENON_TRY(read.version, one.string("version"));
    TENON_TRY(read.reason, one.string("reason"));
    journal.quarantine.push_back(std::move(read));
  }
  const bool has_update = journal.state != UpdateState::kIdle;
  const bool may_be_unknown = journal.state == UpdateState::kLeaving;  // of a device whose stamps were lost
  if (has_update != journal.release_digest.has_value() && !may_be_unknown) {
    return fields.error("state and release do not fit");
  }
  return journal;
}

Bytes write_checkpoint(const Checkpoint& checkpoint) {
  json::Object object;
  object.set("release", checkpoint.release_digest.hex());
  object.set("slot_class", checkpoint.slot_class);
  object.set("segments", static_cast<std::int64_t>(checkpoint.segments));
  return bytes_of(std::move(object));
}

Result<Checkpoint> read_checkpoint(ByteView record) {
  TENON_TRY(const json::Value value, json::parse(record));
  TENON_TRY(json::Fields fields, json::Fields::of(value, "checkpoint"));
  Checkpoint checkpoint;
  TENON_TRY(const std::string hex, fields.string("release"));
  TENON_TRY(checkpoint.release_digest, Sha256::parse(hex));
  TENON_TRY(checkpoint.slot_class, fields.string("slot_class"));
  TENON_TRY(const std::int64_t segments, fields.integer("segments"));
  if (segments < 0) return fields.error("segments is negative");
  checkpoint.segments = static_cast<std::uint64_t>(segments);
  return checkpoint;
}

Bytes write_stamps(const Stamps& stamps) {
  json::Object object;
  for (const auto& [group, stamp] : stamps) {
    json::Object one;
    one.set("content", name_in(kContents, stamp.content));
    if (stamp.release_digest) one.set("release", stamp.release_digest->hex());
    one.set("version", stamp.version);
    one.set("sequence", stamp.sequence);
    one.set("images", array_of(stamp.images));
    object.set(name_in(kGroups, group), std::move(one));
  }
  return bytes_of(std::move(object));
}

Result<Stamps> read_stamps(ByteView record) {
  TENON_TRY(const json::Value value, json::parse(record));
  TENON_TRY(json::Fields fields, json::Fields::of(value, "stamps"));
  Stamps stamps;
  for (const auto& [group, name] : kGroups) {
    if (fields.optional(name) == nullptr) continue;
    TENON_TRY(json::Fields one, fields.object(name));
    Stamp stamp;
    TENON_TRY(stamp.content, read_name(kContents, one, "content"));
    TENON_TRY(stamp.release_digest, read_digest(one, "release"));
    TENON_TRY(stamp.version, one.string("version"));
    TENON_TRY(stamp.sequence, one.integer("sequence"));
    TENON_TRY(stamp.images, read_digests(one, "images"));
    stamps.emplace(group, std::move(stamp));
  }
  return stamps;
}

}  // namespace tenon::client
