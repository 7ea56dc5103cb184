#include <tenon/client/daemon/release_file.h>

#include <charconv>

namespace tenon::client {
namespace {

std::string_view unquoted(std::string_view value) {
  if (value.size() >= 2 && (value.front() == '"' || value.front() == '\'') && value.back() == value.front()) {
    return value.substr(1, value.size() - 2);
  }
  return value;
}

Result<policies::Sequence> parse_sequence(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failed != std::errc() || end != text.data() + text.size()) {
    return Error{ErrorCode::kParse, "TENON_SEQUENCE is not an integer"};
  }
  return policies::Sequence::create(number);
}

}  // namespace

Result<RunningImage> parse_release_file(std::string_view text) {
  RunningImage image;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end == text.npos ? text.size() : end + 1);
    const std::size_t equals = line.find('=');
    if (equals == line.npos || line.starts_with('#')) continue;
    const std::string_view key = line.substr(0, equals);
    const std::string_view value = unquoted(line.substr(equals + 1));
    if (key == "TENON_VERSION") {
      TENON_TRY(image.version, policies::Label::parse(value).with_context("TENON_VERSION"));
    } else if (key == "TENON_SEQUENCE") {
      TENON_TRY(image.sequence, parse_sequence(value));
    } else if (key == "TENON_BUILD_TIME") {
      TENON_TRY(image.build_time, metadata::UtcTime::parse(value).with_context("TENON_BUILD_TIME"));
    }
  }
  return image;
}

}  // namespace tenon::client
