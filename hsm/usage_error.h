// usage_error is what programs that handle secrets say of a command line that their parser does not take. The parser's own
// words repeat what was typed, which may be a passphrase.
// Thread: safe.
#pragma once

#include <tenon/metadata/result.h>

#include <span>
#include <string>
#include <string_view>

namespace tenon::hsm {

// Mistake is what CLI11 found.
struct Mistake {
  std::string_view kind;                   // the error's name, as "ConversionError"
  std::string_view message;                // its text
  std::span<const std::string> arguments;  // those that were not understood
};

// usage_error names options, and repeats nothing else that was typed. Returns: E_USAGE.
Error usage_error(const Mistake& mistake);

}  // namespace tenon::hsm
