#include <tenon/keyctl/due.h>
#include <tenon/keyctl/expiry.h>
#include <tenon/metadata/envelope.h>
#include <tenon/metadata/json_fields.h>
#include <tenon/metadata/utf8.h>
#include <tenon/metadata/version.h>

#include <algorithm>

namespace tenon::keyctl {
namespace {

// 2026-11-28T10:20:30Z as 20261128T102030Z (RFC 5545, 3.3.5).
std::string calendar_time(metadata::UtcTime moment) {
  std::string text = moment.text();
  std::erase_if(text, [](char c) { return c == '-' || c == ':'; });
  return text;
}

// RFC 5545, 3.3.11: TEXT.
std::string calendar_text(const std::string& text) {
  std::string escaped;
  for (char c : printable(text)) {
    if (c == '\\' || c == ';' || c == ',') escaped += '\\';
    escaped += c;
  }
  return escaped;
}

}  // namespace

Result<Deadline> read_deadline(std::string file_name, ByteView content) {
  TENON_TRY(const metadata::Envelope envelope, metadata::Envelope::parse(content, metadata::Limits().listed_bytes));
  TENON_TRY(json::Fields fields, json::Fields::of(envelope.signed_part(), "signed"));
  TENON_TRY(const std::string type, fields.string("_type"));
  TENON_TRY(const std::int64_t number, fields.integer("version"));
  TENON_TRY(const metadata::Version version, metadata::Version::create(number));
  TENON_TRY(const std::string expires_text, fields.string("expires"));
  TENON_TRY(const metadata::UtcTime expires, metadata::UtcTime::parse(expires_text));
  const std::string role = type == "x-policy" ? "policy" : printable(type, 40);
  return Deadline{std::move(file_name), role, version.value(), expires};
}

Report describe_deadlines(std::vector<Deadline> deadlines, std::int64_t window_seconds, metadata::UtcTime now) {
  std::ranges::sort(deadlines, {}, &Deadline::expires);
  const metadata::UtcTime edge = now.plus_seconds(window_seconds);
  Report report;
  json::Array rows;
  std::int64_t due = 0;
  for (const Deadline& one : deadlines) {
    const bool is_due = one.expires <= edge;
    due += is_due ? 1 : 0;
    const std::string state = one.expires <= now ? "EXPIRED" : is_due ? "DUE" : "ok";
    report.text += state + std::string(9 - state.size(), ' ') + one.role + " " + std::to_string(one.version) +
                   " expires " + one.expires.text() + " (" + relative_days(one.expires, now) + ")  " +
                   printable(one.file) + "\n";
    json::Object row;
    row.set("file", printable(one.file));
    row.set("role", one.role);
    row.set("version", one.version);
    row.set("expires", one.expires.text());
    row.set("days", days_until(one.expires, now));
    row.set("due", is_due);
    rows.emplace_back(std::move(row));
  }
  report.text += due == 0 ? "nothing is due\n" : std::to_string(due) + " to be signed again\n";
  report.data.set("documents", std::move(rows));
  report.data.set("due", due);
  if (due > 0) report.status = ExitStatus::kNeedsPerson;
  return report;
}

std::string calendar(const std::vector<Deadline>& deadlines, std::int64_t window_seconds, metadata::UtcTime now) {
  std::string text = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Tenon//tenon-keyctl//EN\r\n";
  for (const Deadline& one : deadlines) {
    const std::string what = one.role + " " + std::to_string(one.version);
    text += "BEGIN:VEVENT\r\nUID:" + calendar_text(one.role + "-" + std::to_string(one.version)) + "-" +
            calendar_time(one.expires) + "@tenon-keyctl\r\nDTSTAMP:" + calendar_time(now) +
            "\r\nDTSTART:" + calendar_time(one.expires.plus_seconds(-window_seconds)) + "\r\nSUMMARY:Sign " +
            calendar_text(what) +
            " again\r\nDESCRIPTION:" + calendar_text(one.file + " expires " + one.expires.text()) +
            "\r\nEND:VEVENT\r\n";
  }
  return text + "END:VCALENDAR\r\n";
}

}  // namespace tenon::keyctl
