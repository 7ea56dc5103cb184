// The keys that a person names on the command line: found and known by their public halves before anything is opened.
// Thread: one.
#pragma once

#include <tenon/hsm/open_signer.h>
#include <tenon/keyctl/key_names.h>
#include <tenon/keyctl/request_sign.h>

#include <string>
#include <vector>

namespace tenon::keyctl {

// find_signing_keys reads the public half of each key, as open_signer names them: NAME.pem, or NAME.tenon-key for a token;
// sources is one for all keys in files, or one for each.
// Errors: E_USAGE for a wrong number of sources, and for a URI, which says nothing of the key; those of read_public_half.
Result<std::vector<SigningKey>> find_signing_keys(const std::vector<std::string>& references,
                                                  const std::vector<hsm::SecretSource>& sources,
                                                  const hsm::TokenOptions& token, KeyNames& names);

}  // namespace tenon::keyctl
