// tenon-keyctl token ...
#include <tenon/keyctl/command_line.h>
#include <tenon/keyctl/token_commands.h>

#include <CLI/CLI.hpp>

namespace tenon::keyctl {
namespace {

struct TokenCommandOptions {
  std::string uri;
  TokenWords token = {};
};

Result<Report> list(const TokenCommandOptions& options) {
  TENON_TRY(const hsm::TokenOptions token, token_options(options.token));
  return list_tokens(token);
}

Result<Report> probe(const TokenCommandOptions& options) {
  TENON_TRY(const hsm::Pkcs11Uri uri, hsm::Pkcs11Uri::parse(options.uri));
  TENON_TRY(const hsm::TokenOptions token, token_options(options.token));
  return probe_token(uri, token);
}

}  // namespace

void add_token_commands(CLI::App& app, Shell& shell) {
  CLI::App& token = *app.add_subcommand("token", "Look at PKCS#11 tokens");
  token.require_subcommand(1);

  TokenCommandOptions& listed = shell.keep<TokenCommandOptions>();
  CLI::App& list_command = *token.add_subcommand("list", "Say which tokens are there; asks for no PIN");
  add_token_options(list_command, listed.token, "");
  list_command.callback([&] { shell.chosen = [&] { return list(listed); }; });

  TokenCommandOptions& probed = shell.keep<TokenCommandOptions>();
  CLI::App& probe_command =
      *token.add_subcommand("probe", "Sign a test text with every mechanism that fits the key, by trying");
  probe_command.add_option("uri", probed.uri, "The key, as pkcs11:token=...;id=...")->required();
  add_token_options(probe_command, probed.token, " that has the key");
  probe_command.callback([&] { shell.chosen = [&] { return probe(probed); }; });
}

}  // namespace tenon::keyctl
