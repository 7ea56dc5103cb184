// The keys that a person names on the command line: found and known by their public halves before anything is opened.
// Thread: one.
#pragma once

#include <tenon/hsm/secret_source.h>
#include <tenon/keyctl/key_names.h>
#include <tenon/keyctl/request_sign.h>

#include <string>
#include <vector>

namespace tenon::keyctl {

// find_signing_keys reads the sidecar of each private key; sources is one for all keys, or one for each.
// Errors: E_USAGE for a wrong number of sources; those of read_sidecar.
Result<std::vector<SigningKey>> find_signing_keys(const std::vector<std::string>& references,
                                                  const std::vector<hsm::SecretSource>& sources, KeyNames& names);

}  // namespace tenon::keyctl
