// ProofOfPossession: a key's signature over the nonce of a ceremony, so that nobody lists a key that its owner cannot
// sign with. What is signed is the canonical JSON of {"_type": "tenon-pop-1", "keyid", "made", "nonce"}: no TUF role is of
// that type, so a proof is never a signature of metadata, nor the other way round.
// Thread: values.
//
//   TENON_TRY(Nonce nonce, Nonce::parse("c0ffee..."));
//   TENON_TRY(file.proof, make_proof(*signer, nonce, now));
#pragma once

#include <tenon/hsm/signer.h>
#include <tenon/metadata/json.h>
#include <tenon/metadata/public_key.h>
#include <tenon/metadata/utc_time.h>

#include <compare>
#include <string>
#include <string_view>

namespace tenon::hsm {

// Nonce is what a ceremony or a drill asks to be signed: 1 to 64 bytes, written in hex.
class Nonce {
 public:
  static constexpr std::size_t kMaxBytes = 64;

  // parse Errors: E_PARSE
  static Result<Nonce> parse(std::string_view hex);
  // of Errors: E_PARSE for none or too many bytes.
  static Result<Nonce> of(ByteView bytes);
  const Bytes& bytes() const { return bytes_; }
  std::string hex() const;
  auto operator<=>(const Nonce&) const = default;

 private:
  explicit Nonce(Bytes bytes) : bytes_(std::move(bytes)) {}
  Bytes bytes_;
};

struct ProofOfPossession {
  static constexpr std::size_t kMaxSignatureBytes = 8 * 1024;  // ML-DSA-87 has 4627

  Nonce nonce;
  metadata::UtcTime made;  // by the clock of the machine that signed
  Bytes signature;

  // read Errors: E_PARSE for a missing or unknown member. It does not verify.
  static Result<ProofOfPossession> read(const json::Value& value);
  json::Object to_json() const;

  // verify is true if the key made the signature over this nonce and time.
  bool verify(const metadata::PublicKey& key) const;
  bool operator==(const ProofOfPossession&) const = default;
};

// make_proof Errors: those of sign(); E_SIG if what the signer made does not verify.
Result<ProofOfPossession> make_proof(Signer& signer, const Nonce& nonce, metadata::UtcTime now);

}  // namespace tenon::hsm
