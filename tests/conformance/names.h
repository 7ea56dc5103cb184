// The names that the conformance client uses outside metadata: what is sent for a target path, what its file is called,
// and which stored files are roots. Pure.
// Thread: any.
#pragma once

#include <tenon/metadata/target_path.h>

#include <string>
#include <string_view>

namespace tenon::tests {

// sent_path is what stands in the URL for a target path. A target path is a relative URL path already, so it is sent
// as it is; only what no URL path can hold is percent-encoded.
// Spec: 4.5
std::string sent_path(std::string_view target_path);

// target_file_name is the one file of a target in a flat folder: the whole path percent-encoded, without a dot in
// front; a path too long for that goes by its digest.
std::string target_file_name(const metadata::TargetPath& path);

// is_root_file is true for "12.root.json", as the workflow names a root.
bool is_root_file(std::string_view file_name);

}  // namespace tenon::tests
