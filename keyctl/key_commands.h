// tenon-keyctl key generate, show, passwd, proof and export-pub.
#pragma once

#include <tenon/hsm/key_file.h>
#include <tenon/hsm/key_type.h>
#include <tenon/hsm/open_signer.h>
#include <tenon/hsm/proof.h>
#include <tenon/hsm/secret_bytes.h>
#include <tenon/keyctl/report.h>

#include <filesystem>
#include <functional>

namespace tenon::keyctl {

struct GenerateOptions {
  hsm::KeyName name;
  hsm::KeyType type = hsm::KeyType::kEd25519;
  std::filesystem::path folder = ".";
};

// AskPassphrase gives the passphrase of the new key. Called once, after the names of the files were found free.
using AskPassphrase = std::function<Result<hsm::SecretBytes>()>;

// generate_key writes NAME.pem and NAME.tenon-key. Errors: E_POLICY if either exists or the passphrase is too short;
// E_STORAGE; those of passphrase.
Result<Report> generate_key(const GenerateOptions& options, const AskPassphrase& passphrase);

struct TokenGenerateOptions {
  hsm::KeyName name;
  hsm::KeyType type = hsm::KeyType::kEcdsaP256;
  std::filesystem::path folder = ".";
  hsm::Pkcs11Uri uri;
  hsm::TokenOptions token = {};
  bool always_authenticate = false;
  bool dry_run = false;  // find the token, ask for no PIN, make nothing
};

// generate_token_key makes a key in the token and writes NAME.tenon-key with what the token says of it. If that file
// cannot be written the key is removed again. Errors: E_POLICY if the file, the id or the label is taken; those of
// hsm::Token.
Result<Report> generate_token_key(const TokenGenerateOptions& options);

// export_public writes NAME.tenon-key of a key that is in a token. Errors: E_POLICY if it exists; those of TokenSigner.
Result<Report> export_public(const hsm::KeyName& name, const std::filesystem::path& folder, const hsm::Pkcs11Uri& uri,
                             const hsm::TokenOptions& token);

struct ProofOptions {
  std::string key;             // as open_signer takes it
  std::filesystem::path file;  // NAME.tenon-key; empty: the one of the key
  hsm::Nonce nonce;
  hsm::SignerOptions signer = {};
  bool dry_run = false;
};

// prove_key signs the nonce and puts the proof into NAME.tenon-key, in place of an older one. Errors: E_POLICY if the
// file is of another key; E_USAGE if a URI is given without a file; those of open_signer.
Result<Report> prove_key(const ProofOptions& options, metadata::UtcTime now);

// change_key_passphrase Errors: those of hsm::change_passphrase.
Result<Report> change_key_passphrase(const std::filesystem::path& file, const hsm::SecretSource& old_source,
                                     const std::function<Result<hsm::SecretBytes>(const hsm::KeyName&)>& new_one);

Report show_key(const hsm::KeyFile& file);

}  // namespace tenon::keyctl
