// HeldPart: some bytes of a payload, as they were fetched last. Thread: one.
#pragma once

#include <tenon/client/updater/byte_collector.h>
#include <tenon/client/updater/repository_client.h>

namespace tenon::client {

class HeldPart {
 public:
  // fetch takes the place of what was held. Pre: the part lies inside the payload, and is not empty.
  // Errors: E_NET; E_MISMATCH when the source does not have the payload: nobody waits for it to appear, there are others.
  Result<void> fetch(const PartReader& parts, std::uint64_t offset, std::uint64_t length) {
    sink_.bytes.clear();
    sink_.bytes.reserve(static_cast<std::size_t>(length));
    TENON_TRY(const FetchOutcome outcome, parts.read_part(offset, length, sink_));
    if (outcome == FetchOutcome::kComplete) return {};
    return Error{ErrorCode::kMismatch, "the repository lists the payload and does not have it"};
  }

  ByteView bytes() const { return sink_.bytes; }

 private:
  ByteCollector sink_;
};

}  // namespace tenon::client
