// The doctor's checks of what a device keeps: its data folder, what it trusts, its slots.
#include <tenon/client/config/text_file.h>
#include <tenon/client/daemon/doctor.h>
#include <tenon/client/daemon/release_file.h>
#include <tenon/client/slots/file_slots.h>
#include <tenon/metadata/authentic.h>
#include <tenon/metadata/json_fields.h>
#include <tenon/metadata/role_name.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include <sys/statvfs.h>

namespace tenon::client {
namespace {

constexpr std::uint64_t kLeastRoom = 1u << 20;    // bytes: the records, a history written anew, a larger targets.json
constexpr std::uint64_t kLittleRoom = 16u << 20;  // a metadata file is never larger
constexpr std::int64_t kClockTolerance = 3600;    // seconds
constexpr std::int64_t kDay = 24 * 3600;
constexpr std::int64_t kSoon = 14 * kDay;  // until a root ends: people have to meet before that

struct NamedRecord {
  Record record;
  const char* name;
  const char* when_lost;  // what both copies damaged mean
};
constexpr std::array kRecords = {
    NamedRecord{Record::kFloors, "floors", "the sequence of the running image counts, and mark-bad is refused"},
    NamedRecord{Record::kJournal, "journal", "what failed here before is forgotten"},
    NamedRecord{Record::kCheckpoint, "checkpoint", "an update begins with looking at its slot"},
    NamedRecord{Record::kStamps, "stamps", "what the other slot group holds is not known"},
    NamedRecord{Record::kDeferral, "deferral", "updates wait for nobody"}};

Finding examine_folder(const DeviceConfig& config) {
  struct statvfs disk = {};
  if (::statvfs(config.data.c_str(), &disk) != 0) {
    return {"data_folder", Grade::kProblem, config.data + ": " + std::strerror(errno), "mount the data partition"};
  }
  const std::uint64_t room = std::uint64_t{disk.f_bavail} * disk.f_frsize;
  const std::string text = config.data + " has " + std::to_string(room >> 20) + " MiB left";
  if ((disk.f_flag & ST_RDONLY) != 0) {
    return {"data_folder", Grade::kProblem, config.data + " cannot be written: its file system is mounted read-only",
            "mount it for writing; after an error of the disk look at the kernel's log first"};
  }
  const bool has_no_inodes = disk.f_files > 0 && disk.f_favail == 0;
  if (room < kLeastRoom || has_no_inodes) {
    return {"data_folder", Grade::kProblem, text + (has_no_inodes ? ", and no inode" : ""), "make room there"};
  }
  return {"data_folder", room < kLittleRoom ? Grade::kWarning : Grade::kOk, text,
          room < kLittleRoom ? "make room there" : ""};
}

Finding examine_record(FileStore& store, const NamedRecord& named) {
  const std::string name = named.name;
  const Result<RecordContent> content = store.load(named.record);
  const Result<std::size_t> spoiled = store.spoiled(named.record);
  if (!content) return found(name, Grade::kProblem, content.error());
  if (!spoiled) return found(name, Grade::kProblem, spoiled.error());
  if (std::holds_alternative<Absent>(*content)) return {name, Grade::kOk, "none yet"};
  if (std::holds_alternative<Damaged>(*content)) {
    return {name, named.record == Record::kFloors ? Grade::kProblem : Grade::kWarning,
            "no copy is whole: " + std::string(named.when_lost),
            "the next update writes it anew; look at the kernel's log for errors of the disk"};
  }
  if (*spoiled > 0) {
    return {name, Grade::kWarning, "one copy is damaged, the other one is in force",
            "the next write makes it whole; if it stays damaged, the medium is worn out"};
  }
  return {name, Grade::kOk, "readable"};
}

struct Expiry {
  std::string what;
  metadata::UtcTime at;
};

// The file was verified when it was stored, and is verified again when it is used: here its words are enough.
Result<Expiry> expiry_of(const std::string& file_name, ByteView file) {
  TENON_TRY(const metadata::Envelope envelope, metadata::Envelope::parse(file, metadata::Limits{}.listed_bytes));
  TENON_TRY(json::Fields fields, json::Fields::of(envelope.signed_part(), file_name));
  TENON_TRY(const std::string text, fields.string("expires"));
  TENON_TRY(const metadata::UtcTime at, metadata::UtcTime::parse(text));
  return Expiry{file_name, at};
}

Finding examine_expiry(const std::string& check, const Expiry& expiry, metadata::UtcTime now, std::int64_t soon,
                       const std::string& advice) {
  const std::int64_t left = expiry.at.unix_seconds() - now.unix_seconds();
  if (left <= 0) return {check, Grade::kProblem, expiry.what + " expired " + expiry.at.text(), advice};
  const bool is_soon = left < soon;
  return {check, is_soon ? Grade::kWarning : Grade::kOk,
          expiry.what + " is valid for " + std::to_string(left / kDay) + " days, until " + expiry.at.text(),
          is_soon ? advice : ""};
}

// The newest root that is stored behind the one that the device was made with.
Finding examine_root(const DeviceConfig& config, FileStore& store, metadata::UtcTime now) {
  constexpr const char* kAdvice = "put the root that this device was made with there: it is in every image";
  const Result<std::string> text = read_text_file(config.root);
  if (!text) return found("root", Grade::kProblem, text.error(), kAdvice);
  Result<metadata::Authentic<metadata::Root>> embedded = metadata::embedded_root(to_bytes(*text));
  if (!embedded) return found("root", Grade::kProblem, std::move(embedded).error().context(config.root), kAdvice);
  Expiry newest{config.root, (*embedded)->header.expires};
  Result<metadata::Version> next = (*embedded)->header.version.next();
  while (next) {
    const std::string name = std::to_string(next->value()) + ".root.json";
    const std::optional<Bytes> file = store.load(name);
    if (!file) break;
    const Result<Expiry> expiry = expiry_of(name, *file);
    if (!expiry) return found("root", Grade::kWarning, expiry.error());
    newest = *expiry;
    next = next->next();
  }
  return examine_expiry(
      "root", newest, now, kSoon,
      "a new root has to be signed and published before that; the device fetches it with its next check");
}

Finding examine_metadata(const DeviceConfig& config, FileStore& store, metadata::UtcTime now) {
  std::vector<std::string> names = {"timestamp.json", "snapshot.json", "targets.json"};
  for (const std::string& role : {policies::releases_role(config.product), policies::rollout_role(config.product)}) {
    if (const auto name = metadata::RoleName::parse_delegated(role)) names.push_back(name->file_name());
  }
  std::optional<Expiry> first;
  for (const std::string& name : names) {
    const std::optional<Bytes> file = store.load(name);
    if (!file) continue;
    const Result<Expiry> expiry = expiry_of(name, *file);
    if (!expiry) {
      return {"metadata", Grade::kWarning, "what is stored cannot be read: " + expiry.error().message,
              "it is fetched again by the next check; look at the kernel's log for errors of the disk"};
    }
    if (!first || expiry->at < first->at) first = *expiry;
  }
  if (!first) {
    return {"metadata", Grade::kWarning, "nothing is stored yet: this device has never seen its repository",
            "run: tenon check"};
  }
  return examine_expiry("metadata", *first, now, 0,
                        "this device has not seen its repository lately, or that is not signed anew: run tenon check");
}

Finding examine_clock(const DeviceConfig& config, FileStore& store, metadata::UtcTime now) {
  metadata::UtcTime earliest = metadata::UtcTime::epoch();
  if (const auto text = read_text_file(config.release_file)) {
    const Result<RunningImage> image = parse_release_file(*text);
    if (image && image->build_time) earliest = *image->build_time;
  }
  const Result<RecordContent> content = store.load(Record::kFloors);
  if (const Bytes* bytes = content ? std::get_if<Bytes>(&*content) : nullptr) {
    const Result<Floors> floors = read_floors(*bytes);
    if (floors && floors->versions.issued) earliest = std::max(earliest, *floors->versions.issued);
  }
  if (now.plus_seconds(kClockTolerance) >= earliest) return {"clock", Grade::kOk, now.text()};
  return {"clock", Grade::kProblem, "it says " + now.text() + ", but it is " + earliest.text() + " or later",
          "set the clock: with a wrong one nobody can tell what has expired since"};
}

Finding examine_release_file(const DeviceConfig& config) {
  const Result<std::string> text = read_text_file(config.release_file);
  const Result<RunningImage> image = text ? parse_release_file(*text) : text.error();
  const std::string advice = "put TENON_VERSION and TENON_SEQUENCE into " + config.release_file + " of every image";
  if (!image) return {"release_file", Grade::kWarning, image.error().message, advice};
  if (!image->version || !image->sequence) {
    return {"release_file", Grade::kWarning, config.release_file + " lacks the version or the sequence", advice};
  }
  return {"release_file", Grade::kOk,
          image->version->text() + ", sequence " + std::to_string(image->sequence->value())};
}

}  // namespace

Findings examine_store(const DeviceConfig& config) {
  Findings findings = {examine_release_file(config), examine_folder(config)};
  const Result<std::unique_ptr<FileStore>> store = FileStore::open_for_reading(config.data);
  if (!store) {
    findings.back() = found("data_folder", Grade::kProblem, store.error());
    return findings;
  }
  for (const NamedRecord& named : kRecords) findings.push_back(examine_record(**store, named));
  return findings;
}

Findings examine_trust(const DeviceConfig& config, metadata::UtcTime now) {
  const Result<std::unique_ptr<FileStore>> store = FileStore::open_for_reading(config.data);
  if (!store) return {};
  return {examine_root(config, **store, now), examine_metadata(config, **store, now),
          examine_clock(config, **store, now)};
}

Findings examine_slots(const DeviceConfig& config, SlotGroup running, Reporter& reporter) {
  Findings findings;
  FileSlots slots(config.slots, reporter, "/proc/self/mountinfo", PartitionFinder(), config.recovery);
  std::set<std::string, std::less<>> classes = slots.classes(SlotGroup::kA);
  classes.merge(slots.classes(SlotGroup::kB));
  for (const std::string& slot_class : classes) {
    const std::string check = "slot_" + slot_class;
    const Result<std::uint64_t> a = slots.size_of(SlotGroup::kA, slot_class, running);
    const Result<std::uint64_t> b = slots.size_of(SlotGroup::kB, slot_class, running);
    for (const auto* size : {&a, &b}) {
      if (!*size) findings.push_back(found(check, Grade::kProblem, size->error()));
    }
    if (!a || !b) continue;
    if (*a != *b) {
      findings.push_back({check, Grade::kWarning, "A has " + std::to_string(*a) + " bytes and B " + std::to_string(*b),
                          "an image that fits the larger one alone is refused every other time: make them equal"});
    } else {
      findings.push_back({check, Grade::kOk, "both have " + std::to_string(*a >> 20) + " MiB"});
    }
  }
  return findings;
}

}  // namespace tenon::client
