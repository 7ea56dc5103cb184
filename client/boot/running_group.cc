#include <tenon/client/boot/running_group.h>
#include <tenon/metadata/utf8.h>

#include <algorithm>
#include <optional>

namespace tenon::client {
namespace {

constexpr std::string_view kParameter = "tenon.slot=";
constexpr std::string_view kLastResort = "tenon.last_resort";
constexpr std::string_view kBlanks = " \t\r\n";

Error refusal(const std::string& message) {
  return Error{ErrorCode::kHw, "kernel command line: " + message,
               "the boot script has to add tenon.slot=A or tenon.slot=B, once, for the group that it boots"};
}

// Takes the next word off a command line; empty at its end.
std::string_view take_word(std::string_view& command_line) {
  command_line.remove_prefix(std::min(command_line.find_first_not_of(kBlanks), command_line.size()));
  const std::string_view word = command_line.substr(0, command_line.find_first_of(kBlanks));
  command_line.remove_prefix(word.size());
  return word;
}

}  // namespace

Result<SlotGroup> parse_running_group(std::string_view command_line) {
  std::optional<std::string_view> value;
  for (auto word = take_word(command_line); !word.empty(); word = take_word(command_line)) {
    if (!word.starts_with(kParameter)) continue;
    if (value) return refusal("tenon.slot stands there more than once");
    value = word.substr(kParameter.size());
  }
  if (!value) return refusal("tenon.slot is missing");
  if (*value == "A") return SlotGroup::kA;
  if (*value == "B") return SlotGroup::kB;
  if (*value == "recovery") {
    return Error{ErrorCode::kHw, "the recovery system runs, and no slot group",
                 "nothing is installed from here: make a slot group boot again with what its maker gave it"};
  }
  return refusal("tenon.slot is \"" + printable(*value, 32) + "\", not A or B");
}

bool says_last_resort(std::string_view command_line) {
  for (auto word = take_word(command_line); !word.empty(); word = take_word(command_line)) {
    if (word == kLastResort) return true;
  }
  return false;
}

}  // namespace tenon::client
