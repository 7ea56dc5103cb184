// tenon-keyctl request create: drafts and what came before them become one file for the people who sign. Whoever makes a
// request holds no key; it is reviewed here as it will be there, so that nobody is asked to sign what the policy refuses.
// Thread: one.
#pragma once

#include <tenon/keyctl/home.h>
#include <tenon/keyctl/review_text.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace tenon::keyctl {

// DraftFile is one document: an unsigned metadata file. The role is read from it, but for delegated roles, whose files do
// not name them.
struct DraftFile {
  std::optional<std::string> role;
  std::filesystem::path file;
};

struct CreateOptions {
  policies::Label repository;
  std::vector<DraftFile> drafts;
  std::map<std::string, std::filesystem::path> previous = {};  // by role; the version before it
  std::vector<std::filesystem::path> delegators = {};          // for a delegated role, targets first
  std::map<std::string, std::filesystem::path> children = {};  // by role; files of delegated roles whose keys change
  std::vector<std::filesystem::path> roots = {};               // besides the one that is remembered
  std::vector<std::filesystem::path> key_files = {};           // NAME.tenon-key of the people concerned
  std::optional<std::filesystem::path> policy = {};            // signed; else the one that is remembered
  std::vector<std::filesystem::path> target_folders = {};      // where the files that targets roles list are
  std::map<std::string, std::string> reasons = {};             // by Change::place
  std::string reason = {};                                     // for all other changes
  std::string nonce = {};
  std::int64_t valid_days = 14;
  bool rehearsal = false;
};

struct CreatedRequest {
  policies::SigningRequest request;
  Report report;
};

// create_request Errors: E_USAGE, E_PARSE and E_STORAGE for the files; those of review_request; E_POLICY, with all
// findings, when the policy refuses.
Result<CreatedRequest> create_request(Home& home, const CreateOptions& options, metadata::UtcTime now);

}  // namespace tenon::keyctl
