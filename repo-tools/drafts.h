// Drafts: new versions of targets roles, unsigned, in staging/metadata. A draft that is written again loses its
// signatures: they were for other bytes.
#pragma once

#include <tenon/repo_tools/file_writer.h>
#include <tenon/repo_tools/repository.h>

#include <optional>
#include <vector>

namespace tenon::repo_tools {

// Draft says what was drafted.
struct Draft {
  RoleId role;
  metadata::Version version;
  metadata::UtcTime expires;
  std::size_t signatures_dropped = 0;
};

// write_draft gives the role its next version and a new expiry. Errors: those of Repository; E_STORAGE.
Result<Draft> write_draft(const Repository& repository, FileWriter& writer, const RoleId& role,
                          metadata::Targets targets, metadata::UtcTime expires);

// renew drafts a targets role again as it is, with a new expiry. Errors: E_USAGE for snapshot and timestamp, which sign
// and refresh draft, and for a role that there is not.
Result<Draft> renew(const Repository& repository, FileWriter& writer, const RoleId& role,
                    std::optional<Days> expires_in, metadata::UtcTime now);

// renew_bins renews all bins of a role. Errors: E_USAGE for a role without bins; as renew.
Result<std::vector<Draft>> renew_bins(const Repository& repository, FileWriter& writer, const RoleId& role,
                                      std::optional<Days> expires_in, metadata::UtcTime now);

// stage_target writes a small target file and lists it.
Result<void> stage_target(const Repository& repository, FileWriter& writer, const metadata::TargetPath& path,
                          ByteView content, metadata::Targets& targets);

// target_entry is how we list a file: length and sha256.
metadata::TargetEntry target_entry(std::uint64_t length, const Sha256& sha256);

}  // namespace tenon::repo_tools
