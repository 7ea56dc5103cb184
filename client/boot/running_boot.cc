#include <tenon/client/boot/running_boot.h>
#include <tenon/client/boot/running_group.h>

#include <fstream>
#include <sstream>
#include <utility>

namespace tenon::client {

Result<std::string> read_boot_text(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  if (file && !text.str().empty()) return text.str();
  return Error{ErrorCode::kHw, path.string() + " cannot be read or is empty"};
}

Result<Boot> read_running_boot(const std::filesystem::path& command_line, const std::filesystem::path& boot_id) {
  TENON_TRY(const std::string text, read_boot_text(command_line));
  TENON_TRY(const SlotGroup group, parse_running_group(text));
  TENON_TRY(std::string id, read_boot_text(boot_id));
  while (id.ends_with('\n')) id.pop_back();
  if (id.empty()) return Error{ErrorCode::kHw, boot_id.string() + " is empty"};
  return Boot{group, std::move(id), says_last_resort(text)};
}

}  // namespace tenon::client
