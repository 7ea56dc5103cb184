#include <tenon/keyctl/audit_commands.h>
#include <tenon/metadata/utf8.h>

#include <algorithm>

namespace tenon::keyctl {
namespace {

constexpr std::size_t kShownEntryBytes = 2048;

}  // namespace

Result<Report> verify_audit(Home& home) {
  TENON_TRY(const AuditState state, home.read_log());
  Report report;
  report.text =
      "audit log: " + std::to_string(state.lines) + " lines, the chain is unbroken\nhead " + state.head.hex() + "\n";
  for (std::uint64_t line : state.torn) {
    report.warnings.push_back("line " + std::to_string(line) +
                              " was cut off while it was written; the chain goes on over it");
  }
  report.data.set("lines", static_cast<std::int64_t>(state.lines));
  report.data.set("head", state.head.hex());
  report.data.set("torn", static_cast<std::int64_t>(state.torn.size()));
  return report;
}

Result<Report> show_audit(Home& home, std::size_t last) {
  TENON_TRY(const AuditState state, home.read_log());
  Report report;
  json::Array entries;
  const std::size_t first = state.entries.size() - std::min(last, state.entries.size());
  for (std::size_t i = first; i < state.entries.size(); ++i) {
    const AuditEntry& entry = state.entries[i];
    report.text += entry.at.text() + "  " + printable(entry.event, 40) + "  " +
                   printable(json::to_text(entry.data), kShownEntryBytes) + "\n";
    json::Object data;
    data.set("at", entry.at.text());
    data.set("event", entry.event);
    data.set("data", entry.data);
    entries.emplace_back(std::move(data));
  }
  report.text += "head " + state.head.hex() + "\n";
  report.data.set("entries", std::move(entries));
  report.data.set("head", state.head.hex());
  return report;
}

}  // namespace tenon::keyctl
