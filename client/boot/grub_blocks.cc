#include <tenon/client/boot/grub_blocks.h>

#include <charconv>
#include <optional>
#include <string_view>
#include <utility>

namespace tenon::client {
namespace {

constexpr std::string_view kSignature = "# GRUB Environment Block\n";
constexpr std::string_view kSeal = "BOOT_SEAL";
constexpr std::array<std::string_view, 7> kSealedNames = {
    "BOOT_GENERATION", "BOOT_ORDER", "BOOT_A_STATE", "BOOT_A_LEFT", "BOOT_B_STATE", "BOOT_B_LEFT", "BOOT_CHECK"};

std::string_view value_of(const BootVariables& variables, std::string_view name) {
  const auto variable = variables.find(name);
  return variable == variables.end() ? std::string_view() : std::string_view(variable->second);
}

std::string seal_of(const BootVariables& variables) {
  std::string seal;
  for (const std::string_view name : kSealedNames) {
    if (name != kSealedNames.front()) seal += ' ';
    seal += value_of(variables, name);
  }
  return seal;
}

// What C takes for the whole text.
std::string_view until_nul(std::string_view text) {
  return text.substr(0, text.find('\0'));
}

// Takes a text up to the end of the line and leaves that; a backslash makes the next character an ordinary one.
std::optional<std::string> take_line(std::string_view& block) {
  std::string line;
  for (std::size_t i = 0; i < block.size(); ++i) {
    if (block[i] == '\n') {
      block.remove_prefix(i + 1);
      return line;
    }
    if (block[i] == '\\' && ++i == block.size()) break;
    line += block[i];
  }
  return std::nullopt;
}

// A name goes up to "=", over the ends of lines too, and the last value of a name counts: so does load_env.
BootVariables parse(std::string_view block) {
  BootVariables variables;
  block.remove_prefix(kSignature.size());
  while (!block.empty()) {
    const bool is_comment = block.front() == '#';
    const std::size_t equals = is_comment ? 0 : block.find('=');
    if (equals == std::string_view::npos) break;
    const std::string name(until_nul(block.substr(0, equals)));
    if (!is_comment) block.remove_prefix(equals + 1);
    const auto value = take_line(block);
    if (!value) break;
    if (!is_comment) variables[name] = until_nul(*value);
  }
  return variables;
}

enum class BlockState { kWhole, kBlank, kDamaged };

struct Block {
  BlockState state = BlockState::kDamaged;
  BootVariables variables = {};
};

Block examine(std::string_view bytes) {
  if (bytes.size() != kGrubBlockBytes || !bytes.starts_with(kSignature)) return {};
  BootVariables all = parse(bytes);
  BootVariables ours;
  for (const std::string_view name : kSealedNames) {
    if (const std::string_view value = value_of(all, name); !value.empty()) ours.emplace(name, value);
  }
  const std::string_view seal = value_of(all, kSeal);
  if (ours.empty() && seal.empty()) return {BlockState::kBlank, {}};
  const BlockState state = seal == seal_of(ours) ? BlockState::kWhole : BlockState::kDamaged;
  return {state, std::move(ours)};
}

// Text that is no number is 0 for GRUB's test command; decode_boot_record has the say about it later.
std::uint64_t number_of(const Block& block, std::string_view name) {
  const std::string_view text = value_of(block.variables, name);
  std::uint64_t number = 0;
  static_cast<void>(std::from_chars(text.data(), text.data() + text.size(), number));
  return number;
}

bool is_later(const Block& block, const Block& than) {
  const std::uint64_t generation = number_of(block, "BOOT_GENERATION");
  const std::uint64_t other = number_of(than, "BOOT_GENERATION");
  if (generation != other) return generation > other;
  return number_of(block, "BOOT_A_LEFT") < number_of(than, "BOOT_A_LEFT") ||
         number_of(block, "BOOT_B_LEFT") < number_of(than, "BOOT_B_LEFT");
}

}  // namespace

Result<std::string> encode_grub_block(const BootRecord& record) {
  if (record.generation > kMaxGrubGeneration) {
    return Error{ErrorCode::kHw,
                 "generation " + std::to_string(record.generation) + " of the boot record is above the " +
                     std::to_string(kMaxGrubGeneration) + " that GRUB can count",
                 "make both blocks anew with grub-editenv"};
  }
  TENON_TRY(const BootVariables variables, encode_boot_record(record));
  std::string block(kSignature);
  for (const std::string_view name : kSealedNames) {
    block += std::string(name) + "=" + std::string(value_of(variables, name)) + "\n";
  }
  block += std::string(kSeal) + "=" + seal_of(variables) + "\n";
  block.resize(kGrubBlockBytes, '#');
  return block;
}

bool is_spoiled(std::string_view block) {
  return examine(block).state == BlockState::kDamaged;
}

Result<GrubBlockInForce> find_grub_block_in_force(const GrubBlocks& blocks) {
  std::array<Block, 2> examined = {examine(blocks[0]), examine(blocks[1])};
  const auto in_force = [&](std::size_t place) {
    return GrubBlockInForce{std::move(examined[place].variables), place};
  };
  const auto is = [&](std::size_t place, BlockState state) { return examined[place].state == state; };
  if (is(0, BlockState::kWhole) && is(1, BlockState::kWhole))
    return in_force(is_later(examined[1], examined[0]) ? 1 : 0);
  for (const BlockState state : {BlockState::kWhole, BlockState::kBlank}) {
    for (const std::size_t place : {1U, 0U}) {
      if (is(place, state)) return in_force(place);
    }
  }
  return Error{ErrorCode::kHw, "boot environment: neither block is whole",
               "look at them with grub-editenv FILE list; somebody else wrote them, or the disk fails"};
}

}  // namespace tenon::client
