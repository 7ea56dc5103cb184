// open_signer: the one door to private keys, wherever they live.
//
//   alice.pem          a key in a file; its public half lies beside it
//   pkcs11:token=...   a key in a token (pkcs11_uri.h)
//   alice.tenon-key    the key in the token that this file names; it must be that key
// Thread: any; the signer belongs to one.
#pragma once

#include <tenon/hsm/key_file.h>
#include <tenon/hsm/secret_source.h>
#include <tenon/hsm/signer.h>
#include <tenon/hsm/token.h>

#include <memory>
#include <optional>
#include <string>

namespace tenon::hsm {

struct SignerOptions {
  SecretSource passphrase = SecretSource::prompt();  // of a key in a file
  TokenOptions token = {};                           // for a key in a token
};

// read_public_half gives what is known of the key without a secret: nothing for a URI. Errors: those of read_key_file.
Result<std::optional<KeyFile>> read_public_half(const std::string& reference);

// open_signer Errors: those of open_software_signer and TokenSigner::open; E_USAGE for a key file that names no token.
Result<std::unique_ptr<Signer>> open_signer(const std::string& reference, const SignerOptions& options);

// token_uri is where the key of a key file lives. Pre: it names a token.
Pkcs11Uri token_uri(const KeyFile& file);

}  // namespace tenon::hsm
