// ImageInstaller: makes a slot hold an image, segment by segment. Each segment is checked against the signed list
// before it is written; what the slot already holds is not fetched again; at the end everything is read back from the
// medium. Memory: one segment beside the decoder's and the segment list, whatever the image size.
#pragma once

#include <tenon/client/payload/segment_list.h>
#include <tenon/client/ports/reporter.h>
#include <tenon/client/ports/slots.h>
#include <tenon/client/updater/repository_client.h>
#include <tenon/policies/release.h>

#include <cstdint>
#include <functional>

namespace tenon::client {

class ImageInstaller {
 public:
  // SaveCheckpoint is called with the number of segments that are on the medium.
  using SaveCheckpoint = std::function<Result<void>(std::uint64_t segments)>;

  // Caller must keep everything alive. Pre: the slot is at least as large as the image.
  ImageInstaller(const policies::Image& image, const SegmentList& segments, Slot& slot, Reporter& reporter);

  // resume_at finds the first segment that is missing: those before `checkpoint` are on the medium, those after it are
  // looked at and counted as long as they are right.
  Result<std::uint64_t> resume_at(std::uint64_t checkpoint);

  // write fetches the full payload from segment `first` on and writes it. When a source fails, the next goes on with the
  // segment that is missing then.
  // Errors: E_MISMATCH for a segment that is not what was signed, and nothing of it is written; E_NET; E_PARSE;
  // E_STORAGE. What was written before an error stays, and the checkpoint says so.
  Result<void> write(RepositoryClient& client, const TrustedRepository& repository,
                     const metadata::VerifiedTarget& payload, std::uint64_t first,
                     const SaveCheckpoint& save_checkpoint);

  // read_back checks every segment as the medium gives it.
  // Errors: E_STORAGE for one that is not what was written; the checkpoint is set back to it.
  Result<void> read_back(const SaveCheckpoint& save_checkpoint);

 private:
  Result<bool> slot_holds(std::uint64_t index);
  Result<std::uint64_t> payload_offset(const PartReader& payload, std::uint64_t payload_length, std::uint64_t first);

  const policies::Image* image_;
  const SegmentList* segments_;
  Slot* slot_;
  Reporter* reporter_;
  Bytes buffer_;
};

}  // namespace tenon::client
