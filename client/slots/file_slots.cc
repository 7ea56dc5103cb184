#include <tenon/client/slots/file_slot.h>
#include <tenon/client/slots/file_slots.h>
#include <tenon/client/slots/mounts.h>
#include <tenon/client/slots/partition_name.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <optional>
#include <sstream>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

namespace tenon::client {
namespace {

std::string slot_name(SlotGroup group, std::string_view slot_class) {
  return "slot " + std::string(to_string(group)) + " " + std::string(slot_class);
}

// Place is a slot of the configuration, or a kept place: what it is called, and where it is.
struct Place {
  std::string name;
  std::filesystem::path path;
  std::string partition = {};        // its name, when the configuration has no path
  std::optional<dev_t> number = {};  // of the device that the partition is, as the kernel says

  std::string shown() const { return name + " (" + (partition.empty() ? "" : partition + ", ") + path.string() + ")"; }
};

// Identity is what makes two paths the same place: for a block device its number, whatever node it was reached by; for
// a file its inode, whatever link.
struct Identity {
  bool is_device = false;
  dev_t device = 0;
  ino_t inode = 0;
  bool operator==(const Identity&) const = default;
};

Error errno_error(const Place& place, const std::string& what) {
  const int error = errno;
  Error result{ErrorCode::kStorage, place.shown() + " " + what + ": " + std::strerror(error)};
  if (error == ENOENT) result.hint = "check the slot's path in the configuration, and that its partition exists";
  if (error == EACCES || error == EPERM) result.hint = "the program that writes slots has to run as root";
  if (error == ELOOP) result.hint = "the slot's path is a circle of symbolic links";
  return result;
}

// Opens without access to the content: nothing is read, written or claimed, and no driver is asked.
Result<SlotDescriptor> look_at(const Place& place) {
  SlotDescriptor file(::open(place.path.c_str(), O_PATH | O_CLOEXEC));
  if (!file) return errno_error(place, "cannot be found");
  return file;
}

Result<Identity> identify(const Place& place, const SlotDescriptor& file) {
  struct stat status = {};
  if (::fstat(file.get(), &status) != 0) return errno_error(place, "cannot be examined");
  const bool is_device = S_ISBLK(status.st_mode);
  if (place.number && (!is_device || status.st_rdev != *place.number)) {
    return Error{ErrorCode::kHw, place.shown() + " is not the device that the kernel means",
                 "/dev has to be the kernel's own: mount devtmpfs there"};
  }
  if (is_device) return Identity{true, status.st_rdev, 0};
  if (S_ISREG(status.st_mode)) return Identity{false, status.st_dev, status.st_ino};
  return Error{ErrorCode::kStorage, place.shown() + " is neither a block device nor a plain file",
               "check the slot's path in the configuration"};
}

// Locator finds out where the slots of the configuration are now: disks come and go.
struct Locator {
  const SlotPaths& paths;
  const KeptPaths& kept;
  const PartitionFinder& partitions;
  Reporter& reporter;
  std::set<std::string, std::less<>>& told;

  Result<Place> locate(std::string shown_name, const std::filesystem::path& configured) const {
    TENON_TRY(const std::optional<PartitionName> name, PartitionName::parse(configured.native()));
    if (!name) return Place{std::move(shown_name), configured};
    auto found = partitions.find(*name);
    if (!found) return std::move(found).error().context(shown_name);
    if (!found->remark.empty() && told.insert(found->remark).second) reporter.warn(found->remark);
    return Place{std::move(shown_name), found->node, name->text(), makedev(found->device_major, found->device_minor)};
  }
};

Result<Place> find_place(const Locator& locator, SlotGroup group, std::string_view slot_class) {
  if (const auto classes = locator.paths.find(group); classes != locator.paths.end()) {
    const auto path = classes->second.find(slot_class);
    if (path != classes->second.end()) return locator.locate(slot_name(group, slot_class), path->second);
  }
  return Error{ErrorCode::kHw,
               "group " + std::string(to_string(group)) + " has no slot of class " + std::string(slot_class),
               "the image is for other hardware, or the configuration names too few slots"};
}

Result<void> check_is_not(const Locator& locator, std::string name, const std::filesystem::path& path,
                          const Place& place, const Identity& identity) {
  TENON_TRY(const Place other, locator.locate(std::move(name), path));
  TENON_TRY(const SlotDescriptor file, look_at(other));
  TENON_TRY(const Identity other_identity, identify(other, file));
  if (other_identity != identity) return {};
  return Error{ErrorCode::kPolicy, place.shown() + " is the same device or file as " + other.shown(),
               "give every slot a partition of its own in the configuration"};
}

Result<void> check_alone(const Locator& locator, const Place& place, const Identity& identity) {
  for (const auto& [group, classes] : locator.paths) {
    for (const auto& [slot_class, path] : classes) {
      const std::string name = slot_name(group, slot_class);
      if (name != place.name) TENON_TRY_VOID(check_is_not(locator, name, path, place, identity));
    }
  }
  for (const auto& [slot_class, path] : locator.kept) {
    TENON_TRY_VOID(check_is_not(locator, "recovery " + slot_class, path, place, identity));
  }
  return {};
}

std::optional<dev_t> device_at(const std::string& path) {
  struct stat status = {};
  if (!path.starts_with('/') || ::stat(path.c_str(), &status) != 0) return std::nullopt;
  if (!S_ISBLK(status.st_mode)) return std::nullopt;
  return status.st_rdev;
}

Result<void> check_not_mounted(const Place& place, const Identity& identity, const std::filesystem::path& mountinfo) {
  if (!identity.is_device) return {};
  std::ifstream file(mountinfo, std::ios::binary);
  std::ostringstream content;
  content << file.rdbuf();
  const std::string text = content.str();
  if (!file || text.empty()) {
    return Error{ErrorCode::kStorage, mountinfo.string() + " cannot be read, so what is mounted is not known",
                 "mount /proc"};
  }
  for (const Mount& mount : parse_mounts(text)) {
    const bool same_number = makedev(mount.device_major, mount.device_minor) == identity.device;
    if (!same_number && device_at(mount.source) != identity.device) continue;
    return Error{ErrorCode::kPolicy, place.shown() + " is mounted at " + mount.mount_point, "unmount it first"};
  }
  return {};
}

// Opens what was looked at, not what the path may lead to by now.
Result<SlotDescriptor> reopen(const Place& place, const SlotDescriptor& looked_at, int flags) {
  const std::string same = "/proc/self/fd/" + std::to_string(looked_at.get());
  SlotDescriptor file(::open(same.c_str(), flags | O_CLOEXEC));
  if (file) return file;
  if (errno == EBUSY) {
    return Error{ErrorCode::kPolicy,
                 place.shown() + " is in use: the kernel has it mounted, or as a part of another device",
                 "find the user with lsblk, and unmount it or take it apart"};
  }
  return errno_error(place, "cannot be opened");
}

}  // namespace

FileSlots::FileSlots(SlotPaths paths, Reporter& reporter, std::filesystem::path mountinfo, PartitionFinder partitions,
                     KeptPaths kept)
    : paths_(std::move(paths)),
      reporter_(&reporter),
      mountinfo_(std::move(mountinfo)),
      partitions_(std::move(partitions)),
      kept_(std::move(kept)) {}

std::set<std::string, std::less<>> FileSlots::classes(SlotGroup group) const {
  std::set<std::string, std::less<>> names;
  if (const auto slots = paths_.find(group); slots != paths_.end()) {
    for (const auto& [slot_class, path] : slots->second) names.insert(slot_class);
  }
  return names;
}

Result<std::unique_ptr<Slot>> FileSlots::open_for_reading(SlotGroup group, std::string_view slot_class) {
  TENON_TRY(const Place place, find_place({paths_, kept_, partitions_, *reporter_, told_}, group, slot_class));
  TENON_TRY(const SlotDescriptor looked_at, look_at(place));
  TENON_TRY_VOID(identify(place, looked_at));
  TENON_TRY(SlotDescriptor file, reopen(place, looked_at, O_RDONLY));
  return FileSlot::take(std::move(file), place.shown());
}

Result<std::uint64_t> FileSlots::size_of(SlotGroup group, std::string_view slot_class, SlotGroup running) {
  const Locator locator{paths_, kept_, partitions_, *reporter_, told_};
  TENON_TRY(const Place place, find_place(locator, group, slot_class));
  TENON_TRY(const SlotDescriptor looked_at, look_at(place));
  TENON_TRY(const Identity identity, identify(place, looked_at));
  TENON_TRY_VOID(check_alone(locator, place, identity));
  if (group != running) TENON_TRY_VOID(check_not_mounted(place, identity, mountinfo_));
  TENON_TRY(SlotDescriptor file, reopen(place, looked_at, O_RDONLY));
  TENON_TRY(const std::unique_ptr<Slot> slot, FileSlot::take(std::move(file), place.shown()));
  return slot->size();
}

Result<std::unique_ptr<Slot>> FileSlots::open_for_writing(SlotGroup group, std::string_view slot_class,
                                                          SlotGroup running) {
  const Locator locator{paths_, kept_, partitions_, *reporter_, told_};
  TENON_TRY(const Place place, find_place(locator, group, slot_class));
  if (group == running) {
    return Error{ErrorCode::kPolicy, place.shown() + " belongs to the group that is running",
                 "an update goes to the other group"};
  }
  TENON_TRY(const SlotDescriptor looked_at, look_at(place));
  TENON_TRY(const Identity identity, identify(place, looked_at));
  TENON_TRY_VOID(check_alone(locator, place, identity));
  TENON_TRY_VOID(check_not_mounted(place, identity, mountinfo_));
  // O_EXCL on a block device: the kernel refuses while it, or a part of it, is mounted or claimed, and lets nobody
  // mount it until we are done. For a plain file it has no meaning.
  TENON_TRY(SlotDescriptor file, reopen(place, looked_at, identity.is_device ? O_RDWR | O_EXCL : O_RDWR));
  return FileSlot::take(std::move(file), place.shown());
}

}  // namespace tenon::client
