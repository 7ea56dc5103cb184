#include <tenon/client/store/history_log.h>

#include <algorithm>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace tenon::client {
namespace {

constexpr const char* kFileName = "history.jsonl";
constexpr std::size_t kMostReadBytes = 4 * HistoryLog::kMaxFileBytes;  // somebody else wrote to it

Result<Bytes> content_of(const Folder& folder) {
  TENON_TRY(const std::optional<FileDescriptor> file, folder.open_file(kFileName, O_RDONLY));
  if (!file) return Bytes();
  Bytes content(kMostReadBytes);
  TENON_TRY(const std::size_t size, read_all(*file, 0, content, folder.shown(kFileName)));
  content.resize(size);
  return content;
}

// What is asked again every hour, and fails or is refused again.
bool is_of_asking(const StoredEvent& event) {
  return event.kind == to_string(EventKind::kDecision) || event.kind == to_string(EventKind::kFailure);
}

// A boot of a trial is one of its tries, whatever the ones before said. Texts of failures name the time and the server.
bool says_the_same(const StoredEvent& one, const StoredEvent& other) {
  if (one.kind != other.kind) return false;
  if (one.kind == to_string(EventKind::kFailure)) return one.version == other.version && one.reason == other.reason;
  const bool is_of_a_boot = one.kind == to_string(EventKind::kTrial) || one.kind == to_string(EventKind::kUnhealthy);
  return (!is_of_a_boot || one.boot_id == other.boot_id) && one.version == other.version &&
         one.sequence == other.sequence && one.reason == other.reason && one.text == other.text;
}

}  // namespace

Result<HistoryLog> HistoryLog::open(const std::filesystem::path& data_folder, std::string boot_id, Clock& clock,
                                    Reporter& reporter) {
  TENON_TRY(Folder folder, Folder::open(data_folder));
  return HistoryLog(std::move(folder), std::move(boot_id), clock, reporter);
}

Result<ReadHistory> HistoryLog::read(const std::filesystem::path& data_folder) {
  TENON_TRY(const Folder folder, Folder::open(data_folder));
  TENON_TRY(const Bytes content, content_of(folder));
  return read_lines(content);
}

void HistoryLog::record(const Event& event) {
  const Result<void> kept = append({.at = clock_->now().text(),
                                    .boot_id = boot_id_,
                                    .kind = std::string(to_string(event.kind)),
                                    .version = event.version,
                                    .sequence = event.sequence,
                                    .reason = event.reason,
                                    .text = event.text});
  if (!kept) reporter_->warn("the history is not kept: " + kept.error().message);
}

Result<void> HistoryLog::append(const StoredEvent& event) {
  TENON_TRY(const Bytes content, content_of(folder_));
  ReadHistory history = read_lines(content);
  StoredEvent next = event;
  next.number = history.events.empty() ? 1 : history.events.back().number + 1;
  std::string line = write_line(next);
  const ReadHistory as_read = read_lines(to_bytes(line));
  if (as_read.events.empty()) return Error{ErrorCode::kLimit, "an event does not fit a line"};
  // The newest of its kind, since the device last went on; or, of how it goes on, the newest.
  const auto last = std::find_if(history.events.rbegin(), history.events.rend(),
                                 [&](const StoredEvent& one) { return one.kind == next.kind || !is_of_asking(one); });
  if (last != history.events.rend() && says_the_same(*last, as_read.events.front())) return {};

  if (content.size() + line.size() > kMaxFileBytes) {
    std::string kept;
    for (auto old = history.events.rbegin(); old != history.events.rend(); ++old) {
      const std::string older = write_line(*old);
      if (kept.size() + older.size() > kMaxFileBytes / 2) break;
      kept.insert(0, older);
    }
    return folder_.replace(kFileName, to_bytes(kept + line));
  }
  TENON_TRY(const std::optional<FileDescriptor> file, folder_.open_file(kFileName, O_WRONLY | O_CREAT));
  if (!file) return Error{ErrorCode::kStorage, folder_.shown(kFileName) + ": cannot be made"};
  if (!content.empty() && content.back() != '\n') line.insert(0, "\n");  // behind a line that a cut spoiled
  TENON_TRY_VOID(write_all(*file, content.size(), to_bytes(line), folder_.shown(kFileName)));
  if (::fdatasync(file->get()) != 0) return storage_error("cannot be made durable", folder_.shown(kFileName));
  return content.empty() ? folder_.sync() : Result<void>();
}

}  // namespace tenon::client
