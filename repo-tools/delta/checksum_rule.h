// checksum_rule: which checksums of an ext4 image a decoder can compute by itself, so that a delta need not carry them.
#pragma once

#include <tenon/client/payload/ext4_checksums.h>
#include <tenon/metadata/bytes.h>
#include <tenon/repo_tools/delta/ext4_layout.h>

#include <optional>

namespace tenon::repo_tools {

// checksum_rule names all checksums of the image that are right, and leaves the others as they are.
// Returns: nothing for a file system without checksums.
std::optional<client::Ext4Checksums> checksum_rule(ByteView image, const Ext4Layout& layout);

}  // namespace tenon::repo_tools
