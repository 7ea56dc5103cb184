// Envelope: a metadata file that is well-formed and not yet trusted: what is signed, and by whom it says it is signed.
// Signatures are checked over the canonical form of exactly what was received, unknown members and all.
// Thread: immutable.
#pragma once

#include <tenon/metadata/digest.h>
#include <tenon/metadata/json.h>
#include <tenon/metadata/key_id.h>
#include <tenon/metadata/limits.h>
#include <tenon/metadata/result.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tenon::metadata {

// FileIdentity is what another file can pin of this one. SHA-512 is there when somebody listed one to compare.
struct FileIdentity {
  std::uint64_t length = 0;
  Sha256 sha256;
  std::optional<Sha512> sha512 = {};

  static FileIdentity of(ByteView file, bool with_sha512 = false);
  bool operator==(const FileIdentity&) const = default;
};

// Signature is one entry of "signatures". The text may be empty or no hex at all; then it is worth zero.
struct Signature {
  KeyId keyid;
  std::string hex;

  std::optional<Bytes> bytes() const;
  bool operator==(const Signature&) const = default;
};

class Envelope {
 public:
  // parse Errors: E_PARSE for a wrong form or a keyid that signs twice; E_LIMIT beyond max_bytes or the limits.
  // Spec: 4.2.1
  static Result<Envelope> parse(ByteView file, std::size_t max_bytes, const Limits& limits = {});
  // The form for a file whose identity was compared already. Pre: it is the file's.
  static Result<Envelope> parse(ByteView file, FileIdentity identity, std::size_t max_bytes, const Limits& limits);

  // unsigned_of is the envelope that signers start from.
  static Envelope unsigned_of(json::Value signed_part);

  const json::Value& signed_part() const { return signed_; }
  // signed_bytes is the canonical form, made once.
  ByteView signed_bytes() const { return as_bytes(canonical_); }
  const std::vector<Signature>& signatures() const { return signatures_; }
  // identity is of the file that was parsed; of nothing for an envelope made here.
  const FileIdentity& identity() const { return identity_; }

  // with_signature adds one, in place of an older one by the same keyid.
  Envelope with_signature(Signature signature) const;
  // to_text is the file that is published: indented, unless it is too large for people to read.
  std::string to_text() const;

 private:
  Envelope() = default;
  json::Value signed_;
  std::string canonical_;
  std::vector<Signature> signatures_;
  FileIdentity identity_;
};

}  // namespace tenon::metadata
