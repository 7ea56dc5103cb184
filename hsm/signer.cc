#include <tenon/hsm/signer.h>
#include <tenon/metadata/hex.h>
#include <tenon/metadata/utf8.h>

namespace tenon::hsm {

Result<metadata::Envelope> add_signature(const metadata::Envelope& envelope, const metadata::KeyId& keyid,
                                         const metadata::PublicKey& listed, Signer& signer) {
  if (!listed.material() || signer.public_key().material() != listed.material()) {
    return Error{ErrorCode::kPolicy, "the signer holds key " + signer.public_key().hash_keyid().brief() +
                                         ", not the one that is listed as " + printable(keyid.brief())};
  }
  TENON_TRY(const Bytes signature, signer.sign(envelope.signed_bytes()));
  if (!listed.verify(envelope.signed_bytes(), signature)) {
    return Error{ErrorCode::kSig,
                 "the signature just made by key " + printable(keyid.brief()) + " does not verify; it was thrown away",
                 "the machine or the token is faulty: use neither until that is understood"};
  }
  return envelope.with_signature({keyid, to_hex(signature)});
}

}  // namespace tenon::hsm
