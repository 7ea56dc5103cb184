#include <tenon/metadata/digest.h>

#include <algorithm>

#include <tests/conformance/names.h>

namespace tenon::tests {
namespace {

constexpr std::size_t kMaxFileNameBytes = 255;  // NAME_MAX of Linux

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_hex_digit(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}
bool is_plain(char c, std::string_view also_plain) {
  const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  return letter || is_digit(c) || std::string_view("_.-~").find(c) != std::string_view::npos ||
         also_plain.find(c) != std::string_view::npos;
}

std::string escaped(char c) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  const auto byte = static_cast<std::uint8_t>(c);
  return {'%', kDigits[byte >> 4], kDigits[byte & 15]};
}

}  // namespace

std::string sent_path(std::string_view target_path) {
  std::string sent;
  for (std::size_t i = 0; i < target_path.size(); ++i) {
    const char c = target_path[i];
    const std::string_view next = target_path.substr(i + 1, 2);
    const bool escape = c == '%' && next.size() == 2 && std::ranges::all_of(next, is_hex_digit);
    // RFC 3986, section 3.3
    sent += escape || is_plain(c, "!$&'()*+,;=:@/") ? std::string(1, c) : escaped(c);
  }
  return sent;
}

std::string target_file_name(const metadata::TargetPath& path) {
  std::string name;
  for (const char c : path.text()) {
    const bool leading_dot = name.empty() && c == '.';  // files with a dot in front are unfinished ones
    name += is_plain(c, "") && !leading_dot ? std::string(1, c) : escaped(c);
  }
  // No encoded path holds a ':'.
  return name.size() <= kMaxFileNameBytes ? name : "sha256:" + Sha256::of(as_bytes(path.text())).hex();
}

bool is_root_file(std::string_view file_name) {
  const auto version_end = std::ranges::find_if_not(file_name, is_digit);
  return version_end != file_name.begin() && std::string_view(version_end, file_name.end()) == ".root.json";
}

}  // namespace tenon::tests
