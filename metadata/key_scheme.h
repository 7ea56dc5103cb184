// KeyScheme: how keys of one keytype and scheme are decoded and how they verify. The table in key_scheme.cc is all that
// Tenon knows of signature algorithms; whatever is not in it is kept opaque by PublicKey and verifies nothing.
//
//   keytype                         scheme                  public                            signature
//   ed25519                         ed25519                 64 hex digits                     64 bytes (RFC 8032)
//   ecdsa, ecdsa-sha2-nistp256      ecdsa-sha2-nistp256     PEM, or the point in hex          DER over SHA-256
//   ecdsa, ecdsa-sha2-nistp384      ecdsa-sha2-nistp384     PEM, or the point in hex          DER over SHA-384
//   rsa                             rsassa-pss-sha256       PEM                               PSS, MGF1-SHA256, any salt
//   ml-dsa                          ml-dsa-44/1, 65/1, 87/1 PEM                               pure ML-DSA (TAP 21)
//
// PEM is a SubjectPublicKeyInfo in one spelling only: named curve, uncompressed point, canonical DER, no text around it.
// ml-dsa works where the OpenSSL found at run time has it (3.5 and later); elsewhere such keys are opaque.
// Spec: 4.2.2
// Thread: any.
#pragma once

#include <tenon/metadata/bytes.h>
#include <tenon/metadata/result.h>

#include <optional>
#include <string_view>

namespace tenon::metadata {

struct KeyScheme {
  std::string_view family;  // tells keys apart together with the decoded key, whatever the keytype is called

  // decode gives the canonical key: 32 bytes, an uncompressed point (SEC 1) or SPKI in DER. Nothing for an encoding that
  // we do not know, or a key of RSA above 4096 bits.
  // Errors: E_PARSE for an ed25519 key of another length or no hex; E_POLICY for a weak key.
  Result<std::optional<Bytes>> (*decode)(std::string_view public_text);

  // verify Pre: the key is what decode gave.
  bool (*verify)(ByteView key, ByteView message, ByteView signature);
};

// find_scheme gives null for a pair that is not in the table.
const KeyScheme* find_scheme(std::string_view keytype, std::string_view scheme);

// p256_pem is the PEM of an uncompressed point. Pre: 65 bytes.
std::string p256_pem(ByteView point);

// ml_dsa_input is what an ml-dsa key signs for a message (TAP 21): "tuf", the version of the scheme, and the SHA-512; the
// context is empty.
Bytes ml_dsa_input(ByteView message);

// accepted is the one reading of OpenSSL's verify result: 1 is yes; 0, -1 (malformed) and all else are no.
constexpr bool accepted(int openssl_result) {
  return openssl_result == 1;
}

}  // namespace tenon::metadata
