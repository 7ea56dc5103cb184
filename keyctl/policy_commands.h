// tenon-keyctl policy build, show, explain and check.
#pragma once

#include <tenon/keyctl/report.h>
#include <tenon/metadata/utc_time.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tenon::keyctl {

struct PolicyBuildOptions {
  std::filesystem::path source;  // POLICY.toml
  std::filesystem::path output;
  std::optional<std::string> repository = {};  // each in place of what the source says
  std::optional<std::int64_t> version = {};
  std::optional<metadata::UtcTime> expires = {};
  bool overwrite = false;
};

// build_policy writes the policy that root's keys sign, unsigned. Errors: E_USAGE for a wrong source, a repository that has
// no name yet; E_EXPIRED; E_POLICY for a waiver of a rule that is not known, or if the output exists; E_STORAGE
Result<Report> build_policy(const PolicyBuildOptions& options, metadata::UtcTime now);

// show_policy Errors: those of read_policy_file.
Result<Report> show_policy(const std::filesystem::path& path, metadata::UtcTime now);

// explain_rules says what one rule, or each of them, is for. Errors: E_USAGE for an id that is not known.
Result<Report> explain_rules(std::string_view id);

struct PolicyCheckOptions {
  std::filesystem::path policy;
  std::filesystem::path root;
  std::optional<std::filesystem::path> previous = {};
  std::vector<std::filesystem::path> key_files = {};
};

// check_policy asks the rules that need no request about a root. The report's status says whether it was refused.
// Errors: those of read_policy_file, RootFile::parse and read_key_file.
Result<Report> check_policy(const PolicyCheckOptions& options, metadata::UtcTime now);

}  // namespace tenon::keyctl
