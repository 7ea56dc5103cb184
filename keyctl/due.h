// tenon-keyctl status: what expires when, and what should be signed again. For cron and calendars: the exit status says
// whether anything is due.
// Thread: safe; nothing is read or written here.
#pragma once

#include <tenon/keyctl/report.h>
#include <tenon/metadata/utc_time.h>

#include <string>
#include <vector>

namespace tenon::keyctl {

// Deadline is a signed document and the end of its life.
struct Deadline {
  std::string file;  // for people
  std::string role;
  std::int64_t version = 1;
  metadata::UtcTime expires;
};

// read_deadline reads the header of any signed metadata, policies too; it verifies nothing. Errors: E_PARSE, E_LIMIT.
Result<Deadline> read_deadline(std::string file_name, ByteView content);

// describe_deadlines gives a table, soonest first. Units: window in seconds: what expires within it is due.
// Returns: status 7 if anything is due or expired.
Report describe_deadlines(std::vector<Deadline> deadlines, std::int64_t window_seconds, metadata::UtcTime now);

// calendar gives the same as iCalendar (RFC 5545): one event for each document, on the day its window opens.
std::string calendar(const std::vector<Deadline>& deadlines, std::int64_t window_seconds, metadata::UtcTime now);

}  // namespace tenon::keyctl
