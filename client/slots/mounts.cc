#include <tenon/client/slots/mounts.h>

#include <algorithm>
#include <charconv>
#include <optional>

namespace tenon::client {
namespace {

constexpr std::size_t kDeviceField = 2;
constexpr std::size_t kMountPointField = 4;
// After the optional fields, whose number differs, comes a lone "-"; then the type, then the source.
constexpr std::size_t kFirstOptionalField = 6;
constexpr std::size_t kSourceAfterDash = 2;

std::string_view take_until(std::string_view& text, char end) {
  const std::size_t at = text.find(end);
  const std::string_view taken = text.substr(0, at);
  text.remove_prefix(at == std::string_view::npos ? text.size() : at + 1);
  return taken;
}

std::vector<std::string_view> fields_of(std::string_view line) {
  std::vector<std::string_view> fields;
  while (!line.empty()) fields.push_back(take_until(line, ' '));
  return fields;
}

bool is_octal(char c) {
  return c >= '0' && c <= '7';
}

// The kernel writes blanks, tabs, newlines and backslashes of a path as \040 and so on.
std::string unescaped(std::string_view field) {
  std::string path;
  while (!field.empty()) {
    const bool escape = field.size() >= 4 && field[0] == '\\' && std::ranges::all_of(field.substr(1, 3), is_octal);
    if (escape) {
      path += static_cast<char>((field[1] - '0') * 64 + (field[2] - '0') * 8 + (field[3] - '0'));
    } else {
      path += field.front();
    }
    field.remove_prefix(escape ? 4 : 1);
  }
  return path;
}

bool read_number(std::string_view text, std::uint32_t& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size();
}

std::optional<Mount> parse_mount(std::string_view line) {
  const auto fields = fields_of(line);
  if (fields.size() <= kFirstOptionalField) return std::nullopt;
  Mount mount;
  std::string_view device = fields[kDeviceField];
  if (!read_number(take_until(device, ':'), mount.device_major)) return std::nullopt;
  if (!read_number(device, mount.device_minor)) return std::nullopt;
  mount.mount_point = unescaped(fields[kMountPointField]);
  const auto dash = std::ranges::find(fields.begin() + kFirstOptionalField, fields.end(), "-");
  if (fields.end() - dash > static_cast<std::ptrdiff_t>(kSourceAfterDash)) {
    mount.source = unescaped(*(dash + kSourceAfterDash));
  }
  return mount;
}

}  // namespace

std::vector<Mount> parse_mounts(std::string_view mountinfo) {
  std::vector<Mount> mounts;
  while (!mountinfo.empty()) {
    if (auto mount = parse_mount(take_until(mountinfo, '\n'))) mounts.push_back(*std::move(mount));
  }
  return mounts;
}

}  // namespace tenon::client
