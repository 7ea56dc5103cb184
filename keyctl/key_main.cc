// tenon-keyctl key ...
#include <tenon/hsm/software_key.h>
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
  std::string type;
  std::string folder = ".";
  std::vector<std::string> passphrase_sources;
  std::string uri;
  std::string key;
  std::string nonce;
  std::string new_passphrase_source;
  TokenWords token = {};
  bool always_authenticate = false;
  bool dry_run = false;
};

Result<std::optional<hsm::SecretSource>> first_source(const std::vector<std::string>& texts) {
  TENON_TRY(const std::vector<hsm::SecretSource> sources, parse_sources(texts));
  return sources.empty() ? std::nullopt : std::optional(sources.front());
}

Result<Report> generate_in_token(const KeyOptions& options, hsm::KeyName name) {
  TENON_TRY(const hsm::KeyType type, hsm::parse_key_type(options.type.empty() ? "ecdsa-p256" : options.type));
  TENON_TRY(hsm::Pkcs11Uri uri, hsm::Pkcs11Uri::parse(options.uri));
  TENON_TRY(hsm::TokenOptions token, token_options(options.token));
  return generate_token_key({std::move(name), type, options.folder, std::move(uri), std::move(token),
                             options.always_authenticate, options.dry_run});
}

Result<Report> generate(const KeyOptions& options) {
  TENON_TRY(hsm::KeyName name, from_command_line(hsm::KeyName::parse(options.name)));
  if (!options.uri.empty()) return generate_in_token(options, std::move(name));
  if (options.dry_run || options.always_authenticate) {
    return Error{ErrorCode::kUsage, "--dry-run and --always-authenticate are for keys in a token", "add --token URI"};
  }
  TENON_TRY(const hsm::KeyType type, hsm::parse_key_type(options.type.empty() ? "ed25519" : options.type));
  TENON_TRY_VOID(hsm::check_software_type(type));
  TENON_TRY(const std::optional<hsm::SecretSource> source, first_source(options.passphrase_sources));
  return generate_key({name, type, options.folder}, [&] { return new_passphrase(name, source); });
}

Result<Report> show(const KeyOptions& options) {
  TENON_TRY(const hsm::KeyFile file, hsm::read_key_file(options.file));
  return show_key(file);
}

Result<Report> export_pub(const KeyOptions& options) {
  TENON_TRY(const hsm::KeyName name, from_command_line(hsm::KeyName::parse(options.name)));
  TENON_TRY(const hsm::Pkcs11Uri uri, hsm::Pkcs11Uri::parse(options.uri));
  TENON_TRY(const hsm::TokenOptions token, token_options(options.token));
  return export_public(name, options.folder, uri, token);
}

Result<Report> passwd(const KeyOptions& options) {
  TENON_TRY(const std::optional<hsm::SecretSource> old_source, first_source(options.passphrase_sources));
  std::optional<hsm::SecretSource> new_source;
  if (!options.new_passphrase_source.empty()) {
    TENON_TRY(new_source, hsm::SecretSource::parse(options.new_passphrase_source));
  }
  return change_key_passphrase(options.file, old_source.value_or(hsm::SecretSource::prompt()),
                               [&](const hsm::KeyName& name) { return new_passphrase(name, new_source); });
}

Result<Report> prove(const KeyOptions& options, metadata::UtcTime now) {
  TENON_TRY(hsm::Nonce nonce, from_command_line(hsm::Nonce::parse(options.nonce)));
  TENON_TRY(const std::optional<hsm::SecretSource> source, first_source(options.passphrase_sources));
  TENON_TRY(hsm::TokenOptions token, token_options(options.token));
  return prove_key({options.key,
                    options.file,
                    std::move(nonce),
                    {source.value_or(hsm::SecretSource::prompt()), std::move(token)},
                    options.dry_run},
                   now);
}

void add_generate(CLI::App& key, Shell& shell) {
  KeyOptions& options = shell.keep<KeyOptions>();
  CLI::App& command = *key.add_subcommand(
      "generate", "Make a key: NAME.pem (encrypted) and NAME.tenon-key (public), or with --token one that stays in it");
  command.add_option("--name", options.name, "Whose key it is: names the files")->required();
  command.add_option("--type", options.type,
                     "ed25519 or ecdsa-p256; in a token also rsa-3072, in a file ml-dsa-65. Without it ed25519, in a "
                     "token ecdsa-p256");
  command.add_option("--out", options.folder, "Folder to write to")->capture_default_str();
  command
      .add_option("--passphrase-from", options.passphrase_sources,
                  std::string(kPassphraseHelp) + "; without it, one is made and shown once")
      ->expected(1);
  command.add_option("--token", options.uri, "Make it in this token: pkcs11:token=...; id= and object= name the key");
  add_token_options(command, options.token, " that makes the key");
  command.add_flag("--always-authenticate", options.always_authenticate,
                   "The token shall want the PIN for each signature");
  command.add_flag("--dry-run", options.dry_run, "Find the token, ask for no PIN and make nothing");
  command.callback([&] { shell.chosen = [&] { return generate(options); }; });
}

void add_show(CLI::App& key, Shell& shell) {
  KeyOptions& options = shell.keep<KeyOptions>();
  CLI::App& command = *key.add_subcommand("show", "Show a public key file");
  command.add_option("file", options.file, "NAME.tenon-key")->required();
  command.callback([&] { shell.chosen = [&] { return show(options); }; });
}

void add_export_pub(CLI::App& key, Shell& shell) {
  KeyOptions& options = shell.keep<KeyOptions>();
  CLI::App& command = *key.add_subcommand("export-pub", "Write NAME.tenon-key of a key that is in a token");
  command.add_option("uri", options.uri, "The key, as pkcs11:token=...;id=...")->required();
  command.add_option("--name", options.name, "Whose key it is: names the file")->required();
  command.add_option("--out", options.folder, "Folder to write to")->capture_default_str();
  add_token_options(command, options.token, " that has the key");
  command.callback([&] { shell.chosen = [&] { return export_pub(options); }; });
}

void add_passwd(CLI::App& key, Shell& shell) {
  KeyOptions& options = shell.keep<KeyOptions>();
  CLI::App& command = *key.add_subcommand("passwd", "Change the passphrase of a key in a file");
  command.add_option("file", options.file, "NAME.pem")->required();
  command.add_option("--passphrase-from", options.passphrase_sources, "The old one: " + std::string(kPassphraseHelp))
      ->expected(1);
  command.add_option("--new-passphrase-from", options.new_passphrase_source,
                     std::string(kPassphraseHelp) + "; without it, one is made and shown once");
  command.callback([&] { shell.chosen = [&] { return passwd(options); }; });
}

void add_proof(CLI::App& key, Shell& shell) {
  KeyOptions& options = shell.keep<KeyOptions>();
  CLI::App& command = *key.add_subcommand(
      "proof", "Prove that you can sign with a key: put a signature over a nonce into NAME.tenon-key");
  command.add_option("--key", options.key, "Private key: NAME.pem, or pkcs11:... or NAME.tenon-key for one in a token")
      ->required();
  command.add_option("--nonce", options.nonce, "What the ceremony asks to be signed, in hex")->required();
  command.add_option("--file", options.file, "NAME.tenon-key that gets the proof; without it, the one of the key");
  command
      .add_option("--passphrase-from", options.passphrase_sources,
                  "Of a key in a file: " + std::string(kPassphraseHelp))
      ->expected(1);
  add_token_options(command, options.token);
  command.add_flag("--dry-run", options.dry_run, "Say what would be signed");
  command.callback([&] { shell.chosen = [&] { return prove(options, shell.now); }; });
}

}  // namespace

void add_key_commands(CLI::App& app, Shell& shell) {
  CLI::App& key = *app.add_subcommand("key", "Make and look at keys");
  key.require_subcommand(1);
  add_generate(key, shell);
  add_show(key, shell);
  add_export_pub(key, shell);
  add_passwd(key, shell);
  add_proof(key, shell);
}

}  // namespace tenon::keyctl
