// Where the tree and what was built of it lie, for tests that read or start something there. One file knows, so that
// the others compile to the same everywhere.
#pragma once

#include <filesystem>

namespace tenon::tests {

std::filesystem::path source_dir();
std::filesystem::path binary_dir();

}  // namespace tenon::tests
