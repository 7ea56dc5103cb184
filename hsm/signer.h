// Signer: the port behind which every private key lives, in a file or in a token. And the one rule for all of them: a
// signature counts only after it was verified with the public key that the metadata lists, not the one the signer
// shows.
// Thread: a signer belongs to one thread.
#pragma once

#include <tenon/metadata/envelope.h>
#include <tenon/metadata/public_key.h>
#include <tenon/metadata/result.h>

namespace tenon::hsm {

class Signer {
 public:
  virtual ~Signer() = default;
  virtual const metadata::PublicKey& public_key() const = 0;
  // sign gives 64 bytes for Ed25519; DER over SHA-256 for ECDSA P-256; for RSA, PSS over SHA-256 with MGF1-SHA256 and a
  // salt of 32 bytes, as long as the modulus; for ML-DSA as TAP 21 has it. Errors: E_AUTH, E_HW; E_SIG if the key is broken.
  virtual Result<Bytes> sign(ByteView message) = 0;
};

// add_signature signs the envelope as keyid, in place of an older signature by the same keyid. keyid is the name under
// which the metadata lists the key, listed the key that stands there.
// Errors: E_POLICY if the signer holds another key; E_SIG if what it made does not verify; those of sign().
Result<metadata::Envelope> add_signature(const metadata::Envelope& envelope, const metadata::KeyId& keyid,
                                         const metadata::PublicKey& listed, Signer& signer);

}  // namespace tenon::hsm
