#include <tenon/client/transport/http_url.h>
#include <tenon/client/transport/letter_case.h>
#include <tenon/metadata/utf8.h>

#include <algorithm>

namespace tenon::client {
namespace {

constexpr std::size_t kMaxUrlBytes = 16'384;  // a target path of 4096 bytes, percent-encoded, and its base

// The length of "http://" or "https://" at the front, 0 for any other scheme.
std::size_t scheme_length(std::string_view url) {
  for (const std::string_view scheme : {std::string_view("https://"), std::string_view("http://")}) {
    if (same_letters(url.substr(0, scheme.size()), scheme)) return scheme.size();
  }
  return 0;
}

bool is_encrypted(std::string_view url) {
  return scheme_length(url) == std::string_view("https://").size();
}

// The characters of a path as RFC 3986 has them, section 3.3; everything else comes percent-encoded.
bool is_path_character(char c) {
  const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  return letter || std::string_view("-._~!$&'()*+,;=:@%/").find(c) != std::string_view::npos;
}

// curl resolves "." and "..", also percent-encoded ones, and would leave the base.
bool is_dot_segment(std::string_view segment) {
  std::string plain;
  while (!segment.empty()) {
    const bool encoded_dot = segment.starts_with("%2e") || segment.starts_with("%2E");
    plain += encoded_dot ? '.' : segment.front();
    segment.remove_prefix(encoded_dot ? 3 : 1);
  }
  return plain == "." || plain == "..";
}

bool has_dot_segment(std::string_view path) {
  for (;;) {
    const std::size_t slash = path.find('/');
    if (is_dot_segment(path.substr(0, slash))) return true;
    if (slash == std::string_view::npos) return false;
    path.remove_prefix(slash + 1);
  }
}

}  // namespace

Result<std::string> parse_base_url(std::string_view text) {
  const auto refuse = [&](std::string_view why) {
    return Error{ErrorCode::kUsage, "the repository's address \"" + shown_url(text) + "\" " + std::string(why),
                 "write it as https://HOST/PATH/"};
  };
  const std::size_t scheme = scheme_length(text);
  if (scheme == 0) return refuse("is neither http nor https");
  if (text.size() > kMaxUrlBytes) return refuse("is too long");
  const std::string_view authority = text.substr(scheme, text.substr(scheme).find_first_of("/?#"));
  if (authority.empty() || authority.ends_with('@')) return refuse("names no host");
  if (text.find_first_of("?#\\ ") != std::string_view::npos || has_control_characters(text)) {
    return refuse("has a query, a fragment, a blank or a control character");
  }
  std::string base(text);
  if (!base.ends_with('/')) base += '/';
  return base;
}

Result<std::string> parse_proxy_url(std::string_view text) {
  const auto refuse = [&](std::string_view why) {
    return Error{ErrorCode::kUsage, "the proxy's address \"" + shown_url(text) + "\" " + std::string(why),
                 "write it as http://HOST:PORT"};
  };
  const Result<std::string> base = parse_base_url(text);
  if (!base) return refuse("is no http or https URL with a host alone");
  const std::size_t slash = base->find('/', scheme_length(*base));
  if (slash + 1 != base->size()) return refuse("names a path");
  return base->substr(0, slash);
}

std::string origin_of(std::string_view url) {
  const std::size_t scheme = scheme_length(url);
  std::string_view authority = url.substr(scheme, url.substr(scheme).find_first_of("/?#\\"));
  authority.remove_prefix(authority.rfind('@') + 1);  // npos + 1 is 0
  std::string origin = (is_encrypted(url) ? "https://" : "http://") + std::string(authority);
  std::ranges::transform(origin, origin.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? char(c - 'A' + 'a') : c; });
  return origin;
}

Result<std::string> url_below(const std::string& base_url, std::string_view path) {
  const bool relative = !path.empty() && !path.starts_with('/') && std::ranges::all_of(path, is_path_character);
  if (!relative || has_dot_segment(path) || path.size() > kMaxUrlBytes) {
    return Error{ErrorCode::kNet, "\"" + printable(path) + "\" is no path below " + shown_url(base_url)};
  }
  return base_url + std::string(path);
}

bool may_redirect(std::string_view from, std::string_view to) {
  return is_encrypted(from) ? is_encrypted(to) : scheme_length(to) != 0;
}

std::string shown_url(std::string_view url) {
  std::string shown;
  if (const std::size_t scheme_end = url.find("://"); scheme_end != std::string_view::npos) {
    shown = url.substr(0, scheme_end + 3);
    url.remove_prefix(scheme_end + 3);
  }
  const std::string_view authority = url.substr(0, url.find_first_of("/?#"));
  if (const std::size_t at = authority.rfind('@'); at != std::string_view::npos) url.remove_prefix(at + 1);
  return printable(shown + std::string(url.substr(0, url.find_first_of("?#"))));
}

}  // namespace tenon::client
