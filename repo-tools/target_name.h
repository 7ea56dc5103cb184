// Names of target files that we publish: plainer than what clients accept.
// Thread: any; pure.
#pragma once

#include <tenon/metadata/result.h>

#include <string_view>

namespace tenon::repo_tools {

// check_name_is_portable takes characters alone that every client, file system and server reads alike, so that no two names
// are told apart by one and not by another: no composed and decomposed spelling of one word, no letter that looks like
// another. Errors: E_POLICY.
Result<void> check_name_is_portable(std::string_view name);

}  // namespace tenon::repo_tools
