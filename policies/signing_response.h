// SigningResponse, NAME.tenon-signature: the signatures that one person made for a request. It proves nothing by itself:
// whoever merges it verifies every signature against the keys that the role lists.
//
//   {"format": "tenon-signature-1", "request": ID, "signed_at": ..., "tool": "tenon-keyctl 0.1.0",
//    "signatures": [{"role": "root", "payload_sha256": ..., "keyid": ..., "sig": HEX}]}
//
// Thread: values.
#pragma once

#include <tenon/metadata/digest.h>
#include <tenon/metadata/envelope.h>
#include <tenon/metadata/utc_time.h>

#include <string>
#include <vector>

namespace tenon::policies {

struct MadeSignature {
  std::string role;
  Sha256 payload_sha256;
  metadata::Signature signature;
  bool operator==(const MadeSignature&) const = default;
};

struct SigningResponse {
  static constexpr std::size_t kMaxBytes = 1u << 20;
  static constexpr std::size_t kMaxSignatures = 256;  // documents of a request times keys of one person

  Sha256 request;
  metadata::UtcTime signed_at;
  std::string tool;
  std::vector<MadeSignature> signatures;  // at least one

  // parse is strict. Errors: E_PARSE; E_LIMIT.
  static Result<SigningResponse> parse(ByteView file);
  std::string to_text() const;
  bool operator==(const SigningResponse&) const = default;
};

}  // namespace tenon::policies
