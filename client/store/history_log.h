// HistoryLog: a device's history in one file of its data folder, history.jsonl. It may be deleted; then it begins anew.
// Thread: one at a time; readers need no lock.
#pragma once

#include <tenon/client/ports/clock.h>
#include <tenon/client/ports/history.h>
#include <tenon/client/ports/reporter.h>
#include <tenon/client/store/folder.h>
#include <tenon/client/store/history_lines.h>

#include <filesystem>
#include <map>
#include <string>

namespace tenon::client {

class HistoryLog final : public History {
 public:
  // open Caller must keep clock and reporter alive, and hold the store's lock. Errors: E_STORAGE
  static Result<HistoryLog> open(const std::filesystem::path& data_folder, std::string boot_id, Clock& clock,
                                 Reporter& reporter);
  // read gives what is there, and nothing where there is no file yet. Errors: E_STORAGE
  static Result<ReadHistory> read(const std::filesystem::path& data_folder);

  // record A disk that fails is told to the reporter.
  void record(const Event& event) override;

  // When the file would be longer, the newest events are kept, half as much, and the others go.
  static constexpr std::size_t kMaxFileBytes = 128u << 10;

 private:
  HistoryLog(Folder folder, std::string boot_id, Clock& clock, Reporter& reporter)
      : folder_(std::move(folder)), boot_id_(std::move(boot_id)), clock_(&clock), reporter_(&reporter) {}

  Result<void> append(const StoredEvent& event);

  Folder folder_;
  std::string boot_id_;
  Clock* clock_;
  Reporter* reporter_;
};

}  // namespace tenon::client
