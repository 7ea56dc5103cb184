// Passphrases that we make, and the least that we take from people.
#pragma once

#include <tenon/hsm/secret_bytes.h>
#include <tenon/metadata/result.h>

#include <cstddef>

namespace tenon::hsm {

// generate_passphrase makes 96 random bits into six proquint words ("lusab-babad-gutih-..."), which people can type,
// read aloud and copy by hand: 35 characters, lower-case letters and '-'.
SecretBytes generate_passphrase();

inline constexpr std::size_t kMinPassphraseBytes = 12;

// check_new_passphrase refuses what is shorter than kMinPassphraseBytes: the file is only as good as its passphrase.
// Errors: E_POLICY
Result<void> check_new_passphrase(const SecretBytes& passphrase);

}  // namespace tenon::hsm
