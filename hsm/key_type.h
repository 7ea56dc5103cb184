// KeyType: the kinds of keys that we make.
#pragma once

#include <tenon/metadata/result.h>

#include <string_view>

namespace tenon::hsm {

enum class KeyType {
  kEd25519,
  kEcdsaP256,
  kRsa3072,  // in a token alone
  kMlDsa65,  // in a file alone, where the OpenSSL found at run time has it
};

// to_string gives "ed25519", "ecdsa-p256", "rsa-3072" or "ml-dsa-65".
std::string_view to_string(KeyType type);
// parse_key_type reads what to_string writes. Errors: E_USAGE.
Result<KeyType> parse_key_type(std::string_view text);

// Of every kind of software key the private part is 32 bytes: the seed of Ed25519 (RFC 8032) or ML-DSA, the scalar of
// P-256.
inline constexpr std::size_t kPrivateKeyBytes = 32;

}  // namespace tenon::hsm
