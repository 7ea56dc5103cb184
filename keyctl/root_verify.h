// tenon-keyctl root show and root verify: what is in a root, and does it hold.
#pragma once

#include <tenon/keyctl/root_file.h>

#include <optional>

namespace tenon::keyctl {

// verify_root checks a root as a device will: signed to its own threshold and, with a previous root, to that one's too
// and exactly one version above it; and that it has not expired. An expired root still leads to its successor, so a
// previous one may be expired. Errors: E_SIG, saying who is missing; E_ROLLBACK for a version that may not follow;
// E_EXPIRED; E_PARSE; E_LIMIT
Result<Report> verify_root(ByteView file, std::optional<ByteView> previous, const KeyNames& names,
                           metadata::UtcTime now);

}  // namespace tenon::keyctl
