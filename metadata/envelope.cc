#include <tenon/metadata/envelope.h>
#include <tenon/metadata/hex.h>
#include <tenon/metadata/json_fields.h>
#include <tenon/metadata/utf8.h>

#include <algorithm>

namespace tenon::metadata {
namespace {

// A value takes 40 bytes of memory and more. Members and elements of real metadata take 7 bytes of the file (a hash
// prefix of four digits) and mostly far more; files made of nothing but "0," are none.
constexpr std::size_t kBytesPerValue = 6;
constexpr std::size_t kValuesOfAnyFile = 64;

// People read small files; large ones are fetched by devices, and a quarter of an indented snapshot is spaces.
constexpr std::size_t kMostReadableBytes = 4096;

}  // namespace

FileIdentity FileIdentity::of(ByteView file, bool with_sha512) {
  return {file.size(), Sha256::of(file), with_sha512 ? std::optional(Sha512::of(file)) : std::nullopt};
}

std::optional<Bytes> Signature::bytes() const {
  std::optional<Bytes> raw = from_hex(hex);
  return raw && !raw->empty() ? std::move(raw) : std::nullopt;
}

Result<Envelope> Envelope::parse(ByteView file, std::size_t max_bytes, const Limits& limits) {
  return parse(file, FileIdentity::of(file.first(std::min(file.size(), max_bytes))), max_bytes, limits);
}

Result<Envelope> Envelope::parse(ByteView file, FileIdentity identity, std::size_t max_bytes, const Limits& limits) {
  const std::size_t max_values = kValuesOfAnyFile + std::min(file.size(), max_bytes) / kBytesPerValue;
  TENON_TRY(json::Value value, json::parse(file, {.max_bytes = max_bytes, .max_values = max_values}));
  TENON_TRY(json::Fields fields, json::Fields::of(value, "file"));
  Envelope envelope;
  TENON_TRY(json::Fields signed_fields, fields.object("signed"));
  TENON_TRY(const json::Array* entries, fields.array("signatures"));
  if (entries->size() > limits.signatures) {
    return Error{ErrorCode::kLimit, std::to_string(entries->size()) + " signatures, at most " +
                                        std::to_string(limits.signatures) + " are read"};
  }
  for (const json::Value& entry : *entries) {
    TENON_TRY(json::Fields signature, json::Fields::of(entry, "signature"));
    TENON_TRY(const std::string keyid_text, signature.string("keyid"));
    TENON_TRY(KeyId keyid, KeyId::parse(keyid_text));
    TENON_TRY(std::string hex, signature.string("sig"));
    if (std::ranges::find(envelope.signatures_, keyid, &Signature::keyid) != envelope.signatures_.end()) {
      return fields.error("keyid " + printable(keyid_text) + " signs twice");
    }
    envelope.signatures_.push_back({std::move(keyid), std::move(hex)});
  }
  envelope.signed_ = std::move(value).take("signed");
  envelope.canonical_ = json::canonical(envelope.signed_);
  envelope.identity_ = identity;
  return envelope;
}

Envelope Envelope::unsigned_of(json::Value signed_part) {
  Envelope envelope;
  envelope.signed_ = std::move(signed_part);
  envelope.canonical_ = json::canonical(envelope.signed_);
  return envelope;
}

Envelope Envelope::with_signature(Signature signature) const {
  Envelope envelope = *this;
  std::erase_if(envelope.signatures_, [&](const Signature& old) { return old.keyid == signature.keyid; });
  envelope.signatures_.push_back(std::move(signature));
  std::ranges::sort(envelope.signatures_, {}, &Signature::keyid);
  envelope.identity_ = {};
  return envelope;
}

std::string Envelope::to_text() const {
  json::Array entries;
  for (const Signature& signature : signatures_) {
    json::Object entry;
    entry.set("keyid", signature.keyid.text());
    entry.set("sig", signature.hex);
    entries.push_back(std::move(entry));
  }
  if (canonical_.size() > kMostReadableBytes) {
    return "{\"signatures\":" + json::to_text(entries) + ",\"signed\":" + json::to_text(signed_) + "}\n";
  }
  json::Object file;
  file.set("signatures", std::move(entries));
  file.set("signed", signed_);
  return json::to_text(file, 1) + "\n";
}

}  // namespace tenon::metadata
