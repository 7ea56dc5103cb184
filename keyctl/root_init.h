// tenon-keyctl root init: key files in, a draft of root version 1 out.
#pragma once

#include <tenon/keyctl/report.h>
#include <tenon/metadata/root.h>
#include <tenon/metadata/utc_time.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <vector>

namespace tenon::keyctl {

struct InitRole {
  std::vector<std::filesystem::path> key_files;
  std::int64_t threshold = 1;
};

struct InitOptions {
  std::filesystem::path output;
  std::map<metadata::TopRole, InitRole> roles;  // all four
  metadata::UtcTime expires;
  bool lab = false;
  bool overwrite = false;
  bool dry_run = false;  // say what would be written, write nothing
  bool rehearsal = false;
};

// init_root Errors: E_USAGE for a threshold below 1; those of read_key_file and draft_root; E_POLICY if the output
// exists and may not be overwritten; E_STORAGE
Result<Report> init_root(const InitOptions& options, metadata::UtcTime now);

}  // namespace tenon::keyctl
