// read_text_file: a small file that people, or the maker of a device, wrote.
// Thread: any.
#pragma once

#include <tenon/metadata/result.h>

#include <string>

namespace tenon::client {

// read_text_file Errors: E_STORAGE, naming the file; E_LIMIT above 1 MiB.
Result<std::string> read_text_file(const std::string& path);

}  // namespace tenon::client
