// TransferText: a request or a response as lines of text that fit QR codes and that people can paste: for machines that
// share no medium. Each line is one code: "TN1:1/2:9F86D081:BASE45", in the letters of QR's alphanumeric mode (RFC 9285);
// the digest is of the whole content, so that lines of two transfers are never joined. Content is compressed with zstd.
// Thread: safe.
#pragma once

#include <tenon/metadata/bytes.h>
#include <tenon/metadata/result.h>

#include <string>
#include <string_view>
#include <vector>

namespace tenon::keyctl {

inline constexpr std::size_t kMaxTransferBytes = 256 * 1024;  // of the content; larger ones travel as files
inline constexpr std::size_t kMaxCodeCharacters = 4296;       // ISO/IEC 18004: version 40-L, alphanumeric
inline constexpr std::size_t kMaxCodes = 16;

// to_transfer_lines Errors: E_LIMIT for more than fits kMaxCodes codes.
Result<std::vector<std::string>> to_transfer_lines(ByteView content);

// is_transfer_text is true for what begins as such a line does.
bool is_transfer_text(ByteView file);

// from_transfer_text joins lines in any order. Errors: E_PARSE for a wrong line or a missing one, saying which;
// E_MISMATCH for a digest that differs; E_LIMIT.
Result<Bytes> from_transfer_text(std::string_view text);

// draw_code gives a QR code for a terminal, of two rows a line in UTF-8, dark on light whatever the terminal's colours
// are. Errors: E_LIMIT for a line that is too long.
Result<std::string> draw_code(const std::string& line);

}  // namespace tenon::keyctl
