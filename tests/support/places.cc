#include <tests/support/places.h>

namespace tenon::tests {

std::filesystem::path source_dir() {
  return TENON_SOURCE_DIR;
}

std::filesystem::path binary_dir() {
  return TENON_BINARY_DIR;
}

}  // namespace tenon::tests
