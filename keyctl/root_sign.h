// tenon-keyctl root sign: show, ask, sign, verify, write. The file is read once; what is shown is what is signed.
#pragma once

#include <tenon/hsm/secret_source.h>
#include <tenon/hsm/signer.h>
#include <tenon/hsm/token.h>
#include <tenon/keyctl/request_sign.h>
#include <tenon/keyctl/root_file.h>

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace tenon::keyctl {

// ListedKey is a root key as the root lists it.
struct ListedKey {
  metadata::KeyId keyid;
  metadata::PublicKey key;
};

// find_root_key Errors: E_POLICY if the key is not among the keys of role root.
Result<ListedKey> find_root_key(const metadata::Root& root, const metadata::PublicKey& key);

// sign_root adds the signer's signature; an envelope that already holds a valid one is returned as it is.
// Errors: E_POLICY if the signer's key is not a root key of this root; E_SIG; those of the signer.
Result<metadata::Envelope> sign_root(const RootFile& file, hsm::Signer& signer);

struct SignOptions {
  std::filesystem::path file;
  std::vector<std::filesystem::path> keys;     // as open_signer takes them: NAME.pem, NAME.tenon-key, pkcs11:...
  std::vector<hsm::SecretSource> passphrases;  // one for each key, or one for all
  KeyNames names = {};                         // of the other keys; the keys that sign bring theirs
  hsm::TokenOptions token = {};
};

// sign_root_file replaces the file by one with more signatures. Nobody is asked when all keys have signed already.
// Errors: E_USAGE for a wrong number of passphrases; E_POLICY; E_AUTH; E_SIG; E_PARSE; E_STORAGE; E_BUSY if the file
// changed while the person was thinking. On an error the file is as it was.
Result<Report> sign_root_file(const SignOptions& options, const Confirm& confirm, metadata::UtcTime now);

}  // namespace tenon::keyctl
