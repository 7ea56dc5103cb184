// ServedFiles: what a client can ask of whoever serves a repository: a folder, a bundle.
// Thread: one call at a time.
#pragma once

#include <tenon/client/workflow/exchange.h>
#include <tenon/metadata/digest.h>
#include <tenon/metadata/result.h>
#include <tenon/metadata/target_path.h>

#include <string>

namespace tenon::repo_tools {

class ServedFiles {
 public:
  virtual ~ServedFiles() = default;

  // metadata gives a file of metadata/, as a web server would. Errors: E_STORAGE; E_LIMIT above max_bytes.
  virtual Result<client::Reply> metadata(const std::string& file, std::size_t max_bytes) const = 0;

  // read_target gives a target's bytes, whatever they are. Errors: E_NET when they are not there, as a client would see it;
  // E_STORAGE; E_LIMIT above max_bytes.
  virtual Result<Bytes> read_target(const metadata::TargetPath& path, const Sha256& sha256,
                                    std::size_t max_bytes) const = 0;
};

}  // namespace tenon::repo_tools
