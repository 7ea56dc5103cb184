// AuditLog: what was shown, signed, refused, merged and trusted, one JSON object a line, each with the SHA-256 of the line
// before it. Nothing is ever taken back; whoever changes a line breaks the chain. Beside the log lies its head, so that a
// changed or lost last line shows too; whoever changes both has another head than the minutes quote.
// Thread: one; Home keeps a second process away.
#pragma once

#include <tenon/metadata/digest.h>
#include <tenon/metadata/json.h>
#include <tenon/metadata/utc_time.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace tenon::keyctl {

struct AuditEntry {
  metadata::UtcTime at;
  std::string event;  // "shown", "signed", "refused", "declined", "failed", "merged", "trusted", ...
  json::Object data;
};

// AuditState is the log as it was read.
struct AuditState {
  Sha256 head;  // of the last line; zeros for an empty log
  std::uint64_t lines = 0;
  std::vector<AuditEntry> entries = {};
  std::vector<std::uint64_t> torn = {};  // numbers of lines that a cut left unfinished; the chain goes on over them
};

class AuditLog {
 public:
  static constexpr std::size_t kMaxBytes = 64u << 20;

  explicit AuditLog(std::filesystem::path file) : file_(std::move(file)) {}

  // read checks the whole chain, and its end against the head. A log that is not there is empty.
  // Errors: E_MISMATCH, naming the first line that does not follow the one before, or for an end that is not the one that
  // was written last; E_PARSE; E_LIMIT; E_STORAGE
  Result<AuditState> read() const;

  // append has reached the disk when it returns. Errors: E_STORAGE; those of read.
  Result<void> append(const std::string& event, json::Object data, metadata::UtcTime now);

 private:
  // The head is written after the line: a cut between the two leaves the head of the line before.
  std::filesystem::path head_file() const { return file_.native() + ".head"; }
  Result<void> write_head(const Sha256& head) const;
  Result<void> check_head(const AuditState& state, const Sha256& before_last) const;

  std::filesystem::path file_;
};

}  // namespace tenon::keyctl
