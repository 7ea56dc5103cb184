// What the commands share: words of the command line as values, and what is said of a draft.
#pragma once

#include <tenon/policies/rollout.h>
#include <tenon/repo_tools/commands.h>
#include <tenon/repo_tools/drafts.h>

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tenon::repo_tools {

// Each names the option that the word was given for. Errors: E_USAGE.
Result<policies::Label> label(std::string_view option, std::string_view text);
Result<std::vector<policies::Label>> labels(std::string_view option, const std::vector<std::string>& texts);
Result<policies::Sequence> sequence(std::string_view option, std::int64_t value);
Result<policies::Share> share(std::string_view option, std::string_view text);

// parse_size reads "65536", "64KiB", "1MiB". Errors: E_USAGE.
Result<std::uint64_t> parse_size(std::string_view text);
// parse_duration reads "0h", "36h", "2d" in seconds. Errors: E_USAGE.
Result<std::int64_t> parse_duration(std::string_view text);

// public_keys reads NAME.tenon-key files. Errors: those of read_key_file.
Result<std::vector<metadata::PublicKey>> public_keys(const std::vector<std::filesystem::path>& files);

// percent_of writes a share for people: "3.07 %".
std::string percent_of(std::uint64_t part, std::uint64_t whole);

inline constexpr std::string_view kSignNext = "  next: tenon-repo sign";

std::string draft_line(const Draft& draft, bool dry_run);
// say_drafts says the first of many, and how many there are.
void say_drafts(const Console& console, const std::vector<Draft>& drafts, bool dry_run);
json::Object draft_json(const Draft& draft);
// give_change is what changed, for programs; no draft means that all was there already.
void give_change(const Console& console, json::Object object, const std::optional<Draft>& draft, bool dry_run);

}  // namespace tenon::repo_tools
