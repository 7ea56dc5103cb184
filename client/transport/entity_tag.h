// The name that a server gives to one version of a file, so that a transfer which broke off goes on with the same
// version or not at all (RFC 9110, sections 8.8.3 and 13.1.5). Pure.
// Thread: any.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace tenon::client {

// strong_entity_tag gives the value of an ETag header, quotes included, when it may stand in If-Range: a weak one says
// only that two versions mean the same, not that they have the same bytes. Nothing for a weak tag, for what is no tag, and
// for one that a line of a request should not repeat: control characters, bytes beyond ASCII, more than 256 of them.
std::optional<std::string> strong_entity_tag(std::string_view value);

}  // namespace tenon::client
