// The rules for URLs of a repository, without a library: which base is one, where a redirect may lead, what is shown to
// people. Pure.
// Thread: any.
#pragma once

#include <tenon/metadata/result.h>

#include <string>
#include <string_view>

namespace tenon::client {

// parse_base_url reads the address of a repository and ends it with '/': http or https, a host, no query, no fragment.
// Errors: E_USAGE
Result<std::string> parse_base_url(std::string_view text);

// url_below is the URL of a percent-encoded relative path below a base. A path that could leave the base is refused.
// Errors: E_NET
Result<std::string> url_below(const std::string& base_url, std::string_view path);

// parse_proxy_url reads the address of a proxy: http or https, user name and password, a host, a port, and nothing below it.
// Errors: E_USAGE
Result<std::string> parse_proxy_url(std::string_view text);

// origin_of is whom a URL speaks to: scheme, host and port, without a user name. Two URLs of one origin may spell it in
// two ways; two origins never look alike.
std::string origin_of(std::string_view url);

// may_redirect is true from http to http or https, and from https to https. Nothing leads to files or other schemes,
// and nothing that began encrypted goes on in the clear.
bool may_redirect(std::string_view from, std::string_view to);

// shown_url is a URL as it may stand in a message or a log: without user name, password and query, any of which may be
// a secret.
std::string shown_url(std::string_view url);

}  // namespace tenon::client
