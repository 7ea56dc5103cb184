#include <tenon/client/store/history_lines.h>
#include <tenon/metadata/json_fields.h>
#include <tenon/metadata/utf8.h>

#include <algorithm>

namespace tenon::client {
namespace {

constexpr std::size_t kMaxTextBytes = 1000;
constexpr std::size_t kMaxWordBytes = 128;
constexpr json::Limits kLimits{.max_bytes = kMaxLineBytes, .max_depth = 2, .max_values = 64};

Result<StoredEvent> read_line(ByteView line) {
  TENON_TRY(const json::Value value, json::parse(line, kLimits));
  TENON_TRY(json::Fields fields, json::Fields::of(value, "event"));
  StoredEvent event;
  TENON_TRY(event.number, fields.integer("number"));
  TENON_TRY(event.at, fields.string("at"));
  TENON_TRY(event.boot_id, fields.string("boot_id"));
  TENON_TRY(event.kind, fields.string("kind"));
  TENON_TRY(event.version, fields.string("version"));
  TENON_TRY(event.sequence, fields.integer("sequence"));
  TENON_TRY(event.reason, fields.string("reason"));
  TENON_TRY(event.text, fields.string("text"));
  return event;
}

}  // namespace

json::Object event_json(const StoredEvent& event) {
  json::Object object;
  object.set("number", event.number);
  object.set("at", event.at);
  object.set("boot_id", event.boot_id);
  object.set("kind", event.kind);
  object.set("version", event.version);
  object.set("sequence", event.sequence);
  object.set("reason", event.reason);
  object.set("text", event.text);
  return object;
}

std::string write_line(const StoredEvent& event) {
  StoredEvent bounded = event;
  for (std::string* word : {&bounded.at, &bounded.boot_id, &bounded.kind, &bounded.version, &bounded.reason}) {
    *word = printable(*word, kMaxWordBytes);
  }
  bounded.text = printable(bounded.text, kMaxTextBytes);
  return json::to_text(event_json(bounded)) + "\n";
}

ReadHistory read_lines(ByteView file) {
  ReadHistory history;
  while (!file.empty()) {
    const auto end = std::ranges::find(file, std::uint8_t{'\n'});
    const auto length = static_cast<std::size_t>(end - file.begin());
    const bool is_whole = end != file.end();
    if (Result<StoredEvent> event = read_line(file.first(length)); event && is_whole) {
      history.events.push_back(*std::move(event));
    } else if (length > 0) {
      ++history.spoiled;
    }
    file = file.subspan(length + (is_whole ? 1 : 0));
  }
  return history;
}

}  // namespace tenon::client
