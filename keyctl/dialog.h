// What tenon-keyctl says to and asks of the person at the terminal.
#pragma once

#include <tenon/hsm/key_file.h>
#include <tenon/hsm/secret_source.h>
#include <tenon/keyctl/confirm.h>

#include <optional>
#include <string>

namespace tenon::keyctl {

// new_passphrase gives the passphrase for a new key. Without a source it makes one, shows it once and has it typed
// again, so that what was written down is known to be right; a prompted one is typed twice. Errors: E_AUTH if there is
// no terminal, or what was typed differs three times; those of the source.
Result<hsm::SecretBytes> new_passphrase(const hsm::KeyName& name, const std::optional<hsm::SecretSource>& source);

// confirm_on_terminal shows the summary and wants the words typed exactly. Errors: E_AUTH.
Result<void> confirm_on_terminal(const Question& question);

}  // namespace tenon::keyctl
