// The strings of TUF that are more than strings: KeyId, RoleName, TargetPath.
#include <tenon/metadata/key_id.h>
#include <tenon/metadata/role_name.h>
#include <tenon/metadata/target_path.h>
#include <tenon/metadata/utf8.h>

#include <algorithm>
#include <array>

namespace tenon::metadata {
namespace {

constexpr std::size_t kMaxKeyIdBytes = 128;                                           // tuf.md 5.4
constexpr std::size_t kMaxFileNameBytes = 255 - sizeof("9223372036854775807..json");  // NAME_MAX of Linux
constexpr std::size_t kMaxTargetPathBytes = 4096;                                     // tuf.md 5.4

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_plain(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '-' || c == '.';
}

std::string percent_encoded(std::string_view text, std::string_view also_plain) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string encoded;
  for (char c : text) {
    if (is_plain(c) || also_plain.find(c) != also_plain.npos) {
      encoded.push_back(c);
    } else {
      const auto byte = static_cast<std::uint8_t>(c);
      encoded += {'%', kDigits[byte >> 4], kDigits[byte & 15]};
    }
  }
  return encoded;
}

// "root", "12.root": a delegated role of that name would have the file of a root.
bool is_reserved(std::string_view name) {
  constexpr std::array<std::string_view, 5> kReserved = {"root", "timestamp", "snapshot", "targets", "mirrors"};
  const std::size_t digits = static_cast<std::size_t>(std::ranges::find_if_not(name, is_digit) - name.begin());
  if (digits > 0 && digits < name.size() && name[digits] == '.') name.remove_prefix(digits + 1);
  return std::ranges::find(kReserved, name) != kReserved.end();
}

Error bad_name(std::string_view what, std::string_view text, std::string_view why) {
  return Error{ErrorCode::kParse, std::string(what) + " \"" + printable(text, 80) + "\" " + std::string(why)};
}

}  // namespace

Result<KeyId> KeyId::parse(std::string_view text) {
  if (text.empty()) return bad_name("keyid", text, "is empty");
  if (text.size() > kMaxKeyIdBytes) return bad_name("keyid", text, "is longer than 128 bytes");
  if (has_control_characters(text) || !is_utf8(text)) return bad_name("keyid", text, "holds control characters");
  return KeyId(text);
}

Result<RoleName> RoleName::parse_delegated(std::string_view text) {
  if (text.empty()) return bad_name("role name", text, "is empty");
  if (has_control_characters(text) || !is_utf8(text)) return bad_name("role name", text, "holds control characters");
  if (is_reserved(text)) return bad_name("role name", text, "is reserved for a top-level role");
  RoleName name(text);
  if (name.file_name().size() > kMaxFileNameBytes) return bad_name("role name", text, "makes too long a file name");
  return name;
}

std::string RoleName::file_name() const {
  std::string name = url_name();
  if (name.front() == '.') name.replace(0, 1, "%2E");
  return name;
}

std::string RoleName::file_name(Version version) const {
  return std::to_string(version.value()) + "." + url_name();
}

std::string RoleName::url_name() const {
  return percent_encoded(text_, "~") + ".json";
}

Result<TargetPath> TargetPath::parse(std::string_view text) {
  const auto bad = [&](std::string_view why) { return bad_name("target path", text, why); };
  if (text.size() > kMaxTargetPathBytes) return bad("is longer than 4096 bytes");
  if (!is_utf8(text)) return bad("is no UTF-8");
  if (has_control_characters(text)) return bad("holds control characters");
  if (text.find('\\') != text.npos) return bad("holds a backslash");
  for (std::string_view rest = text;;) {
    const std::size_t slash = rest.find('/');
    const std::string_view segment = rest.substr(0, slash);
    if (segment.empty() || segment == "." || segment == "..") return bad("has an empty, \".\" or \"..\" segment");
    if (slash == rest.npos) break;
    rest.remove_prefix(slash + 1);
  }
  return TargetPath(text);
}

std::string TargetPath::hash_prefixed(std::string_view digest_hex) const {
  const std::size_t slash = text_.rfind('/');
  const std::size_t base = slash == text_.npos ? 0 : slash + 1;
  return text_.substr(0, base) + std::string(digest_hex) + "." + text_.substr(base);
}

std::string url_path(std::string_view path) {
  return percent_encoded(path, "/~@=,+");
}

}  // namespace tenon::metadata
