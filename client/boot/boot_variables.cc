#include <tenon/client/boot/boot_variables.h>
#include <tenon/metadata/crc32.h>
#include <tenon/metadata/utf8.h>

#include <algorithm>
#include <charconv>
#include <optional>

namespace tenon::client {
namespace {

constexpr std::string_view kOrder = "BOOT_ORDER";
constexpr std::string_view kGeneration = "BOOT_GENERATION";
constexpr std::string_view kCheck = "BOOT_CHECK";
constexpr std::string_view kFirstIsA = "A B";
constexpr std::string_view kFirstIsB = "B A";
constexpr std::array kStates = {SlotState::kEmpty, SlotState::kTrial, SlotState::kGood, SlotState::kBad};
constexpr std::array kGroups = {SlotGroup::kA, SlotGroup::kB};

std::string state_name(SlotGroup group) {
  return "BOOT_" + std::string(to_string(group)) + "_STATE";
}
std::string left_name(SlotGroup group) {
  return "BOOT_" + std::string(to_string(group)) + "_LEFT";
}

std::string_view text_of_order(SlotGroup first) {
  return first == SlotGroup::kA ? kFirstIsA : kFirstIsB;
}

Error broken(const std::string& message) {
  return Error{ErrorCode::kHw, "boot environment: " + message,
               "look at the BOOT_ variables with fw_printenv or grub-editenv; somebody else writes them, or the "
               "factory's are incomplete"};
}

std::optional<std::string_view> find(const BootVariables& environment, std::string_view name) {
  const auto variable = environment.find(name);
  if (variable == environment.end()) return std::nullopt;
  return variable->second;
}

Result<std::string_view> require(const BootVariables& environment, std::string_view name) {
  if (const auto value = find(environment, name)) return *value;
  return broken(std::string(name) + " is missing");
}

Error unreadable(std::string_view name, std::string_view value, std::string_view expected) {
  return broken(std::string(name) + " is \"" + printable(value, 32) + "\", not " + std::string(expected));
}

// One spelling for one number: no sign, no leading zero.
template <class Number>
std::optional<Number> read_decimal(std::string_view text) {
  Number number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  if (text.size() > 1 && text.front() == '0') return std::nullopt;
  return number;
}

Result<SlotGroup> read_order(const BootVariables& environment) {
  TENON_TRY(const std::string_view text, require(environment, kOrder));
  if (text == kFirstIsA) return SlotGroup::kA;
  if (text == kFirstIsB) return SlotGroup::kB;
  return unreadable(kOrder, text, "\"A B\" or \"B A\"");
}

Result<SlotState> read_state(const BootVariables& environment, SlotGroup group) {
  TENON_TRY(const std::string_view text, require(environment, state_name(group)));
  for (const SlotState state : kStates) {
    if (text == to_string(state)) return state;
  }
  return unreadable(state_name(group), text, "good, trial, bad or empty");
}

// The tries are not under the check: a script that counts the last one down may also drop the variable.
Result<std::uint32_t> read_left(const BootVariables& environment, SlotGroup group) {
  const auto text = find(environment, left_name(group));
  if (!text) return 0u;
  const auto left = read_decimal<std::uint32_t>(*text);
  if (left && *left <= kMaxTries) return *left;
  return unreadable(left_name(group), *text, "a number from 0 to " + std::to_string(kMaxTries));
}

Result<void> verify_check(const BootVariables& environment, std::string_view generation) {
  TENON_TRY(const std::string_view check, require(environment, kCheck));
  TENON_TRY(const std::string_view order, require(environment, kOrder));
  TENON_TRY(const std::string_view state_a, require(environment, state_name(SlotGroup::kA)));
  TENON_TRY(const std::string_view state_b, require(environment, state_name(SlotGroup::kB)));
  const std::string expected = boot_check(generation, order, state_a, state_b);
  if (check == expected) return {};
  return broken("BOOT_CHECK is \"" + printable(check, 32) + "\" and would be \"" + expected +
                "\": BOOT_GENERATION, BOOT_ORDER, BOOT_A_STATE or BOOT_B_STATE was changed by somebody else");
}

// Generation 0 is what a factory leaves: nobody has written a record yet.
Result<std::uint64_t> read_generation(const BootVariables& environment) {
  const auto text = find(environment, kGeneration);
  if (!text && !find(environment, kCheck)) return std::uint64_t{0};
  if (!text) return broken("BOOT_CHECK is there and BOOT_GENERATION is missing");
  const auto generation = read_decimal<std::uint64_t>(*text);
  if (!generation) return unreadable(kGeneration, *text, "a decimal number");
  TENON_TRY_VOID(verify_check(environment, *text));
  return *generation;
}

}  // namespace

Result<BootVariables> encode_boot_record(const BootRecord& record) {
  BootVariables variables;
  for (const SlotGroup group : kGroups) {
    const GroupBoot& boot = record.of(group);
    if (boot.tries_left > kMaxTries) {
      return Error{ErrorCode::kHw, std::to_string(boot.tries_left) + " tries are more than the " +
                                       std::to_string(kMaxTries) + " that a boot script can count"};
    }
    variables[state_name(group)] = to_string(boot.state);
    variables[left_name(group)] = std::to_string(boot.tries_left);
  }
  const std::string generation = std::to_string(record.generation);
  const std::string_view order = text_of_order(record.first);
  variables[std::string(kOrder)] = order;
  variables[std::string(kGeneration)] = generation;
  variables[std::string(kCheck)] = boot_check(generation, order, to_string(record.of(SlotGroup::kA).state),
                                              to_string(record.of(SlotGroup::kB).state));
  return variables;
}

Result<BootRecord> decode_boot_record(const BootVariables& environment) {
  BootRecord record;
  const auto is_there = [&](std::string_view name) { return environment.contains(name); };
  if (std::ranges::none_of(kBootVariableNames, is_there)) {
    record.of(SlotGroup::kA).state = SlotState::kGood;
    return record;
  }
  TENON_TRY(record.generation, read_generation(environment));
  TENON_TRY(record.first, read_order(environment));
  for (const SlotGroup group : kGroups) {
    TENON_TRY(record.of(group).state, read_state(environment, group));
    TENON_TRY(record.of(group).tries_left, read_left(environment, group));
  }
  return record;
}

std::string boot_check(std::string_view generation, std::string_view order, std::string_view state_a,
                       std::string_view state_b) {
  std::string text;
  for (const std::string_view part : {generation, order, state_a, state_b}) {
    if (!text.empty()) text += ' ';
    text += part;
  }
  constexpr std::string_view kDigits = "0123456789abcdef";
  const std::uint32_t crc = crc32(to_bytes(text));
  std::string hex;
  for (int shift = 28; shift >= 0; shift -= 4) hex += kDigits[(crc >> shift) & 15];
  return hex;
}

}  // namespace tenon::client
