#include <tenon/hsm/file_descriptor.h>
#include <tenon/hsm/file_io.h>
#include <tenon/keyctl/audit_log.h>
#include <tenon/metadata/json_fields.h>
#include <tenon/metadata/utf8.h>

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <sys/stat.h>

namespace tenon::keyctl {
namespace {

constexpr std::size_t kMaxLineBytes = 1u << 20;

struct Line {
  AuditEntry entry;
  Sha256 previous;
};

Result<Line> parse_line(std::string_view text) {
  TENON_TRY(const json::Value value, json::parse(as_bytes(text), {.max_bytes = kMaxLineBytes}));
  TENON_TRY(json::Fields fields, json::Fields::of(value, "audit log"));
  TENON_TRY(const std::string at_text, fields.string("at"));
  TENON_TRY(const metadata::UtcTime at, metadata::UtcTime::parse(at_text));
  TENON_TRY(std::string event, fields.string("event"));
  TENON_TRY(const json::Fields data, fields.object("data"));
  TENON_TRY(const std::string previous_text, fields.string("previous"));
  TENON_TRY(const Sha256 previous, Sha256::parse(previous_text));
  TENON_TRY_VOID(fields.finish());
  return Line{{at, std::move(event), data.all()}, previous};
}

std::string write_line(const AuditEntry& entry, const Sha256& previous) {
  json::Object object;
  object.set("at", entry.at.text());
  object.set("event", entry.event);
  object.set("data", entry.data);
  object.set("previous", previous.hex());
  return json::to_text(object);
}

Error storage_error(const std::filesystem::path& path, std::string_view what) {
  return Error{ErrorCode::kStorage, printable(path.native()) + ": " + std::string(what) + ": " + std::strerror(errno)};
}

Error broken_at(std::uint64_t line, std::string_view what) {
  return Error{ErrorCode::kMismatch, "audit log, line " + std::to_string(line) + ": " + std::string(what),
               "the log was changed or damaged; keep it as it is, and compare with the minutes and a copy"};
}

// What cannot be looked at is there.
bool is_there(const std::filesystem::path& path) {
  std::error_code error;
  return std::filesystem::symlink_status(path, error).type() != std::filesystem::file_type::not_found;
}

}  // namespace

Result<void> AuditLog::check_head(const AuditState& state, const Sha256& before_last) const {
  if (!is_there(head_file())) {
    return state.lines <= 1 ? Result<void>() : Result<void>(broken_at(state.lines, "the head of the log is missing"));
  }
  constexpr std::size_t kHexDigits = 64;
  TENON_TRY(const Bytes text, hsm::read_file(head_file(), kHexDigits));
  TENON_TRY(const Sha256 head, Sha256::parse(as_text(text)).with_context(printable(head_file().native())));
  if (head == state.head || head == before_last) return {};
  return broken_at(state.lines, "is not the line that was written last");
}

Result<void> AuditLog::write_head(const Sha256& head) const {
  if (const Result<Bytes> now = hsm::read_file(head_file(), head.hex().size()); now && as_text(*now) == head.hex()) {
    return {};
  }
  return hsm::replace_file(head_file(), as_bytes(head.hex()), hsm::FileMode::kPrivate);
}

Result<AuditState> AuditLog::read() const {
  AuditState state;
  Sha256 before_last;
  Bytes content;
  if (is_there(file_)) {
    TENON_TRY(content, hsm::read_file(file_, kMaxBytes));
  }
  std::string_view rest = as_text(content);
  while (!rest.empty()) {
    const std::size_t end = rest.find('\n');
    const std::string_view text = rest.substr(0, end);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    ++state.lines;
    Result<Line> line = parse_line(text);
    if (line && line->previous != state.head) return broken_at(state.lines, "does not follow the line before it");
    if (line) {
      state.entries.push_back(std::move(line->entry));
    } else {
      state.torn.push_back(state.lines);  // what follows must quote it, or the chain ends here
    }
    before_last = state.head;
    state.head = Sha256::of(as_bytes(text));
  }
  TENON_TRY_VOID(check_head(state, before_last));
  return state;
}

Result<void> AuditLog::append(const std::string& event, json::Object data, metadata::UtcTime now) {
  TENON_TRY(const AuditState state, read());
  // A cut may have left the head one line behind; two behind would be a broken log.
  if (state.lines > 0) TENON_TRY_VOID(write_head(state.head));
  const hsm::FileDescriptor fd(::open(file_.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd) return storage_error(file_, "cannot open the audit log");
  const off_t size = ::lseek(fd.get(), 0, SEEK_END);
  char last = '\n';
  if (size > 0 && ::pread(fd.get(), &last, 1, size - 1) != 1) return storage_error(file_, "cannot read the audit log");
  const std::string entry = write_line({now, event, std::move(data)}, state.head);
  const std::string line = (last == '\n' ? "" : "\n") + entry + "\n";
  // One write: a cut leaves the line or a part of it, never two halves of two.
  if (::write(fd.get(), line.data(), line.size()) != static_cast<ssize_t>(line.size())) {
    return storage_error(file_, "cannot write to the audit log");
  }
  if (::fsync(fd.get()) != 0) return storage_error(file_, "cannot sync the audit log");
  return write_head(Sha256::of(as_bytes(entry)));
}

}  // namespace tenon::keyctl
