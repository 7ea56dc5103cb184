// Signing responses: one that is read is written and read again as the same, holds at least one signature, and none without
// bytes.
#include <tenon/metadata/check.h>
#include <tenon/policies/signing_response.h>

#include <cstdint>

using tenon::policies::SigningResponse;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const tenon::Result<SigningResponse> response = SigningResponse::parse(tenon::ByteView(data, size));
  if (!response) {
    const tenon::ErrorCode code = response.error().code;
    TENON_CHECK(code == tenon::ErrorCode::kParse || code == tenon::ErrorCode::kLimit);
    return 0;
  }
  TENON_CHECK(!response->signatures.empty() && response->signatures.size() <= SigningResponse::kMaxSignatures);
  for (const auto& made : response->signatures) TENON_CHECK(made.signature.bytes() && !made.signature.bytes()->empty());
  const tenon::Result<SigningResponse> again = SigningResponse::parse(tenon::as_bytes(response->to_text()));
  TENON_CHECK(again && *again == *response);
  return 0;
}
