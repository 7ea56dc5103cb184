#include <tenon/metadata/utf8.h>
#include <tenon/repo_tools/publish_log.h>

namespace tenon::repo_tools {
namespace {

constexpr std::size_t kMaxLogBytes = 64u << 20;  // a line of 1 KiB each day for 170 years
constexpr std::size_t kMaxLineBytes = 16u << 20;
constexpr std::size_t kShownTargets = 8;

LogEntry::Role role_of(const Publication::MetadataFile& file) {
  LogEntry::Role entry{file.role ? file.role->text() : "root", file.version.value(), {}};
  for (const metadata::KeyId& keyid : file.signed_by) entry.signed_by.push_back(keyid.text());
  return entry;
}

Result<std::vector<std::string>> texts(json::Fields& fields, std::string_view name) {
  TENON_TRY(const json::Array* array, fields.array(name));
  std::vector<std::string> list;
  for (const json::Value& item : *array) {
    if (item.string() == nullptr) return fields.error(std::string(name) + " has an item that is no text");
    list.push_back(*item.string());
  }
  return list;
}

Result<std::vector<std::string>> lines_of(const Repository& repository) {
  TENON_TRY(const std::optional<Bytes> file, read_if_there(repository.log_file(), kMaxLogBytes));
  std::vector<std::string> lines;
  if (!file) return lines;
  for (std::string_view left = as_text(*file); !left.empty();) {
    lines.emplace_back(left.substr(0, left.find('\n')));
    left.remove_prefix(std::min(left.size(), lines.back().size() + 1));
  }
  return lines;
}

json::Array array_of(const std::vector<std::string>& list) {
  return {list.begin(), list.end()};
}

}  // namespace

LogEntry LogEntry::of(const Publication& publication, metadata::UtcTime now) {
  LogEntry entry{now, 0, {}, {}};
  for (const Publication::MetadataFile& file : publication.metadata) {
    entry.roles.push_back(role_of(file));
    if (file.role == RoleId::timestamp()) entry.timestamp = file.version.value();
  }
  for (const Publication::TargetFile& file : publication.targets) entry.targets.push_back(file.name);
  return entry;
}

Result<LogEntry> LogEntry::parse(ByteView line) {
  TENON_TRY(const json::Value value, json::parse(line, {.max_bytes = kMaxLineBytes}));
  TENON_TRY(json::Fields fields, json::Fields::of(value, "log"));
  TENON_TRY(const std::string at, fields.string("at"));
  TENON_TRY(const metadata::UtcTime time, metadata::UtcTime::parse(at));
  TENON_TRY(const std::int64_t timestamp, fields.integer("timestamp"));
  TENON_TRY(const json::Array* roles, fields.array("roles"));
  LogEntry entry{time, timestamp, {}, {}};
  for (const json::Value& item : *roles) {
    TENON_TRY(json::Fields role, json::Fields::of(item, "log.roles"));
    TENON_TRY(std::string name, role.string("role"));
    TENON_TRY(const std::int64_t version, role.integer("version"));
    TENON_TRY(std::vector<std::string> signed_by, texts(role, "signed_by"));
    entry.roles.push_back({std::move(name), version, std::move(signed_by)});
  }
  TENON_TRY(entry.targets, texts(fields, "targets"));
  return entry;
}

json::Value LogEntry::to_json() const {
  json::Array role_array;
  for (const Role& role : roles) {
    json::Object object;
    object.set("role", role.role);
    object.set("version", role.version);
    object.set("signed_by", array_of(role.signed_by));
    role_array.push_back(std::move(object));
  }
  json::Object object;
  object.set("at", at.text());
  object.set("timestamp", timestamp);
  object.set("roles", std::move(role_array));
  object.set("targets", array_of(targets));
  return object;
}

std::string LogEntry::to_text() const {
  std::string text = at.text() + "\n";
  for (const Role& role : roles) {
    text += "  " + printable(role.role) + " v" + std::to_string(role.version) + ", signed by";
    for (const std::string& keyid : role.signed_by) text += " " + printable(keyid.substr(0, 8));
    text += "\n";
  }
  for (std::size_t i = 0; i < targets.size() && i < kShownTargets; ++i) text += "  + " + printable(targets[i]) + "\n";
  if (targets.size() > kShownTargets) {
    text += "  + " + std::to_string(targets.size() - kShownTargets) + " files more\n";
  }
  return text;
}

Result<std::vector<LogEntry>> read_log(const Repository& repository) {
  TENON_TRY(const std::vector<std::string> lines, lines_of(repository));
  std::vector<LogEntry> entries;
  for (const std::string& line : lines) {
    TENON_TRY(LogEntry entry, LogEntry::parse(as_bytes(line))
                                  .with_context(repository.log_file().filename().native() + ", line " +
                                                std::to_string(entries.size() + 1)));
    entries.push_back(std::move(entry));
  }
  return entries;
}

Result<void> append_to_log(const Repository& repository, FileWriter& writer, const LogEntry& entry) {
  Result<std::vector<std::string>> read = lines_of(repository);
  if (!read && read.error().code == ErrorCode::kLimit) {
    TENON_TRY_VOID(writer.move(repository.log_file(), repository.log_file().native() + ".full"));
    read = std::vector<std::string>();
  }
  TENON_TRY(std::vector<std::string> lines, std::move(read));
  for (; !lines.empty(); lines.pop_back()) {
    const Result<LogEntry> last = LogEntry::parse(as_bytes(lines.back()));
    if (!last || last->timestamp < entry.timestamp) break;
  }
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  text += json::to_text(entry.to_json()) + "\n";
  return writer.put(repository.log_file(), as_bytes(text));
}

}  // namespace tenon::repo_tools
