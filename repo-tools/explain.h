// Explain: who vouches for a target, as a client finds it in what is published, or why nobody does.
#pragma once

#include <tenon/repo_tools/client_check.h>

#include <optional>
#include <string>
#include <vector>

namespace tenon::repo_tools {

// Explanation follows one search: the roles it asked in their order, and what it found. Bystanders list the path too, and
// count for nothing: no delegation lets them speak for it, or the search ended before it came to them.
struct Explanation {
  metadata::TargetPath path;
  std::vector<metadata::RoleName> asked = {};
  std::optional<metadata::VerifiedTarget> found = {};
  std::string file = {};                 // below public/targets, of what was found
  std::optional<Error> file_error = {};  // it is not there, or is another
  std::vector<RoleId> bystanders = {};

  std::string to_text(metadata::UtcTime now) const;
  json::Value to_json() const;
};

// explain Errors: those of a refresh and of a search.
Result<Explanation> explain(const Repository& repository, ByteView embedded_root, const metadata::TargetPath& path,
                            metadata::UtcTime now);

}  // namespace tenon::repo_tools
