// Publication: what one publishing writes, and what clients would see once it is written.
#pragma once

#include <tenon/repo_tools/pending_file.h>
#include <tenon/repo_tools/repository_view.h>
#include <tenon/repo_tools/signing.h>

#include <optional>
#include <string>
#include <vector>

namespace tenon::repo_tools {

// Publication lists its files in the order in which they are written.
struct Publication {
  struct TargetFile {
    std::string name;  // below targets/, with the digest in front
    Sha256 sha256;
  };
  struct MetadataFile {
    std::string name;  // below metadata/
    PendingFile content;
    metadata::Version version;
    std::optional<RoleId> role = {};              // absent for a root
    std::vector<metadata::KeyId> signed_by = {};  // as the file says

    // is_seen_at_once is true for what clients ask for without being led there.
    bool is_seen_at_once() const { return !role || replaces(); }
    bool replaces() const { return role == RoleId::timestamp(); }  // all others stay as they are for ever
    bool lists_targets() const { return role && role->lists_targets(); }
  };
  std::vector<TargetFile> targets = {};
  std::vector<MetadataFile> metadata = {};

  bool empty() const { return metadata.empty(); }
  std::uint64_t metadata_bytes() const;
};

// staged_publication gives all that is staged; empty when nothing is. Errors: E_SIG for a role below its threshold,
// naming who is missing; E_EXPIRED; E_POLICY for a version that is not the next; those of Repository.
Result<Publication> staged_publication(const Repository& repository, metadata::UtcTime now);

// online_publication gives what sign_online made.
Result<Publication> online_publication(const OnlineRoles& roles);

// view_of is what clients would get once it is written. Caller must keep the repository alive.
RepositoryView view_of(const Repository& repository, const Publication& publication);

}  // namespace tenon::repo_tools
