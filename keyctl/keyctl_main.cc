// tenon-keyctl: keys and ceremonies. Parses the command line, wires a command to the terminal, prints its report.
#include <tenon/hsm/file_io.h>
#include <tenon/hsm/harden.h>
#include <tenon/keyctl/dialog.h>
#include <tenon/keyctl/expiry.h>
#include <tenon/keyctl/key_commands.h>
#include <tenon/keyctl/root_init.h>
#include <tenon/keyctl/root_sign.h>
#include <tenon/keyctl/root_verify.h>
#include <tenon/metadata/utf8.h>

#include <chrono>
#include <functional>
#include <iostream>
#include <optional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <sys/stat.h>

namespace tenon::keyctl {
namespace {

using metadata::TopRole;
using metadata::UtcTime;

constexpr const char* kPassphraseHelp = "prompt, fd:N or file:PATH (mode 0600)";

struct RoleArguments {
  std::vector<std::string> keys;
  std::int64_t threshold = 1;
};

// What the command line can hold; each command reads its own part.
struct Arguments {
  bool json = false;
  bool quiet = false;
  std::vector<std::string> passphrase_sources;
  std::vector<std::string> names;
  std::string file;

  std::string name;
  std::string type = "ed25519";
  std::string folder = ".";

  std::map<TopRole, RoleArguments> roles;
  std::string output;
  std::string expires;
  std::string expires_in;
  bool lab = false;
  bool force = false;
  bool dry_run = false;

  std::vector<std::string> keys;
  bool yes = false;
  std::string previous;
};

using Command = std::function<Result<Report>(const Arguments&, UtcTime now)>;

// What is wrong in an argument is the command line's fault, whatever code its parser gives.
template <class T>
Result<T> from_command_line(Result<T> parsed) {
  if (parsed) return parsed;
  Error error = std::move(parsed).error();
  error.code = ErrorCode::kUsage;
  return error;
}

Result<std::vector<hsm::SecretSource>> passphrase_sources(const Arguments& arguments) {
  std::vector<hsm::SecretSource> sources;
  for (const std::string& text : arguments.passphrase_sources) {
    TENON_TRY(hsm::SecretSource source, hsm::SecretSource::parse(text));
    sources.push_back(std::move(source));
  }
  return sources;
}

Result<KeyNames> read_names(const Arguments& arguments) {
  KeyNames names;
  for (const std::string& path : arguments.names) {
    TENON_TRY(const hsm::KeyFile file, hsm::read_key_file(path));
    names.add(file);
  }
  return names;
}

Result<Bytes> read_root(const std::string& path) {
  return hsm::read_file(path, metadata::Limits().root_bytes);
}

Result<Report> run_key_generate(const Arguments& arguments, UtcTime) {
  TENON_TRY(hsm::KeyName name, from_command_line(hsm::KeyName::parse(arguments.name)));
  TENON_TRY(const hsm::KeyType type, hsm::parse_key_type(arguments.type));
  TENON_TRY(const std::vector<hsm::SecretSource> sources, passphrase_sources(arguments));
  const auto source = sources.empty() ? std::nullopt : std::optional(sources.front());
  return generate_key({name, type, arguments.folder}, [&] { return new_passphrase(name, source); });
}

Result<Report> run_key_show(const Arguments& arguments, UtcTime) {
  TENON_TRY(const hsm::KeyFile file, hsm::read_key_file(arguments.file));
  return show_key(file);
}

Result<Report> run_root_init(const Arguments& arguments, UtcTime now) {
  TENON_TRY(const UtcTime expires, arguments.expires.empty() ? expiry_after(arguments.expires_in, now)
                                                             : from_command_line(UtcTime::parse(arguments.expires)));
  InitOptions options{arguments.output, {}, expires, arguments.lab, arguments.force, arguments.dry_run};
  for (const auto& [role, given] : arguments.roles) {
    options.roles[role] = {{given.keys.begin(), given.keys.end()}, given.threshold};
  }
  return init_root(options, now);
}

Result<Report> run_root_show(const Arguments& arguments, UtcTime now) {
  TENON_TRY(const KeyNames names, read_names(arguments));
  TENON_TRY(const Bytes bytes, read_root(arguments.file));
  TENON_TRY(const RootFile file, RootFile::parse(bytes).with_context(printable(arguments.file)));
  return describe(file, names, now);
}

Result<Report> run_root_sign(const Arguments& arguments, UtcTime now) {
  SignOptions options{arguments.file, {arguments.keys.begin(), arguments.keys.end()}, {}};
  TENON_TRY(options.names, read_names(arguments));
  TENON_TRY(options.passphrases, passphrase_sources(arguments));
  if (options.passphrases.empty()) options.passphrases.push_back(hsm::SecretSource::prompt());
  const auto said_yes = [](const std::string&, const std::string&) { return Result<void>(); };
  return sign_root_file(options, arguments.yes ? Confirm(said_yes) : Confirm(confirm_on_terminal), now);
}

Result<Report> run_root_verify(const Arguments& arguments, UtcTime now) {
  TENON_TRY(const KeyNames names, read_names(arguments));
  TENON_TRY(const Bytes file, read_root(arguments.file));
  if (arguments.previous.empty()) {
    return verify_root(file, std::nullopt, names, now).with_context(printable(arguments.file));
  }
  TENON_TRY(const Bytes previous, read_root(arguments.previous));
  return verify_root(file, previous, names, now).with_context(printable(arguments.file));
}

void add_passphrase_option(CLI::App& command, Arguments& arguments, const std::string& help) {
  command.add_option("--passphrase-from", arguments.passphrase_sources, help)->allow_extra_args(false);
}

void add_names_option(CLI::App& command, Arguments& arguments) {
  command.add_option("--names", arguments.names, "Key files (NAME.tenon-key) whose names to show; can be repeated")
      ->allow_extra_args(false);
}

void add_key_commands(CLI::App& app, Arguments& arguments, Command& chosen) {
  CLI::App& key = *app.add_subcommand("key", "Make and look at keys");
  key.require_subcommand(1);

  CLI::App& generate = *key.add_subcommand("generate", "Make a key: NAME.pem (encrypted) and NAME.tenon-key (public)");
  generate.add_option("--name", arguments.name, "Whose key it is: names the two files")->required();
  generate.add_option("--type", arguments.type, "ed25519 or ecdsa-p256")->capture_default_str();
  generate.add_option("--out", arguments.folder, "Folder to write to")->capture_default_str();
  add_passphrase_option(generate, arguments, std::string(kPassphraseHelp) + "; without it, one is made and shown once");
  generate.get_option("--passphrase-from")->expected(1);
  generate.callback([&] { chosen = run_key_generate; });

  CLI::App& show = *key.add_subcommand("show", "Show a public key file");
  show.add_option("file", arguments.file, "NAME.tenon-key")->required();
  show.callback([&] { chosen = run_key_show; });
}

void add_role_options(CLI::App& init, Arguments& arguments, TopRole role, bool threshold_required) {
  RoleArguments& place = arguments.roles[role];
  const std::string name(to_string(role));
  init.add_option("--" + name, place.keys, "Public key file of a " + name + " key; can be repeated")
      ->required()
      ->allow_extra_args(false);
  CLI::Option* threshold =
      init.add_option("--" + name + "-threshold", place.threshold, "How many " + name + " keys must sign");
  if (threshold_required) {
    threshold->required();
  } else {
    threshold->capture_default_str();
  }
}

void add_root_init(CLI::App& root, Arguments& arguments, Command& chosen) {
  CLI::App& init = *root.add_subcommand("init", "Draft root version 1, unsigned");
  init.add_option("-o,--output", arguments.output, "File to write, as 1.root.json")->required();
  CLI::Option_group& expiry = *init.add_option_group("expiry", "When the root expires");
  expiry.add_option("--expires-in", arguments.expires_in, "From now: 365d, 52w or 36h");
  expiry.add_option("--expires", arguments.expires, "UTC, as 2027-11-22T00:00:00Z");
  expiry.require_option(1);
  add_role_options(init, arguments, TopRole::kRoot, true);
  for (TopRole role : {TopRole::kTargets, TopRole::kSnapshot, TopRole::kTimestamp}) {
    add_role_options(init, arguments, role, false);
  }
  init.add_flag("--lab", arguments.lab, "A rehearsal: one root key may be enough");
  init.add_flag("--force", arguments.force, "Replace the file if it exists");
  init.add_flag("--dry-run", arguments.dry_run, "Show the draft and write nothing");
  init.callback([&] { chosen = run_root_init; });
}

void add_root_commands(CLI::App& app, Arguments& arguments, Command& chosen) {
  CLI::App& root = *app.add_subcommand("root", "Draft, look at, sign and verify root metadata");
  root.require_subcommand(1);
  add_root_init(root, arguments, chosen);

  CLI::App& show = *root.add_subcommand("show", "Say in plain words what is in a root, who has signed, who is missing");
  show.add_option("file", arguments.file, "Root file")->required();
  add_names_option(show, arguments);
  show.callback([&] { chosen = run_root_show; });

  CLI::App& sign = *root.add_subcommand("sign", "Show a root, ask, and sign it");
  sign.add_option("file", arguments.file, "Root file; replaced by one with more signatures")->required();
  sign.add_option("--key", arguments.keys, "Private key, NAME.pem; can be repeated")
      ->required()
      ->allow_extra_args(false);
  add_passphrase_option(sign, arguments, std::string(kPassphraseHelp) + "; once for all keys, or once for each");
  add_names_option(sign, arguments);
  sign.add_flag("--yes", arguments.yes, "Do not ask: what is signed was looked at before");
  sign.callback([&] { chosen = run_root_sign; });

  CLI::App& verify = *root.add_subcommand("verify", "Check a root as a device will");
  verify.add_option("file", arguments.file, "Root file")->required();
  verify.add_option("--previous", arguments.previous, "The root before it, already trusted");
  add_names_option(verify, arguments);
  verify.callback([&] { chosen = run_root_verify; });
}

void print_error(const Error& error) {
  std::cerr << "error: " << to_string(error.code) << " " << printable(error.message, 4096) << "\n";
  if (!error.hint.empty()) std::cerr << "hint: " << printable(error.hint, 1024) << "\n";
}

void print(const Report& report, const Arguments& arguments) {
  for (const std::string& warning : report.warnings) std::cerr << "warning: " << warning << "\n";
  if (arguments.json) {
    std::cout << json::to_text(report.data, 1) << "\n";
  } else if (!arguments.quiet) {
    std::cout << report.text;
  }
}

UtcTime read_clock() {
  const auto since_epoch = std::chrono::system_clock::now().time_since_epoch();
  return UtcTime::epoch().plus_seconds(std::chrono::duration_cast<std::chrono::seconds>(since_epoch).count());
}

constexpr const char* kFooter =
    "Example, a root of three people of whom two must sign:\n"
    "  tenon-keyctl key generate --name alice                     # each on a machine of their own\n"
    "  tenon-keyctl root init -o 1.root.json --expires-in 365d --root-threshold 2 \\\n"
    "      --root alice.tenon-key --root bob.tenon-key --root carol.tenon-key \\\n"
    "      --targets carol.tenon-key --snapshot online.tenon-key --timestamp online.tenon-key\n"
    "  tenon-keyctl root sign 1.root.json --key alice.pem\n"
    "  tenon-keyctl root verify 1.root.json\n"
    "Exit status: 0 done, 2 usage, 4 refused by a rule, 5 not verified, 7 a passphrase or person is missing, 8 files.";

int run(int argc, char** argv) {
  const UtcTime now = read_clock();
  Arguments arguments;
  Command command;
  CLI::App app("Keys and ceremonies for Tenon. Works offline; private keys stay in their files.", "tenon-keyctl");
  app.set_version_flag("--version", "tenon-keyctl " TENON_VERSION);
  app.require_subcommand(1);
  app.fallthrough();
  app.add_flag("--json", arguments.json, "Print JSON");
  app.add_flag("-q,--quiet", arguments.quiet, "Print errors and warnings only");
  add_key_commands(app, arguments, command);
  add_root_commands(app, arguments, command);
  app.footer(kFooter);  // last: subcommands would inherit it
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : static_cast<int>(ExitStatus::kUsage);
  }
  const Result<Report> report = command(arguments, now);
  if (!report) {
    print_error(report.error());
    return static_cast<int>(exit_status(report.error()));
  }
  print(*report, arguments);
  return 0;
}

}  // namespace
}  // namespace tenon::keyctl

int main(int argc, char** argv) {
  ::umask(077);
  tenon::init_crypto();
  for (const std::string& warning : tenon::hsm::harden_process()) std::cerr << "warning: " << warning << "\n";
  return tenon::keyctl::run(argc, argv);
}
