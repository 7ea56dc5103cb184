#include <tenon/metadata/json_fields.h>
#include <tenon/metadata/utf8.h>
#include <tenon/repo_tools/provenance.h>

#include <algorithm>
#include <cctype>
#include <set>
#include <string>

#include <sodium.h>

namespace tenon::repo_tools {
namespace {

constexpr std::string_view kStatement = "https://in-toto.io/Statement/";
constexpr std::string_view kPayloadType = "application/vnd.in-toto+json";

Result<Bytes> payload_of(json::Fields& envelope) {
  TENON_TRY(const std::string type, envelope.string("payloadType"));
  if (type != kPayloadType) return envelope.error("payloadType is \"" + printable(type, 80) + "\"");
  TENON_TRY(const std::string base64, envelope.string("payload"));
  for (const int variant : {sodium_base64_VARIANT_ORIGINAL, sodium_base64_VARIANT_URLSAFE}) {
    Bytes payload(base64.size());
    std::size_t size = 0;
    if (sodium_base642bin(payload.data(), payload.size(), base64.data(), base64.size(), nullptr, &size, nullptr,
                          variant) == 0) {
      payload.resize(size);
      return payload;
    }
  }
  return envelope.error("payload is no base64");
}

Result<std::set<std::string>> digests_of(const json::Value& value) {
  TENON_TRY(json::Fields statement, json::Fields::of(value, "provenance"));
  TENON_TRY(const std::string type, statement.string("_type"));
  if (!type.starts_with(kStatement)) return statement.error("_type is \"" + printable(type, 80) + "\"");
  TENON_TRY(const json::Array* subjects, statement.array("subject"));
  std::set<std::string> digests;
  for (const json::Value& item : *subjects) {
    TENON_TRY(json::Fields subject, json::Fields::of(item, "provenance.subject"));
    TENON_TRY(json::Fields digest, subject.object("digest"));
    if (digest.optional("sha256") == nullptr) continue;
    TENON_TRY(std::string sha256, digest.string("sha256"));
    std::ranges::transform(sha256, sha256.begin(), [](unsigned char digit) { return std::tolower(digit); });
    digests.insert(std::move(sha256));
  }
  return digests;
}

}  // namespace

Result<void> check_provenance(ByteView file, std::span<const policies::Image> images) {
  const json::Limits limits{.max_bytes = file.size()};
  TENON_TRY(json::Value value, json::parse(file, limits).with_context("provenance"));
  TENON_TRY(json::Fields fields, json::Fields::of(value, "provenance"));
  if (fields.optional("dsseEnvelope") != nullptr) {
    TENON_TRY(fields, fields.object("dsseEnvelope"));
  }
  if (fields.optional("payloadType") != nullptr) {
    TENON_TRY(const Bytes payload, payload_of(fields));
    TENON_TRY(value, json::parse(payload, limits).with_context("provenance.payload"));
  }
  TENON_TRY(const std::set<std::string> digests, digests_of(value));
  for (const policies::Image& image : images) {
    if (digests.contains(image.sha256.hex())) continue;
    return Error{ErrorCode::kMismatch, "the provenance does not speak of the image for " + image.slot.text() +
                                           ", sha256 " + image.sha256.hex()}
        .with_hint("attach the statement that the build of this very image wrote");
  }
  return {};
}

}  // namespace tenon::repo_tools
