// tenon-keyctl: keys and ceremonies. Parses the command line, runs the chosen command, prints its report.
#include <tenon/hsm/harden.h>
#include <tenon/hsm/token_agent.h>
#include <tenon/hsm/usage_error.h>
#include <tenon/keyctl/command_line.h>
#include <tenon/keyctl/expiry.h>
#include <tenon/metadata/utf8.h>
#include <tenon/process/standard_streams.h>

#include <chrono>
#include <cstdlib>
#include <iostream>

#include <CLI/CLI.hpp>
#include <sys/stat.h>

namespace tenon::keyctl {

CLI::Option* add_repeated(CLI::App& command, const std::string& name, std::vector<std::string>& values,
                          const std::string& help) {
  return command.add_option(name, values, help)->allow_extra_args(false);
}

void add_token_options(CLI::App& command, TokenWords& words, const std::string& when) {
  command.add_option("--pkcs11-module", words.module,
                     "PKCS#11 module of the token (a .so); without it, those that p11-kit knows");
  command.add_option("--token-timeout", words.timeout_seconds, "Seconds to wait for each answer of the token")
      ->check(CLI::Range(1, 3600))
      ->capture_default_str();
  if (when.empty()) return;
  command.add_option("--pin-from", words.pin_from, "PIN of the token" + when + ": " + kPassphraseHelp);
  command.add_flag("--last-try", words.last_try, "Send the PIN although a wrong one would lock the token");
}

Result<hsm::TokenOptions> token_options(const TokenWords& words) {
  hsm::TokenOptions options;
  options.module.module = words.module;
  options.module.patience = std::chrono::seconds(words.timeout_seconds);
  options.last_try = words.last_try;
  options.warn = [](const std::string& text) { std::cerr << "warning: " << printable(text, 1024) << "\n"; };
  if (!words.pin_from.empty()) {
    TENON_TRY(options.pin, hsm::SecretSource::parse(words.pin_from));
  }
  return options;
}

void add_expiry_options(CLI::App& command, ExpiryWords& words, bool wanted) {
  CLI::Option_group& expiry = *command.add_option_group("expiry", "When it expires");
  expiry.add_option("--expires-in", words.in, "From now: 365d, 52w or 36h");
  expiry.add_option("--expires", words.at, "UTC, as 2027-11-22T00:00:00Z");
  expiry.require_option(wanted ? 1 : 0, 1);
}

Result<metadata::UtcTime> expiry_of(const ExpiryWords& words, metadata::UtcTime now) {
  return words.at.empty() ? expiry_after(words.in, now) : from_command_line(metadata::UtcTime::parse(words.at));
}

namespace {

// A message may have lines of its own, as the findings of a policy; each is made safe.
void print_error(const Error& error) {
  std::cerr << "error: " << to_string(error.code) << " ";
  std::string_view rest = error.message;
  while (true) {
    const std::size_t end = rest.find('\n');
    std::cerr << printable(rest.substr(0, end), 4096) << "\n";
    if (end == std::string_view::npos) break;
    rest.remove_prefix(end + 1);
  }
  if (!error.hint.empty()) std::cerr << "hint: " << printable(error.hint, 1024) << "\n";
}

void print(const Report& report, const Shell& shell) {
  for (const std::string& warning : report.warnings) std::cerr << "warning: " << warning << "\n";
  if (shell.json) {
    std::cout << json::to_text(report.data, 1) << "\n";
  } else if (!shell.quiet) {
    std::cout << report.text;
  }
}

metadata::UtcTime read_clock() {
  const auto since_epoch = std::chrono::system_clock::now().time_since_epoch();
  return metadata::UtcTime::epoch().plus_seconds(std::chrono::duration_cast<std::chrono::seconds>(since_epoch).count());
}

// Where the person's home folder is, is the one thing that is read from the environment.
std::string default_home() {
  const char* home = std::getenv("HOME");
  return std::string(home == nullptr || *home == '\0' ? "." : home) + "/.tenon-keyctl";
}

constexpr const char* kFooter =
    "Example, a root of three people of whom two must sign:\n"
    "  tenon-keyctl key generate --name alice                     # each on a machine of their own\n"
    "  tenon-keyctl root init -o 1.root.draft --expires-in 365d --root-threshold 2 \\\n"
    "      --root alice.tenon-key --root bob.tenon-key --root carol.tenon-key \\\n"
    "      --targets carol.tenon-key --snapshot online.tenon-key --timestamp online.tenon-key\n"
    "  tenon-keyctl policy build policy.toml -o policy.draft --repository acme-fw --expires-in 365d\n"
    "  tenon-keyctl request create --repository acme-fw -o root-1.tenon-request \\\n"
    "      --draft 1.root.draft --draft policy.draft --reason \"the first root\"\n"
    "  tenon-keyctl request show root-1.tenon-request             # each signer, and then\n"
    "  tenon-keyctl request sign root-1.tenon-request --key alice.pem\n"
    "  tenon-keyctl response merge root-1.tenon-request root-1.alice.tenon-signature root-1.bob.tenon-signature\n"
    "  tenon-keyctl root verify 1.root.json\n"
    "Exit status: 0 done, 2 usage, 4 refused by a rule, 5 not verified, 7 a passphrase, PIN or person is missing, 8 "
    "files.";

int run(int argc, char** argv) {
  Shell shell{read_clock(), default_home(), "tenon-keyctl " TENON_VERSION};
  CLI::App app("Keys and ceremonies for Tenon. Works offline; private keys stay in their files.", "tenon-keyctl");
  app.set_version_flag("--version", "tenon-keyctl " TENON_VERSION);
  app.require_subcommand(1);
  app.fallthrough();
  app.add_flag("--json", shell.json, "Print JSON");
  app.add_flag("-q,--quiet", shell.quiet, "Print errors and warnings only");
  app.add_option("--home", shell.home, "Folder that remembers what is trusted and was signed")->capture_default_str();
  add_key_commands(app, shell);
  add_root_commands(app, shell);
  add_delegation_commands(app, shell);
  add_request_commands(app, shell);
  add_response_commands(app, shell);
  add_ceremony_commands(app, shell);
  add_custodian_commands(app, shell);
  add_policy_commands(app, shell);
  add_token_commands(app, shell);
  app.footer(kFooter);  // last: subcommands would inherit it
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);  // --help, --version
    print_error(hsm::usage_error({error.get_name(), error.what(), app.remaining(true)}));
    return static_cast<int>(ExitStatus::kUsage);
  }
  const Result<Report> report = shell.chosen();
  if (!report) {
    print_error(report.error());
    return static_cast<int>(exit_status(report.error()));
  }
  print(*report, shell);
  return static_cast<int>(report->status);
}

}  // namespace
}  // namespace tenon::keyctl

int main(int argc, char** argv) {
  tenon::keep_standard_streams();
  ::umask(077);
  tenon::init_crypto();
  if (const auto agent = tenon::hsm::run_token_agent_if_asked(argc, argv)) return *agent;
  for (const std::string& warning : tenon::hsm::harden_process()) std::cerr << "warning: " << warning << "\n";
  return tenon::keyctl::run(argc, argv);
}
