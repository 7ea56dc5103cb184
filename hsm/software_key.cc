#include <tenon/hsm/file_io.h>
#include <tenon/hsm/ml_dsa.h>
#include <tenon/hsm/p256.h>
#include <tenon/hsm/passphrase.h>
#include <tenon/hsm/software_key.h>
#include <tenon/metadata/utf8.h>

#include <sodium.h>

namespace tenon::hsm {
namespace {

// The two halves that libsodium signs with, made from the seed.
struct Ed25519Pair {
  SecretBytes secret{crypto_sign_SECRETKEYBYTES};
  Bytes public_key = Bytes(crypto_sign_PUBLICKEYBYTES);

  explicit Ed25519Pair(const SecretBytes& seed) {
    crypto_sign_seed_keypair(public_key.data(), secret.writable(RevealSecret()).data(),
                             seed.bytes(RevealSecret()).data());
  }
};

Bytes ed25519_sign(const SecretBytes& seed, ByteView message) {
  const Ed25519Pair pair(seed);
  Bytes signature(crypto_sign_BYTES);
  crypto_sign_detached(signature.data(), nullptr, message.data(), message.size(),
                       pair.secret.bytes(RevealSecret()).data());
  return signature;
}

Result<metadata::PublicKey> derive_public_key(const PrivateKey& key) {
  switch (key.type) {
    case KeyType::kEd25519: return metadata::PublicKey::ed25519(Ed25519Pair(key.secret).public_key);
    case KeyType::kEcdsaP256: {
      TENON_TRY(const Bytes point, p256_point(key.secret));
      return metadata::PublicKey::ecdsa_p256(point);
    }
    case KeyType::kMlDsa65: {
      TENON_TRY(const Bytes spki, ml_dsa_65_spki(key.secret));
      return metadata::PublicKey::ml_dsa_65(spki);
    }
    case KeyType::kRsa3072: break;
  }
  return Error{ErrorCode::kPolicy, "unknown type of key"};
}

Error wrong_passphrase() {
  return Error{ErrorCode::kAuth, "wrong passphrase or not this key's file"};
}

Result<EncryptedPem> read_encrypted_pem(const std::filesystem::path& path) {
  TENON_TRY(const SecretBytes file, read_private_file(path, EncryptedPem::kMaxFileBytes));
  return EncryptedPem::parse(file.bytes(RevealSecret())).with_context(printable(path.native()));
}

Result<void> refuse_existing(const std::filesystem::path& path) {
  std::error_code ignored;  // what cannot be looked at is found out when it is written
  if (!std::filesystem::exists(std::filesystem::symlink_status(path, ignored))) return {};
  return Error{ErrorCode::kPolicy, printable(path.native()) + ": exists already and is not overwritten",
               "choose another --name or --out"};
}

struct OpenedKey {
  SoftwareKey key;
  KeyFile sidecar;
};

// The passphrase is asked for last.
Result<OpenedKey> open_key(const std::filesystem::path& path, const SecretSource& source) {
  TENON_TRY(const EncryptedPem encrypted, read_encrypted_pem(path));
  TENON_TRY(KeyFile sidecar, read_sidecar(path));
  const std::string where = printable(path.native());
  TENON_TRY(const SecretBytes passphrase, source.read("passphrase of " + where));
  TENON_TRY(SoftwareKey key, SoftwareKey::decrypt(encrypted, passphrase).with_context(where));
  if (key.public_key() != sidecar.key) return wrong_passphrase().context(where);
  return OpenedKey{std::move(key), std::move(sidecar)};
}

}  // namespace

Result<void> check_software_type(KeyType type) {
  if (type == KeyType::kMlDsa65) return check_ml_dsa();
  if (type != KeyType::kRsa3072) return {};
  return Error{ErrorCode::kPolicy, "keys of RSA are not made in files, but in tokens alone",
               "take --type ed25519 here, or --token for a key in a token"};
}

Result<SoftwareKey> SoftwareKey::of(PrivateKey key) {
  TENON_TRY(metadata::PublicKey public_key, derive_public_key(key));
  return SoftwareKey(std::move(key), std::move(public_key));
}

SoftwareKey SoftwareKey::generate(KeyType type) {
  TENON_CHECK(check_software_type(type).has_value());
  const bool is_p256 = type == KeyType::kEcdsaP256;
  return *of(PrivateKey{type, is_p256 ? p256_generate() : SecretBytes::random(kPrivateKeyBytes)});
}

Result<SoftwareKey> SoftwareKey::decrypt(const EncryptedPem& file, const SecretBytes& passphrase) {
  const Result<SecretBytes> plain = file.decrypt(passphrase);
  if (!plain) return wrong_passphrase();
  std::optional<PrivateKey> private_key = decode_private_key_info(*plain);
  if (!private_key) return wrong_passphrase();
  Result<SoftwareKey> key = of(*std::move(private_key));
  if (!key || encode_private_key_info(key->key_, key->public_bytes()) != *plain) return wrong_passphrase();
  return key;
}

Result<EncryptedPem> SoftwareKey::encrypt(const SecretBytes& passphrase) const {
  TENON_TRY_VOID(check_new_passphrase(passphrase));
  return EncryptedPem::encrypt(encode_private_key_info(key_, public_bytes()), passphrase);
}

Result<Bytes> SoftwareKey::sign(ByteView message) {
  switch (key_.type) {
    case KeyType::kEd25519: return ed25519_sign(key_.secret, message);
    case KeyType::kEcdsaP256: return p256_sign(key_.secret, public_bytes(), message);
    case KeyType::kMlDsa65: return ml_dsa_65_sign(key_.secret, message);
    case KeyType::kRsa3072: break;
  }
  return Error{ErrorCode::kSig, "unknown type of key"};
}

KeyPaths KeyPaths::in(const std::filesystem::path& folder, const KeyName& name) {
  return {folder / (name.text() + ".pem"), folder / (name.text() + ".tenon-key")};
}

Result<void> check_names_free(const KeyPaths& paths) {
  TENON_TRY_VOID(refuse_existing(paths.private_key));
  return refuse_existing(paths.public_key);
}

Result<KeyFile> save_new_key(const SoftwareKey& key, const KeyPaths& paths, const KeyName& name,
                             const SecretBytes& passphrase) {
  TENON_TRY_VOID(check_names_free(paths));
  TENON_TRY(const EncryptedPem encrypted, key.encrypt(passphrase));
  KeyFile public_half = KeyFile::of(name, key.public_key());
  // The public half first: cut off here, a harmless file is left, not a private key that cannot be opened.
  TENON_TRY_VOID(write_new_file(paths.public_key, as_bytes(public_half.to_text()), FileMode::kPublic));
  if (auto written = write_new_file(paths.private_key, as_bytes(encrypted.text()), FileMode::kPrivate); !written) {
    std::error_code ignored;
    std::filesystem::remove(paths.public_key, ignored);
    return std::move(written).error();
  }
  return public_half;
}

Result<KeyFile> change_passphrase(const std::filesystem::path& path, const SecretSource& old_source,
                                  const std::function<Result<SecretBytes>(const KeyName&)>& new_passphrase) {
  TENON_TRY(const OpenedKey opened, open_key(path, old_source));
  TENON_TRY(const SecretBytes passphrase, new_passphrase(opened.sidecar.name));
  TENON_TRY(const EncryptedPem encrypted, opened.key.encrypt(passphrase));
  TENON_TRY(const SoftwareKey again, SoftwareKey::decrypt(encrypted, passphrase));
  TENON_CHECK(again.public_key() == opened.sidecar.key);
  TENON_TRY_VOID(replace_file(path, as_bytes(encrypted.text()), FileMode::kPrivate));
  return opened.sidecar;
}

Result<std::unique_ptr<Signer>> open_software_signer(const std::filesystem::path& path, const SecretSource& source) {
  TENON_TRY(OpenedKey opened, open_key(path, source));
  return std::unique_ptr<Signer>(std::make_unique<SoftwareKey>(std::move(opened.key)));
}

}  // namespace tenon::hsm
