// PrivateKeyInfo (RFC 5208, RFC 8410, RFC 5915, RFC 9881): the DER of a private key before it is encrypted, in the one form that
// OpenSSL writes for each kind of key. All forms have fixed lengths, so that no general DER parser sees a secret or
// the garbage that a wrong passphrase can make.
// Thread: safe.
#pragma once

#include <tenon/hsm/key_type.h>
#include <tenon/hsm/secret_bytes.h>
#include <tenon/metadata/bytes.h>

#include <optional>

namespace tenon::hsm {

struct PrivateKey {
  KeyType type;
  SecretBytes secret;  // kPrivateKeyBytes
};

// encode_private_key_info Pre: public_key is the secret's: the point for P-256; for the others it is not written.
SecretBytes encode_private_key_info(const PrivateKey& key, ByteView public_key);

// decode_private_key_info gives nothing for any other form. Caller must: derive the public key, encode again and
// compare; that checks what stands behind the secret.
std::optional<PrivateKey> decode_private_key_info(const SecretBytes& der);

}  // namespace tenon::hsm
