// Adding a release: images become payloads and segment lists, release.json says what they are, and a new draft of
// releases.<product> lists them. The device's own decoder reads every payload, full or delta, before anything is staged.
#pragma once

#include <tenon/repo_tools/drafts.h>
#include <tenon/repo_tools/payload_writer.h>
#include <tenon/repo_tools/release_deltas.h>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace tenon::repo_tools {

struct AttachedFile {
  std::string kind;  // policies::Attachment::kSbom, kProvenance
  std::filesystem::path file;
};

struct ReleaseRequest {
  policies::Label product;
  policies::Label version;
  std::optional<policies::Sequence> sequence = {};  // else one above all others
  std::optional<policies::Sequence> floor = {};     // else that of the release before
  std::vector<policies::Label> hardware = {};
  std::vector<ImageFile> images = {};
  std::string notes = {};
  std::optional<policies::Label> kind = {};
  std::vector<AttachedFile> attached = {};                    // each with a name of its own
  std::optional<std::vector<policies::Bridge>> bridges = {};  // in any order; else those of the release before
  EncodeOptions encode = {};
  DeltaOffer deltas = {};
  bool local = false;  // whether each image gets a local payload too
};

struct StagedFile {
  metadata::TargetPath path;
  std::uint64_t length;  // bytes
};

struct ReleaseAdded {
  policies::Release release;
  std::vector<StagedFile> files = {};  // none when the release was there already
  std::optional<Draft> draft = {};
  std::string note = {};  // something that people should know
  ReleaseDeltas deltas = {};
};

// add_release takes a release that exists with the same content for done, whatever payloads it has beside the full ones.
// Errors: E_POLICY for a version that exists with other content or was removed, and for a sequence that is not above all others; what check_bridges() refuses; E_MISMATCH for a provenance of other images; E_USAGE, E_PARSE,
// E_LIMIT, E_STORAGE for what is asked. On an error no draft has changed.
Result<ReleaseAdded> add_release(const Repository& repository, FileWriter& writer, const ReleaseRequest& request,
                                 metadata::UtcTime now, Progress& progress);

}  // namespace tenon::repo_tools
