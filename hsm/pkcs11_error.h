// What a token's refusal means and what to do about it: Cryptoki's codes in words.
// Thread: any.
#pragma once

#include <tenon/hsm/token_wire.h>
#include <tenon/metadata/result.h>

#include <string>

namespace tenon::hsm {

// pkcs11_error gives E_AUTH for what a PIN or a person can mend, E_POLICY where the token forbids it, E_USAGE for a module
// that cannot be loaded, E_HW for all else.
Error pkcs11_error(const wire::CallFailure& failure);

// pkcs11_code_name gives "CKR_PIN_LOCKED", or the number for a code that has no name. Pre: a code of Cryptoki.
std::string pkcs11_code_name(std::uint64_t code);

}  // namespace tenon::hsm
