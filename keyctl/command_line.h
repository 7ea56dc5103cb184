// The command line of tenon-keyctl: one *_main.cc for each noun (key, root, ...), all filling one Shell. CLI11 is slow to
// compile and is seen by those files alone.
// Thread: one.
#pragma once

#include <tenon/hsm/secret_source.h>
#include <tenon/hsm/token.h>
#include <tenon/keyctl/key_names.h>
#include <tenon/keyctl/report.h>
#include <tenon/metadata/utc_time.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace tenon::keyctl {

// Shell is one run of the program: what main() knows, and the command that was chosen.
struct Shell {
  metadata::UtcTime now;
  std::string home;       // Home's folder
  std::string tool = {};  // name and version of this program
  bool json = false;
  bool quiet = false;
  std::function<Result<Report>()> chosen = {};

  // keep gives options that live as long as the shell, as CLI11 wants the places that it writes to.
  template <class Options>
  Options& keep() {
    auto options = std::make_shared<Options>();
    kept.push_back(options);
    return *options;
  }
  std::vector<std::shared_ptr<void>> kept = {};  // shared_ptr<void> is the standard owner of any type
};

// Each adds the commands of one noun.
void add_key_commands(CLI::App& app, Shell& shell);
void add_root_commands(CLI::App& app, Shell& shell);
void add_root_edit_commands(CLI::App& root, Shell& shell);  // below "root"
void add_delegation_commands(CLI::App& app, Shell& shell);
void add_request_commands(CLI::App& app, Shell& shell);
void add_response_commands(CLI::App& app, Shell& shell);
void add_ceremony_commands(CLI::App& app, Shell& shell);
void add_custodian_commands(CLI::App& app, Shell& shell);
void add_policy_commands(CLI::App& app, Shell& shell);
void add_token_commands(CLI::App& app, Shell& shell);

inline constexpr const char* kPassphraseHelp = "prompt, fd:N or file:PATH (mode 0600)";

// add_repeated is an option that may be given several times, with one value each.
CLI::Option* add_repeated(CLI::App& command, const std::string& name, std::vector<std::string>& values,
                          const std::string& help);

// TokenWords is how a command reaches a token.
struct TokenWords {
  std::string module;
  std::string pin_from;
  int timeout_seconds = 60;
  bool last_try = false;
};
// add_token_options: when is empty for a command that asks for no PIN, else says which PIN it is (" of each token").
void add_token_options(CLI::App& command, TokenWords& words, const std::string& when = " if it has the key");
Result<hsm::TokenOptions> token_options(const TokenWords& words);

// ExpiryWords is when a draft shall end.
struct ExpiryWords {
  std::string at;  // UTC
  std::string in;  // from now
  bool given() const { return !at.empty() || !in.empty(); }
};
// add_expiry_options: one of them is wanted, unless the draft has an end of its own.
void add_expiry_options(CLI::App& command, ExpiryWords& words, bool wanted = true);
// expiry_of Pre: given(). Errors: E_USAGE.
Result<metadata::UtcTime> expiry_of(const ExpiryWords& words, metadata::UtcTime now);

// What is wrong in an argument is the command line's fault, whatever code its parser gives.
template <class T>
Result<T> from_command_line(Result<T> parsed) {
  if (parsed) return parsed;
  Error error = std::move(parsed).error();
  error.code = ErrorCode::kUsage;
  return error;
}

Result<std::vector<hsm::SecretSource>> parse_sources(const std::vector<std::string>& texts);
// read_key_files Errors: those of read_key_file.
Result<std::vector<hsm::KeyFile>> read_key_files(const std::vector<std::string>& paths);
// read_names reads the key files whose names to show.
Result<KeyNames> read_names(const std::vector<std::string>& paths);

}  // namespace tenon::keyctl
