// SoftwareKey: a private key in a file, for those who have no token. Encrypted at rest (encrypted_pem.h), in guarded
// memory while it is used, and never used unless its public half is the one in the sidecar.
//
//   TENON_TRY(SecretSource source, SecretSource::parse("file:/run/secrets/passphrase"));
//   TENON_TRY(std::unique_ptr<Signer> signer, open_software_signer("alice.pem", source));
#pragma once

#include <tenon/hsm/encrypted_pem.h>
#include <tenon/hsm/key_file.h>
#include <tenon/hsm/private_key_info.h>
#include <tenon/hsm/secret_source.h>
#include <tenon/hsm/signer.h>

#include <filesystem>
#include <functional>
#include <memory>

namespace tenon::hsm {

// check_software_type Errors: E_POLICY for a type that is made in tokens alone, or that this machine's OpenSSL lacks.
Result<void> check_software_type(KeyType type);

class SoftwareKey final : public Signer {
 public:
  // generate Pre: check_software_type(type).
  static SoftwareKey generate(KeyType type);

  // decrypt Errors: E_AUTH for a wrong passphrase, as far as that shows: see open_software_signer.
  static Result<SoftwareKey> decrypt(const EncryptedPem& file, const SecretBytes& passphrase);
  // encrypt Errors: E_POLICY for a passphrase that is too short.
  Result<EncryptedPem> encrypt(const SecretBytes& passphrase) const;

  const metadata::PublicKey& public_key() const override { return public_key_; }
  Result<Bytes> sign(ByteView message) override;

 private:
  SoftwareKey(PrivateKey key, metadata::PublicKey public_key)
      : key_(std::move(key)), public_key_(std::move(public_key)) {}
  static Result<SoftwareKey> of(PrivateKey key);
  // Pre: always there, since the key was derived here.
  const Bytes& public_bytes() const { return public_key_.material()->key; }

  PrivateKey key_;
  metadata::PublicKey public_key_;
};

// KeyPaths is where a key of that name lies in a folder.
struct KeyPaths {
  std::filesystem::path private_key;  // NAME.pem
  std::filesystem::path public_key;   // NAME.tenon-key

  static KeyPaths in(const std::filesystem::path& folder, const KeyName& name);
};

// check_names_free Errors: E_POLICY if either file exists. For asking before a person is bothered; save_new_key is what
// keeps files from being overwritten.
Result<void> check_names_free(const KeyPaths& paths);

// save_new_key writes NAME.pem (0600) and NAME.tenon-key (0644); on an error neither is left behind.
// Errors: E_POLICY if either exists, or for a passphrase that is too short; E_STORAGE.
Result<KeyFile> save_new_key(const SoftwareKey& key, const KeyPaths& paths, const KeyName& name,
                             const SecretBytes& passphrase);

// change_passphrase encrypts NAME.pem anew; new_passphrase is called when the old one was right. The file is replaced
// whole, after the new one was seen to open. Errors: those of open_software_signer and check_new_passphrase; E_STORAGE.
Result<KeyFile> change_passphrase(const std::filesystem::path& path, const SecretSource& old_source,
                                  const std::function<Result<SecretBytes>(const KeyName&)>& new_passphrase);

// open_software_signer opens NAME.pem; the passphrase is asked for last, after everything else about the two files
// held. Errors: E_AUTH for a key file that others can read, a wrong passphrase, or a key that is not the sidecar's;
// E_STORAGE if a file is missing; E_PARSE, E_LIMIT, E_POLICY for what is in them.
Result<std::unique_ptr<Signer>> open_software_signer(const std::filesystem::path& path, const SecretSource& source);

}  // namespace tenon::hsm
