#include <tenon/client/boot/fw_env_config.h>
#include <tenon/metadata/utf8.h>

#include <charconv>
#include <optional>
#include <vector>

namespace tenon::client {
namespace {

constexpr std::size_t kMaxEnvironmentBytes = 1u << 20;  // U-Boot boards use 4 to 256 KiB
constexpr std::int64_t kMaxOffset = std::int64_t{1} << 53;
constexpr std::size_t kMinFields = 3;  // path, offset, size

std::string_view take_line(std::string_view& text) {
  const std::size_t end = text.find('\n');
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return line;
}

std::vector<std::string_view> fields_of(std::string_view line) {
  constexpr std::string_view kBlanks = " \t\r";
  std::vector<std::string_view> fields;
  for (;;) {
    const std::size_t first = line.find_first_not_of(kBlanks);
    if (first == std::string_view::npos) return fields;
    line.remove_prefix(first);
    const std::size_t end = line.find_first_of(kBlanks);
    fields.push_back(line.substr(0, end));
    if (end == std::string_view::npos) return fields;
    line.remove_prefix(end);
  }
}

template <class Number>
std::optional<Number> read_number(std::string_view text, int base) {
  if (text.starts_with("0x") || text.starts_with("0X")) {
    text.remove_prefix(2);
    base = 16;
  }
  Number number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

// fw_printenv reads an offset in the base that its prefix tells, all else as hexadecimal.
std::optional<std::int64_t> read_offset(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  if (text.starts_with('-')) return std::nullopt;
  const bool octal = text.size() > 1 && text.front() == '0';
  const auto offset = read_number<std::int64_t>(text, octal ? 8 : 10);
  if (!offset || *offset < 0 || *offset > kMaxOffset) return std::nullopt;
  return negative ? -*offset : *offset;
}

std::optional<EnvironmentCopy> parse_copy(const std::vector<std::string_view>& fields) {
  if (fields.size() < kMinFields) return std::nullopt;
  const auto offset = read_offset(fields[1]);
  const auto size = read_number<std::size_t>(fields[2], 16);
  const auto sector_size = fields.size() > 3 ? read_number<std::size_t>(fields[3], 16) : std::size_t{0};
  const auto sectors = fields.size() > 4 ? read_number<unsigned long>(fields[4], 16) : 0ul;
  if (!offset || !size || !sector_size || !sectors) return std::nullopt;
  if (*size == 0 || *size > kMaxEnvironmentBytes) return std::nullopt;
  return EnvironmentCopy{std::string(fields[0]), *offset, *size, *sector_size, *sectors};
}

Error refusal(const std::string& message, std::string_view hint) {
  return Error{ErrorCode::kHw, message, std::string(hint)};
}

// Offsets of different sign cannot be compared without the device: they are left to the read-back.
bool overlap(const EnvironmentCopy& a, const EnvironmentCopy& b) {
  if (a.path != b.path || (a.offset < 0) != (b.offset < 0)) return false;
  const std::int64_t distance = a.offset < b.offset ? b.offset - a.offset : a.offset - b.offset;
  return distance < static_cast<std::int64_t>(a.size);
}

}  // namespace

Result<std::array<EnvironmentCopy, 2>> parse_fw_env_config(std::string_view text) {
  std::vector<EnvironmentCopy> copies;
  while (!text.empty()) {
    const auto fields = fields_of(take_line(text));
    if (fields.empty() || fields.front().starts_with('#')) continue;
    auto copy = parse_copy(fields);
    if (!copy) {
      return refusal("the line for " + printable(fields.front(), 128) + " cannot be read",
                     "a line is: PATH OFFSET SIZE, with numbers such as 0x4000");
    }
    copies.push_back(*std::move(copy));
    if (copies.size() > 2) break;
  }
  if (copies.size() != 2) {
    return refusal(
        "it names " + std::string(copies.size() > 2 ? "more than two" : std::to_string(copies.size())) +
            " places for U-Boot's environment, and two are needed",
        "build U-Boot with CONFIG_SYS_REDUNDAND_ENVIRONMENT and name both copies: a power cut while the only "
        "one is written would leave a device that does not boot");
  }
  if (copies[0].size != copies[1].size)
    return refusal("the two copies differ in size", "both need the size U-Boot has");
  if (overlap(copies[0], copies[1])) {
    return refusal("the two copies overlap", "give the second copy an offset that is at least SIZE away");
  }
  return std::array<EnvironmentCopy, 2>{std::move(copies[0]), std::move(copies[1])};
}

}  // namespace tenon::client
