#include <tenon/hsm/usage_error.h>
#include <tenon/metadata/utf8.h>

#include <algorithm>

namespace tenon::hsm {
namespace {

std::string misplaced(std::span<const std::string> arguments) {
  std::string text;
  std::size_t others = 0;
  for (const std::string& argument : arguments) {
    const std::string name = argument.substr(0, argument.find('='));
    if (name.starts_with("--")) {
      text += (text.empty() ? "unknown option " : ", ") + printable(name, 40);
    } else {
      ++others;
    }
  }
  if (others == 0) return text;
  return text + (text.empty() ? "" : ", and ") + std::to_string(others) + " argument" + (others > 1 ? "s" : "") +
         " more than it takes";
}

// "Could not convert: --threshold = hunter2": the option alone.
std::string option_in(std::string_view message) {
  constexpr std::string_view kOfNames = "abcdefghijklmnopqrstuvwxyz0123456789-";
  const std::string_view option = message.substr(std::min(message.find("--"), message.size()));
  const std::string name(option.substr(0, option.find_first_not_of(kOfNames)));
  return name.empty() ? "an option" : name;
}

}  // namespace

Error usage_error(const Mistake& mistake) {
  constexpr const char* kHint = "what it takes is in --help; a passphrase is never an argument";
  if (!mistake.arguments.empty()) return {ErrorCode::kUsage, misplaced(mistake.arguments), kHint};
  if (mistake.kind == "ConversionError" || mistake.kind == "ValidationError") {
    return {ErrorCode::kUsage, option_in(mistake.message) + " does not take this value", kHint};
  }
  return {ErrorCode::kUsage, std::string(mistake.message), "COMMAND --help says what it takes"};
}

}  // namespace tenon::hsm
