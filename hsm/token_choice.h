// Which token and which key a URI means: exactly one, or none. Pure, and the same whatever the module's own search says.
// Thread: any.
#pragma once

#include <tenon/hsm/pkcs11_uri.h>
#include <tenon/hsm/token_wire.h>
#include <tenon/metadata/result.h>

#include <optional>
#include <string>

namespace tenon::hsm {

// choose_token gives the number of the one token that the URI fits. Tokens without a label of their own (not
// initialized) do not count. Errors: E_POLICY if several fit, naming them; E_HW if none does.
Result<std::size_t> choose_token(const Pkcs11Uri& uri, const wire::TokenList& list);

// KeyPair is a private key of the token and its public half, as numbers of the list.
struct KeyPair {
  std::size_t private_key = 0;
  std::optional<std::size_t> public_key = {};
};

// choose_key gives the one private key that the URI fits, and the public key of the same id and kind.
// Errors: E_POLICY if several fit, naming them, or if there are two public halves; E_HW if none does.
Result<KeyPair> choose_key(const Pkcs11Uri& uri, const wire::KeyList& list);

// describe_token and describe_key name one for people.
std::string describe_token(const wire::TokenInfo& token);
std::string describe_key(const wire::KeyObject& key);

}  // namespace tenon::hsm
