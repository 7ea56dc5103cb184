#include <tenon/hsm/file_io.h>
#include <tenon/keyctl/home.h>
#include <tenon/metadata/json_fields.h>
#include <tenon/metadata/limits.h>
#include <tenon/metadata/utf8.h>
#include <tenon/metadata/version.h>

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace tenon::keyctl {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kFormat = "tenon-signed-1";
constexpr std::size_t kMaxSignedBytes = 1u << 20;
constexpr std::size_t kMaxPolicyBytes = 1u << 20;

Error storage_error(const fs::path& path, std::string_view what) {
  return Error{ErrorCode::kStorage, printable(path.native()) + ": " + std::string(what) + ": " + std::strerror(errno)};
}

Result<std::optional<Bytes>> read_if_there(const fs::path& path, std::size_t max_bytes) {
  // What cannot be looked at is damaged, never absent: an absent memory would trust anything.
  std::error_code error;
  const fs::file_status status = fs::symlink_status(path, error);
  if (status.type() == fs::file_type::not_found) return std::optional<Bytes>();
  TENON_TRY(Bytes content, hsm::read_file(path, max_bytes));
  return std::optional(std::move(content));
}

Result<std::map<std::string, SignedMark>> parse_marks(ByteView file) {
  TENON_TRY(const json::Value value, json::parse(file, {.max_bytes = kMaxSignedBytes}));
  TENON_TRY(json::Fields fields, json::Fields::of(value, "signed.json"));
  TENON_TRY(const std::string format, fields.string("format"));
  if (format != kFormat) return fields.error("format is \"" + printable(format, 40) + "\"");
  TENON_TRY(const json::Fields roles, fields.object("roles"));
  TENON_TRY_VOID(fields.finish());
  std::map<std::string, SignedMark> marks;
  for (const json::Member& member : roles.all()) {
    TENON_TRY(json::Fields role, json::Fields::of(member.value, "signed.json: " + printable(member.name, 80)));
    TENON_TRY(const std::int64_t version, role.integer("version"));
    TENON_TRY_VOID(metadata::Version::create(version));
    TENON_TRY(const std::string payload, role.string("payload_sha256"));
    TENON_TRY(const Sha256 digest, Sha256::parse(payload));
    TENON_TRY_VOID(role.finish());
    marks.emplace(member.name, SignedMark{version, digest});
  }
  return marks;
}

std::string write_marks(const std::map<std::string, SignedMark>& marks) {
  json::Object roles;
  for (const auto& [role, mark] : marks) {
    json::Object object;
    object.set("version", mark.version);
    object.set("payload_sha256", mark.payload.hex());
    roles.set(role, std::move(object));
  }
  json::Object file;
  file.set("format", std::string(kFormat));
  file.set("roles", std::move(roles));
  return json::to_text(file, 1) + "\n";
}

// A rehearsal that begins anew leaves nothing of the one before; of what is meant nothing is ever forgotten.
Result<void> keep(const fs::path& path, const std::optional<Bytes>& before, const std::optional<Bytes>& now,
                  const Subject& subject) {
  if (now == before) return {};
  if (now) return hsm::replace_file(path, *now, hsm::FileMode::kPrivate);
  if (subject.rehearsal && ::unlink(path.c_str()) != 0) return storage_error(path, "cannot remove it");
  return {};
}

Result<void> make_private_folder(const fs::path& folder) {
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) return storage_error(folder, "cannot make the folder");
  struct stat status {};
  if (::stat(folder.c_str(), &status) != 0) return storage_error(folder, "cannot look at it");
  if (!S_ISDIR(status.st_mode)) return Error{ErrorCode::kStorage, printable(folder.native()) + ": is no folder"};
  if (status.st_uid != ::geteuid() || (status.st_mode & 022) != 0) {
    return Error{ErrorCode::kAuth,
                 printable(folder.native()) + ": others can write to it; what it says would be anybody's word",
                 "chmod 700 " + printable(folder.native()) + ", or choose a folder of your own with --home"};
  }
  return {};
}

}  // namespace

Result<Home> Home::open(const fs::path& folder) {
  TENON_TRY_VOID(make_private_folder(folder));
  hsm::FileDescriptor lock(::open((folder / "lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!lock) return storage_error(folder / "lock", "cannot open it");
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    return Error{ErrorCode::kBusy, printable(folder.native()) + ": another tenon-keyctl is using it",
                 "wait for it, or choose another folder with --home"};
  }
  return Home(folder, std::move(lock));
}

Result<AuditState> Home::read_log() const {
  TENON_TRY(AuditState state, audit_.read());
  if (state.lines > 0) return state;
  for (const char* subjects : {kRepositories, kRehearsals}) {
    std::error_code error;
    for (const fs::directory_entry& entry : fs::directory_iterator(folder_ / subjects, error)) {
      if (!fs::exists(entry.path() / "signed.json", error)) continue;
      return Error{ErrorCode::kMismatch, "the audit log is empty, and something was signed here",
                   "keep this folder as it is, and compare with the minutes of the last ceremony"};
    }
  }
  return state;
}

Result<Memory> Home::recall(const Subject& subject) const {
  const fs::path folder = folder_of(subject);
  Memory memory;
  TENON_TRY(memory.root, read_if_there(folder / "root.json", metadata::Limits().root_bytes));
  TENON_TRY(memory.policy, read_if_there(folder / "policy.json", kMaxPolicyBytes));
  TENON_TRY(const std::optional<Bytes> marks, read_if_there(folder / "signed.json", kMaxSignedBytes));
  if (marks) {
    TENON_TRY(memory.marks, parse_marks(*marks).with_context(printable(folder.native())));
  }
  return memory;
}

// Marks first: whatever is cut after them, nothing that was signed is forgotten.
Result<void> Home::remember(const Subject& subject, const Memory& memory) {
  const fs::path folder = folder_of(subject);
  TENON_TRY_VOID(make_private_folder(folder.parent_path()));
  TENON_TRY_VOID(make_private_folder(folder));
  TENON_TRY(const Memory before, recall(subject));
  if (memory.marks != before.marks) {
    TENON_TRY_VOID(
        hsm::replace_file(folder / "signed.json", as_bytes(write_marks(memory.marks)), hsm::FileMode::kPrivate));
  }
  TENON_TRY_VOID(keep(folder / "root.json", before.root, memory.root, subject));
  return keep(folder / "policy.json", before.policy, memory.policy, subject);
}

}  // namespace tenon::keyctl
