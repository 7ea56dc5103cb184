// Text as people and terminals see it: is it UTF-8, and what of it is safe to print.
#pragma once

#include <string>
#include <string_view>

namespace tenon {

// is_utf8 is true for well-formed UTF-8 (RFC 3629): no overlong forms, no surrogates, nothing above U+10FFFF.
bool is_utf8(std::string_view text);

// has_control_characters is true for U+0000..U+001F and U+007F.
bool has_control_characters(std::string_view text);

// printable makes text from a file or a server safe for a terminal and a log line: control characters, marks that reorder
// text, characters that nobody sees, and bytes that are no UTF-8 become \xNN; at most max_bytes of the text are shown.
std::string printable(std::string_view text, std::size_t max_bytes = 256);

// spelled_out is printable text for names that people compare by eye: every character beyond ASCII is named as well,
// since letters of other scripts, accents and spaces without width look like something else. A Cyrillic a in "pay"
// gives "pay [not ASCII: U+0430]".
std::string spelled_out(std::string_view text, std::size_t max_bytes = 1024);

}  // namespace tenon
