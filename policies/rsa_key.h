// The numbers of an RSA public key that rules ask for, read from its SubjectPublicKeyInfo (RFC 5280, RFC 8017).
// Thread: any.
#pragma once

#include <tenon/metadata/bytes.h>

#include <cstdint>
#include <optional>

namespace tenon::policies {

struct RsaNumbers {
  std::int64_t bits;       // of the modulus
  std::uint64_t exponent;  // 0 for one of more than 64 bits
};

// rsa_numbers gives nothing for what is no RSA key in DER.
std::optional<RsaNumbers> rsa_numbers(ByteView spki);

}  // namespace tenon::policies
