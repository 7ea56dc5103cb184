// ML-DSA-65 (FIPS 204) with the OpenSSL that is found at run time: 3.5 and later have it, and it needs no newer one to build.
// The secret is the seed of 32 bytes, from which everything else is derived.
// Thread: safe.
#pragma once

#include <tenon/hsm/secret_bytes.h>
#include <tenon/metadata/bytes.h>
#include <tenon/metadata/result.h>

namespace tenon::hsm {

// check_ml_dsa Errors: E_POLICY with the version of the OpenSSL that lacks it.
Result<void> check_ml_dsa();

// ml_dsa_65_spki gives the public key of a seed (RFC 9881). Errors: those of check_ml_dsa; E_PARSE.
Result<Bytes> ml_dsa_65_spki(const SecretBytes& seed);

// ml_dsa_65_sign gives 3309 bytes over what TAP 21 has signed for the message. Errors: those of check_ml_dsa; E_SIG.
Result<Bytes> ml_dsa_65_sign(const SecretBytes& seed, ByteView message);

}  // namespace tenon::hsm
