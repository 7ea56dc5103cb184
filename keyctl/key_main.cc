// tenon-keyctl key ...
#include <tenon/keyctl/command_line.h>
#include <tenon/keyctl/dialog.h>
#include <tenon/keyctl/key_commands.h>

#include <optional>

#include <CLI/CLI.hpp>

namespace tenon::keyctl {
namespace {

struct KeyOptions {
  std::string file;
  std::string name;
  std::string type = "ed25519";
  std::string folder = ".";
  std::vector<std::string> passphrase_sources;
};

Result<Report> generate(const KeyOptions& options) {
  TENON_TRY(hsm::KeyName name, from_command_line(hsm::KeyName::parse(options.name)));
  TENON_TRY(const hsm::KeyType type, hsm::parse_key_type(options.type));
  TENON_TRY(const std::vector<hsm::SecretSource> sources, parse_sources(options.passphrase_sources));
  const auto source = sources.empty() ? std::nullopt : std::optional(sources.front());
  return generate_key({name, type, options.folder}, [&] { return new_passphrase(name, source); });
}

Result<Report> show(const KeyOptions& options) {
  TENON_TRY(const hsm::KeyFile file, hsm::read_key_file(options.file));
  return show_key(file);
}

void add_generate(CLI::App& key, Shell& shell) {
  KeyOptions& options = shell.keep<KeyOptions>();
  CLI::App& command = *key.add_subcommand("generate", "Make a key: NAME.pem (encrypted) and NAME.tenon-key (public)");
  command.add_option("--name", options.name, "Whose key it is: names the two files")->required();
  command.add_option("--type", options.type, "ed25519 or ecdsa-p256")->capture_default_str();
  command.add_option("--out", options.folder, "Folder to write to")->capture_default_str();
  command
      .add_option("--passphrase-from", options.passphrase_sources,
                  std::string(kPassphraseHelp) + "; without it, one is made and shown once")
      ->expected(1);
  command.callback([&] { shell.chosen = [&] { return generate(options); }; });
}

void add_show(CLI::App& key, Shell& shell) {
  KeyOptions& options = shell.keep<KeyOptions>();
  CLI::App& command = *key.add_subcommand("show", "Show a public key file");
  command.add_option("file", options.file, "NAME.tenon-key")->required();
  command.callback([&] { shell.chosen = [&] { return show(options); }; });
}

}  // namespace

void add_key_commands(CLI::App& app, Shell& shell) {
  CLI::App& key = *app.add_subcommand("key", "Make and look at keys");
  key.require_subcommand(1);
  add_generate(key, shell);
  add_show(key, shell);
}

}  // namespace tenon::keyctl
