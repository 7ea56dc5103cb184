// EncryptedPem: a private key at rest, as OpenSSL and pyca/cryptography read it too: PKCS#8 "ENCRYPTED PRIVATE KEY",
// PBES2 with scrypt (RFC 7914) and AES-256-CBC. What the file asks for is checked before anything is derived: a file
// cannot make us use more memory or time than the limits below. CBC has no integrity: a wrong passphrase can decrypt to
// garbage. The caller compares the public key with its sidecar.
// Thread: immutable.
#pragma once

#include <tenon/hsm/secret_bytes.h>
#include <tenon/metadata/bytes.h>
#include <tenon/metadata/result.h>

#include <cstdint>
#include <string>

namespace tenon::hsm {

// ScryptCost: the default takes 16 MiB and about 0.2 s. OpenSSL 3.0 reads nothing with n above 2^14 at r = 8.
struct ScryptCost {
  std::uint64_t n = 1u << 14;
  std::uint32_t r = 8;
  std::uint32_t p = 8;
};

class EncryptedPem {
 public:
  static constexpr std::size_t kMaxFileBytes = 16 * 1024;      // ours has about 400
  static constexpr std::uint64_t kMaxScryptBytes = 32u << 20;  // n * r * 128, keys.md 4
  static constexpr std::uint32_t kMaxScryptP = 64;             // keys.md 4: about 2 s

  // parse derives nothing. Errors: E_PARSE for any other form or algorithm; E_LIMIT for more than the limits.
  static Result<EncryptedPem> parse(ByteView file);
  static EncryptedPem encrypt(const SecretBytes& plain, const SecretBytes& passphrase);

  // decrypt Errors: E_AUTH for a passphrase that is certainly wrong.
  Result<SecretBytes> decrypt(const SecretBytes& passphrase) const;
  // text is the file.
  std::string text() const;

 private:
  EncryptedPem() = default;
  ScryptCost cost_;
  Bytes salt_;
  Bytes iv_;
  Bytes ciphertext_;
};

}  // namespace tenon::hsm
