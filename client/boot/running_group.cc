#include <tenon/client/boot/running_group.h>
#include <tenon/metadata/utf8.h>

#include <optional>

namespace tenon::client {
namespace {

constexpr std::string_view kParameter = "tenon.slot=";
constexpr std::string_view kBlanks = " \t\r\n";

Error refusal(const std::string& message) {
  return Error{ErrorCode::kHw, "kernel command line: " + message,
               "the boot script has to add tenon.slot=A or tenon.slot=B, once, for the group that it boots"};
}

}  // namespace

Result<SlotGroup> parse_running_group(std::string_view command_line) {
  std::optional<std::string_view> value;
  for (;;) {
    const std::size_t first = command_line.find_first_not_of(kBlanks);
    if (first == std::string_view::npos) break;
    command_line.remove_prefix(first);
    const std::string_view word = command_line.substr(0, command_line.find_first_of(kBlanks));
    command_line.remove_prefix(word.size());
    if (!word.starts_with(kParameter)) continue;
    if (value) return refusal("tenon.slot stands there more than once");
    value = word.substr(kParameter.size());
  }
  if (!value) return refusal("tenon.slot is missing");
  if (*value == "A") return SlotGroup::kA;
  if (*value == "B") return SlotGroup::kB;
  return refusal("tenon.slot is \"" + printable(*value, 32) + "\", not A or B");
}

}  // namespace tenon::client
