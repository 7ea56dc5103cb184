#include <tenon/metadata/utf8.h>

#include <charconv>
#include <string_view>

#include <tests/conformance/arguments.h>

namespace tenon::tests {
namespace {

using Command = Arguments::Command;

Error usage(const std::string& message) {
  return Error{ErrorCode::kUsage, message,
               "--metadata-dir DIR init ROOT, or --metadata-url URL --metadata-dir DIR refresh, or the same with "
               "--target-name PATH [...] --target-base-url URL --target-dir DIR download"};
}

std::string* single_option(Arguments& arguments, std::string_view name) {
  if (name == "--metadata-dir") return &arguments.metadata_dir;
  if (name == "--metadata-url") return &arguments.metadata_url;
  if (name == "--target-base-url") return &arguments.target_base_url;
  if (name == "--target-dir") return &arguments.target_dir;
  return nullptr;
}

Result<void> read_size(const std::string& text, std::size_t& size) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), size);
  if (error == std::errc() && end == text.data() + text.size()) return {};
  return usage(printable(text) + " is no number of bytes");
}

// What the command needs and was not given; nullptr when all is there.
const char* missing(const Arguments& arguments) {
  if (arguments.metadata_dir.empty()) return "--metadata-dir";
  if (arguments.command == Command::kInit) return nullptr;
  if (arguments.metadata_url.empty()) return "--metadata-url";
  if (arguments.command == Command::kRefresh) return nullptr;
  if (arguments.target_names.empty()) return "--target-name";
  if (arguments.target_base_url.empty()) return "--target-base-url";
  return arguments.target_dir.empty() ? "--target-dir" : nullptr;
}

}  // namespace

Result<Arguments> Arguments::parse(std::span<const char* const> words) {
  Arguments arguments;
  std::vector<std::string> plain;  // the command, and the file of init
  std::string max_metadata_bytes;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string_view word = words[i];
    if (!word.starts_with("--")) {
      plain.emplace_back(word);
      continue;
    }
    std::string* option = single_option(arguments, word);
    if (word == "--target-name") option = &arguments.target_names.emplace_back();
    if (word == "--max-metadata-bytes") option = &max_metadata_bytes;
    if (option == nullptr) return usage(printable(word) + " is no option");
    if (!option->empty()) return usage(printable(word) + " is given twice");
    if (++i == words.size()) return usage(printable(word) + " needs a value");
    *option = words[i];
  }
  if (plain.empty()) return usage("no command");
  if (!max_metadata_bytes.empty()) TENON_TRY_VOID(read_size(max_metadata_bytes, arguments.max_metadata_bytes));
  const bool init = plain.front() == "init";
  if (init) {
    arguments.command = Command::kInit;
  } else if (plain.front() == "download") {
    arguments.command = Command::kDownload;
  } else if (plain.front() != "refresh") {
    return usage(printable(plain.front()) + " is no command");
  }
  if (plain.size() != (init ? 2u : 1u)) return usage(init ? "init takes one file" : "too many words");
  if (init) arguments.trusted_root = plain.back();
  if (const char* option = missing(arguments)) return usage(std::string(option) + " is missing");
  return arguments;
}

}  // namespace tenon::tests
