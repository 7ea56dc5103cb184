// Importing: what people signed elsewhere, over request files, brings its signatures to the draft that is staged here. Bytes
// that nobody drafted here never get in.
// Thread: one.
#pragma once

#include <tenon/repo_tools/file_writer.h>
#include <tenon/repo_tools/role_status.h>

#include <string>
#include <vector>

namespace tenon::repo_tools {

// SignedFile is a metadata file, named as its draft is: "targets.json", "releases.demo.json".
struct SignedFile {
  std::string name;
  Bytes content;
};

struct Imported {
  RoleStatus status;
  std::size_t signatures_added = 0;
};

// import_signed adds those signatures that verify under keys of the role. On an error no file has changed.
// Errors: E_USAGE for a file that is named as no draft that is staged; E_MISMATCH when what was signed is not the draft,
// saying what differs; E_SIG for a file in which no signature counts; E_PARSE; those of Repository; E_STORAGE.
Result<std::vector<Imported>> import_signed(const Repository& repository, FileWriter& writer,
                                            const std::vector<SignedFile>& files);

}  // namespace tenon::repo_tools
