#include <tenon/metadata/utf8.h>
#include <tenon/repo_tools/target_name.h>

namespace tenon::repo_tools {

Result<void> check_name_is_portable(std::string_view name) {
  constexpr std::string_view kPortable = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._~-=@,/";
  if (name.find_first_not_of(kPortable) == name.npos) return {};
  return Error{ErrorCode::kPolicy, printable(name) + ": is not of A-Z a-z 0-9 . _ ~ - = @ , / alone"}.with_hint(
      "give the file a plain name");
}

}  // namespace tenon::repo_tools
