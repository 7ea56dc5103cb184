// The log: what was published when, and whose keys had signed it. A line of JSON for each publication, in DIR/log.jsonl:
//
//   {"at": "...", "timestamp": 12, "roles": [{"role": "rollout.demo", "version": 4, "signed_by": ["1234abcd..."]}],
//    "targets": ["demo/releases/1.0.0/<hash>.release.json"]}
//
// A line is written before the timestamp that makes it true: a line of a version that is not published is of a
// publication that was cut. It is a diary, trusted by nobody: who signed what, the metadata says.
#pragma once

#include <tenon/metadata/utc_time.h>
#include <tenon/repo_tools/file_writer.h>
#include <tenon/repo_tools/publication.h>

#include <string>
#include <vector>

namespace tenon::repo_tools {

struct LogEntry {
  struct Role {
    std::string role;  // a root as "root"
    std::int64_t version;
    std::vector<std::string> signed_by;  // keyids
    bool operator==(const Role&) const = default;
  };
  metadata::UtcTime at;
  std::int64_t timestamp;
  std::vector<Role> roles;
  std::vector<std::string> targets;

  // of gives what the log says of a publication.
  static LogEntry of(const Publication& publication, metadata::UtcTime now);
  static Result<LogEntry> parse(ByteView line);
  json::Value to_json() const;
  std::string to_text() const;  // for people: lines
  bool operator==(const LogEntry&) const = default;
};

// read_log gives all entries, oldest first. Errors: E_PARSE with the number of the line; E_STORAGE, E_LIMIT.
Result<std::vector<LogEntry>> read_log(const Repository& repository);

// append_to_log writes an entry in place of one of the same or a later timestamp, which never became true. Lines that
// cannot be read stay: no diary keeps a release back. A log above 64 MiB goes to log.jsonl.full, and a new one begins.
// Errors: E_STORAGE.
Result<void> append_to_log(const Repository& repository, FileWriter& writer, const LogEntry& entry);

}  // namespace tenon::repo_tools
