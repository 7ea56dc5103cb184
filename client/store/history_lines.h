// The lines of a history: one JSON object each, so that a cut spoils no more than the last, and a person can read them.
// Pure.
// Thread: any.
#pragma once

#include <tenon/client/ports/history.h>
#include <tenon/metadata/bytes.h>
#include <tenon/metadata/json.h>

#include <string>
#include <vector>

namespace tenon::client {

inline constexpr std::size_t kMaxLineBytes = 4096;

// StoredEvent is an event with its place: number and boot tell it from all others of this device.
struct StoredEvent {
  std::int64_t number = 0;  // rises by one
  std::string at = {};      // UTC, by the device's clock: "2026-11-30T12:00:00Z"
  std::string boot_id = {};
  std::string kind = {};
  std::string version = {};
  std::int64_t sequence = 0;
  std::string reason = {};
  std::string text = {};
  bool operator==(const StoredEvent&) const = default;
};

json::Object event_json(const StoredEvent& event);

// write_line ends with a newline and is no longer than kMaxLineBytes: a text that is too long is cut.
std::string write_line(const StoredEvent& event);

struct ReadHistory {
  std::vector<StoredEvent> events;  // as they stand in the file, the oldest first
  std::size_t spoiled = 0;          // lines that are no events
};
// read_lines passes over what it cannot read.
ReadHistory read_lines(ByteView file);

}  // namespace tenon::client
