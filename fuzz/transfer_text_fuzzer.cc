// Transfers: what was put into lines comes out of them, in any order; and no text gives more than a transfer may hold.
#include <tenon/keyctl/transfer_text.h>
#include <tenon/metadata/check.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

using tenon::keyctl::from_transfer_text;
using tenon::keyctl::kMaxCodeCharacters;
using tenon::keyctl::kMaxCodes;
using tenon::keyctl::kMaxTransferBytes;
using tenon::keyctl::to_transfer_lines;

namespace {

void check_round_trip(tenon::ByteView content) {
  const tenon::Result<std::vector<std::string>> lines = to_transfer_lines(content);
  if (!lines) {
    TENON_CHECK(lines.error().code == tenon::ErrorCode::kLimit);
    return;
  }
  TENON_CHECK(!lines->empty() && lines->size() <= kMaxCodes);
  std::string text;
  for (auto line = lines->rbegin(); line != lines->rend(); ++line) {
    TENON_CHECK(line->size() <= kMaxCodeCharacters);
    text += *line + "\r\n";
  }
  const tenon::Result<tenon::Bytes> again = from_transfer_text(text);
  TENON_CHECK(again && std::ranges::equal(*again, content));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const tenon::ByteView input(data, size);
  check_round_trip(input);
  const tenon::Result<tenon::Bytes> content = from_transfer_text(tenon::as_text(input));
  if (content) {
    TENON_CHECK(content->size() <= kMaxTransferBytes);
    check_round_trip(*content);
  } else {
    const tenon::ErrorCode code = content.error().code;
    TENON_CHECK(code == tenon::ErrorCode::kParse || code == tenon::ErrorCode::kLimit ||
                code == tenon::ErrorCode::kMismatch);
  }
  return 0;
}
