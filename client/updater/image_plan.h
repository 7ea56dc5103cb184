// ImagePlan: from which payloads this device can make an image, the one of the fewest bytes first, and why not from the others.
// A delta is of use where the slot that runs holds its base, byte for byte; a local payload where that slot holds many of the
// image's blocks; and both where making the image fits the device's memory.
// Thread: one.
#pragma once

#include <tenon/client/payload/local_content.h>
#include <tenon/client/ports/reporter.h>
#include <tenon/client/ports/slots.h>
#include <tenon/metadata/fresh.h>
#include <tenon/policies/release.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace tenon::client {

struct PlannedPayload {
  policies::Payload payload;
  metadata::VerifiedTarget target;
  std::uint64_t fetch_bytes = 0;                     // about, of a local payload
  std::uint64_t memory = 0;                          // bytes, to make the image
  std::shared_ptr<const LocalContent> content = {};  // of a local payload
};

struct PassedOver {
  policies::Payload payload;
  std::string why;
};

struct ImagePlan {
  std::vector<PlannedPayload> payloads;  // one at least
  std::vector<PassedOver> passed_over;
};

// ReleaseFiles gives the files of one release, as trusted roles list them.
class ReleaseFiles {
 public:
  virtual ~ReleaseFiles() = default;
  // find Errors: E_POLICY for a file that nobody vouches for, and the other E_* of a search.
  virtual Result<metadata::VerifiedTarget> find(const policies::Label& file) = 0;
  // fetch Errors: E_NET, E_MISMATCH, E_LIMIT, E_EXPIRED.
  virtual Result<Bytes> fetch(const metadata::VerifiedTarget& target, std::uint64_t max_length) = 0;
};

// plan_image reads `running`, the slot that runs, once through if there is a delta that may start from it, and once through if
// no delta does and there is a local payload; null: it cannot be read. memory: what making the image may take, bytes.
// Errors: E_POLICY when no payload is of use; what `files` returned, but for what one payload lacks: then it is passed over.
Result<ImagePlan> plan_image(const policies::Image& image, Slot* running, std::uint64_t memory, ReleaseFiles& files,
                             Reporter& reporter);

}  // namespace tenon::client
