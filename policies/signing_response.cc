#include <tenon/metadata/hex.h>
#include <tenon/metadata/json_fields.h>
#include <tenon/metadata/utf8.h>
#include <tenon/policies/signing_response.h>

namespace tenon::policies {
namespace {

constexpr std::string_view kFormat = "tenon-signature-1";
constexpr std::size_t kMaxToolBytes = 80;
constexpr std::size_t kMaxRoleBytes = 255;
constexpr std::size_t kMaxHexDigits = 20'000;  // ML-DSA-87: 9,254

Result<MadeSignature> read_signature(const json::Value& value) {
  TENON_TRY(json::Fields fields, json::Fields::of(value, "response.signatures"));
  TENON_TRY(std::string role, fields.string("role"));
  if (role.empty() || role.size() > kMaxRoleBytes) return fields.error("role is no name of a role");
  TENON_TRY(const std::string payload, fields.string("payload_sha256"));
  TENON_TRY(const Sha256 payload_sha256, Sha256::parse(payload));
  TENON_TRY(const std::string keyid_text, fields.string("keyid"));
  TENON_TRY(metadata::KeyId keyid, metadata::KeyId::parse(keyid_text));
  TENON_TRY(std::string hex, fields.string("sig"));
  TENON_TRY_VOID(fields.finish());
  if (hex.empty() || hex.size() > kMaxHexDigits || !from_hex(hex)) return fields.error("sig is no hex");
  return MadeSignature{std::move(role), payload_sha256, {std::move(keyid), std::move(hex)}};
}

}  // namespace

Result<SigningResponse> SigningResponse::parse(ByteView file) {
  TENON_TRY(const json::Value value, json::parse(file, {.max_bytes = kMaxBytes}));
  TENON_TRY(json::Fields fields, json::Fields::of(value, "response"));
  TENON_TRY(const std::string format, fields.string("format"));
  if (format != kFormat) {
    return fields.error("format is \"" + printable(format, 40) + "\", not \"" + std::string(kFormat) + "\"");
  }
  TENON_TRY(const std::string request_text, fields.string("request"));
  TENON_TRY(const Sha256 request, Sha256::parse(request_text));
  TENON_TRY(const std::string time_text, fields.string("signed_at"));
  TENON_TRY(const metadata::UtcTime signed_at, metadata::UtcTime::parse(time_text));
  TENON_TRY(std::string tool, fields.string("tool"));
  if (tool.size() > kMaxToolBytes) return fields.error("tool is longer than 80 bytes");
  TENON_TRY(const json::Array* array, fields.array("signatures"));
  TENON_TRY_VOID(fields.finish());
  if (array->empty()) return fields.error("there is no signature in it");
  if (array->size() > kMaxSignatures) {
    return Error{ErrorCode::kLimit, "response: " + std::to_string(array->size()) + " signatures, at most " +
                                        std::to_string(kMaxSignatures) + " are read"};
  }
  SigningResponse response{request, signed_at, std::move(tool), {}};
  for (const json::Value& item : *array) {
    TENON_TRY(MadeSignature signature, read_signature(item));
    response.signatures.push_back(std::move(signature));
  }
  return response;
}

std::string SigningResponse::to_text() const {
  json::Array array;
  for (const MadeSignature& made : signatures) {
    json::Object object;
    object.set("role", made.role);
    object.set("payload_sha256", made.payload_sha256.hex());
    object.set("keyid", made.signature.keyid.text());
    object.set("sig", made.signature.hex);
    array.emplace_back(std::move(object));
  }
  json::Object object;
  object.set("format", std::string(kFormat));
  object.set("request", request.hex());
  object.set("signed_at", signed_at.text());
  object.set("tool", tool);
  object.set("signatures", std::move(array));
  return json::to_text(object, 1) + "\n";
}

}  // namespace tenon::policies
