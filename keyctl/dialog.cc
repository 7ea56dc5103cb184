#include <tenon/hsm/passphrase.h>
#include <tenon/hsm/terminal.h>
#include <tenon/keyctl/dialog.h>

namespace tenon::keyctl {
namespace {

using hsm::SecretBytes;
using hsm::Terminal;

constexpr int kAttempts = 3;

Result<void> have_typed_again(Terminal& terminal, const SecretBytes& passphrase) {
  for (int attempt = 1; attempt <= kAttempts; ++attempt) {
    TENON_TRY(const SecretBytes typed, terminal.ask_secret("Type it again: "));
    if (typed == passphrase) return {};
    TENON_TRY_VOID(terminal.show("That is not the same.\n"));
  }
  return Error{ErrorCode::kAuth, "the passphrase was not repeated; no key was made"};
}

Result<SecretBytes> made_passphrase(Terminal& terminal, const std::string& name) {
  SecretBytes passphrase = hsm::generate_passphrase();
  TENON_TRY_VOID(terminal.show("Passphrase for " + name + ", shown this once. Write it down on paper:\n\n    "));
  TENON_TRY_VOID(terminal.show_secret(passphrase));
  TENON_TRY_VOID(terminal.show("\n\n"));
  TENON_TRY_VOID(have_typed_again(terminal, passphrase));
  return passphrase;
}

Result<SecretBytes> chosen_passphrase(Terminal& terminal, const std::string& name) {
  TENON_TRY(SecretBytes passphrase, terminal.ask_secret("New passphrase for " + name + ": "));
  TENON_TRY_VOID(hsm::check_new_passphrase(passphrase));
  TENON_TRY_VOID(have_typed_again(terminal, passphrase));
  return passphrase;
}

}  // namespace

Result<SecretBytes> new_passphrase(const hsm::KeyName& name, const std::optional<hsm::SecretSource>& source) {
  if (source && !source->is_prompt()) return source->read("passphrase of " + name.text());
  Result<Terminal> terminal = Terminal::open();
  if (!terminal) return std::move(terminal).error().with_hint("--passphrase-from fd:N or file:PATH");
  return source ? chosen_passphrase(*terminal, name.text()) : made_passphrase(*terminal, name.text());
}

Result<void> confirm_on_terminal(const Question& question) {
  Result<Terminal> terminal = Terminal::open();
  if (!terminal)
    return std::move(terminal).error().with_hint(
        "do this on a terminal; request sign --expect-payload-sha256 if the policy lets a script sign what was looked "
        "at before");
  TENON_TRY_VOID(terminal->show("You are about to " + question.verb + ":\n\n" + question.summary + "\n"));
  TENON_TRY(const std::string typed, terminal->ask("Type \"" + question.words + "\" to " + question.verb + ": "));
  if (typed == question.words) return {};
  return Error{ErrorCode::kAuth, "\"" + question.words + "\" was not typed; nothing was done"};
}

}  // namespace tenon::keyctl
