// Arguments: the command line of the TUF conformance suite, as its CLIENT-CLI.md has it.
#pragma once

#include <tenon/metadata/limits.h>
#include <tenon/metadata/result.h>

#include <span>
#include <string>
#include <vector>

namespace tenon::tests {

struct Arguments {
  enum class Command { kInit, kRefresh, kDownload };

  Command command = Command::kRefresh;
  std::string trusted_root = {};  // the file that init takes
  std::string metadata_dir = {};
  std::string metadata_url = {};
  std::vector<std::string> target_names = {};
  std::string target_base_url = {};
  std::string target_dir = {};
  // --max-metadata-bytes, for the benchmark alone: a file that lists a million targets is above the product's limit.
  std::size_t max_metadata_bytes = metadata::Limits{}.listed_bytes;

  // parse takes what follows the program's name; options stand in any order, before or after the command.
  // Errors: E_USAGE
  static Result<Arguments> parse(std::span<const char* const> words);
};

}  // namespace tenon::tests
