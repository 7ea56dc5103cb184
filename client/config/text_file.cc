#include <tenon/client/config/text_file.h>

#include <cerrno>
#include <cstring>
#include <fstream>

namespace tenon::client {
namespace {

constexpr std::size_t kMaxFileBytes = 1u << 20;

}  // namespace

Result<std::string> read_text_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text(kMaxFileBytes + 1, '\0');
  if (!file) return Error{ErrorCode::kStorage, path + ": " + std::strerror(errno)};
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (file.bad()) return Error{ErrorCode::kStorage, path + " cannot be read"};
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (text.size() > kMaxFileBytes) return Error{ErrorCode::kLimit, path + " is larger than 1 MiB"};
  return text;
}

}  // namespace tenon::client
