// Publishing: what is staged becomes what clients get, or nothing changes. Everything is checked as a client would
// before the first byte is public; then files are written so that at every instant a client finds the old state or the
// new one: target files, delegated roles, targets, snapshot, new roots, and timestamp last. Killed anywhere, publishing
// again completes it.
#pragma once

#include <tenon/repo_tools/file_writer.h>
#include <tenon/repo_tools/repository_view.h>
#include <tenon/repo_tools/signing.h>

#include <optional>
#include <string>
#include <vector>

namespace tenon::repo_tools {

// Publication is what one publishing writes, in this order. Metadata is held in memory: what was checked is written.
struct Publication {
  struct TargetFile {
    std::string name;  // below targets/, with the digest in front
    Sha256 sha256;
  };
  struct MetadataFile {
    std::string name;  // below metadata/
    Bytes content;
    bool replaces = false;            // timestamp.json; all others stay as they are for ever
    std::optional<RoleId> role = {};  // absent for a root
  };
  std::vector<TargetFile> targets = {};
  std::vector<MetadataFile> metadata = {};
  std::vector<RoleId> targets_roles = {};  // whose files are in metadata

  bool empty() const { return metadata.empty(); }
};

// staged_publication gives all that is staged; empty when nothing is. Errors: E_SIG for a role below its threshold,
// naming who is missing; E_EXPIRED; E_POLICY for a version that is not the next; those of Repository.
Result<Publication> staged_publication(const Repository& repository, metadata::UtcTime now);

// online_publication gives what sign_online made.
Result<Publication> online_publication(const OnlineRoles& roles);

// view_of is what clients would get once it is written. Caller must keep the repository alive.
RepositoryView view_of(const Repository& repository, const Publication& publication);

// check_publication judges as a new device, and as one that knows what is published now.
// Errors: those of a client; E_POLICY for a file that is public with other bytes, or a target that no client would
// find; E_MISMATCH for a target file that is not the one listed.
Result<void> check_publication(const Repository& repository, const Publication& publication, metadata::UtcTime now);

// write_publication Pre: check_publication passed. It writes the log too. Errors: E_STORAGE, E_POLICY, E_MISMATCH; call
// it again to go on.
Result<void> write_publication(const Repository& repository, FileWriter& writer, const Publication& publication,
                               metadata::UtcTime now);

// clear_staging removes what was published, and files that no draft lists. Pre: nothing is staged that is not public.
Result<void> clear_staging(const Repository& repository, FileWriter& writer);

}  // namespace tenon::repo_tools
