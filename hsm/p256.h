// P-256 (FIPS 186-4) with OpenSSL; the scalar enters OpenSSL's secure heap only.
// Thread: safe.
#pragma once

#include <tenon/hsm/secret_bytes.h>
#include <tenon/metadata/bytes.h>
#include <tenon/metadata/result.h>

namespace tenon::hsm {

// p256_generate gives a scalar from 1 to n - 1, uniform.
SecretBytes p256_generate();

// p256_point gives the public point of a scalar of 32 bytes, uncompressed. Errors: E_PARSE for 0, and from n up.
Result<Bytes> p256_point(const SecretBytes& scalar);

// p256_sign gives ECDSA over SHA-256 in DER. OpenSSL hedges the nonce with the key and the message.
// Pre: point is the scalar's. Errors: E_SIG
Result<Bytes> p256_sign(const SecretBytes& scalar, ByteView point, ByteView message);

}  // namespace tenon::hsm
