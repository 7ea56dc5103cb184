// Signing requests: one that is read is written and read again as the same request, under the same id; what is signed is
// what the request states; and no document stands in it twice.
#include <tenon/metadata/check.h>
#include <tenon/policies/signing_request.h>

#include <cstdint>
#include <set>
#include <string>

using tenon::policies::RequestedDocument;
using tenon::policies::SigningRequest;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const tenon::Result<SigningRequest> request = SigningRequest::parse(tenon::ByteView(data, size));
  if (!request) {
    const tenon::ErrorCode code = request.error().code;
    TENON_CHECK(code == tenon::ErrorCode::kParse || code == tenon::ErrorCode::kLimit ||
                code == tenon::ErrorCode::kMismatch);
    return 0;
  }
  const std::string text = request->to_text();
  if (text.size() > SigningRequest::kMaxBytes) return 0;  // written with spaces it may not fit any more
  const tenon::Result<SigningRequest> again = SigningRequest::parse(tenon::as_bytes(text));
  TENON_CHECK(again.has_value());
  TENON_CHECK(again->id() == request->id());
  TENON_CHECK(again->to_text() == text);
  std::set<std::string> roles;
  for (std::size_t i = 0; i < request->documents.size(); ++i) {
    const RequestedDocument& document = request->documents[i];
    TENON_CHECK(roles.insert(document.role).second);
    TENON_CHECK(document.payload_sha256() == again->documents[i].payload_sha256());
    TENON_CHECK(request->find(document.role) == &document);
  }
  TENON_CHECK(!roles.empty());
  return 0;
}
