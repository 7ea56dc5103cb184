// tenon-keyctl policy ...
#include <tenon/keyctl/command_line.h>
#include <tenon/keyctl/policy_commands.h>

#include <optional>

#include <CLI/CLI.hpp>

namespace tenon::keyctl {
namespace {

struct PolicyOptions {
  std::string file;
  std::string output;
  std::string repository;
  ExpiryWords expiry = {};
  std::int64_t version = 0;
  bool force = false;
  std::string rule;
  std::string root;
  std::string previous;
  std::vector<std::string> key_files;
};

Result<Report> build(const PolicyOptions& given, metadata::UtcTime now) {
  PolicyBuildOptions options{.source = given.file, .output = given.output};
  if (!given.repository.empty()) options.repository = given.repository;
  if (given.version != 0) options.version = given.version;
  if (given.expiry.given()) {
    TENON_TRY(options.expires, expiry_of(given.expiry, now));
  }
  options.overwrite = given.force;
  return build_policy(options, now);
}

Result<Report> check(const PolicyOptions& given, metadata::UtcTime now) {
  PolicyCheckOptions options{.policy = given.file, .root = given.root};
  if (!given.previous.empty()) options.previous = given.previous;
  options.key_files.assign(given.key_files.begin(), given.key_files.end());
  return check_policy(options, now);
}

void add_build(CLI::App& policy, Shell& shell) {
  PolicyOptions& options = shell.keep<PolicyOptions>();
  CLI::App& command = *policy.add_subcommand("build", "Make POLICY.json, which root's keys sign, from POLICY.toml");
  command.add_option("file", options.file, "POLICY.toml")->required();
  command.add_option("-o,--output", options.output, "File to write, as policy.json")->required();
  command.add_option("--repository", options.repository, "Whose policy it is, in place of what the file says");
  command.add_option("--version", options.version, "In place of what the file says")->check(CLI::PositiveNumber);
  add_expiry_options(command, options.expiry, false);
  command.add_flag("--force", options.force, "Replace the file if it exists");
  command.callback([&] { shell.chosen = [&] { return build(options, shell.now); }; });
}

void add_show(CLI::App& policy, Shell& shell) {
  PolicyOptions& options = shell.keep<PolicyOptions>();
  CLI::App& command = *policy.add_subcommand("show", "Say in plain words what a policy demands");
  command.add_option("file", options.file, "POLICY.json or POLICY.toml")->required();
  command.callback([&] { shell.chosen = [&] { return show_policy(options.file, shell.now); }; });
}

void add_explain(CLI::App& policy, Shell& shell) {
  PolicyOptions& options = shell.keep<PolicyOptions>();
  CLI::App& command = *policy.add_subcommand("explain", "Say what a rule is for, where it comes from and what to do");
  command.add_option("rule", options.rule, "As P02; all rules without it");
  command.callback([&] { shell.chosen = [&] { return explain_rules(options.rule); }; });
}

void add_check(CLI::App& policy, Shell& shell) {
  PolicyOptions& options = shell.keep<PolicyOptions>();
  CLI::App& command =
      *policy.add_subcommand("check", "Judge a root by the rules that need no signing request; exit status 4 refuses");
  command.add_option("--policy", options.file, "POLICY.json or POLICY.toml")->required();
  command.add_option("--root", options.root, "Root file, as 2.root.json")->required();
  command.add_option("--previous", options.previous, "The root before it");
  add_repeated(command, "--key-file", options.key_files, "Public key file (NAME.tenon-key) of a key; can be repeated");
  command.callback([&] { shell.chosen = [&] { return check(options, shell.now); }; });
}

}  // namespace

void add_policy_commands(CLI::App& app, Shell& shell) {
  CLI::App& policy = *app.add_subcommand("policy", "Write, read and apply the rules that signers follow");
  policy.require_subcommand(1);
  add_build(policy, shell);
  add_show(policy, shell);
  add_explain(policy, shell);
  add_check(policy, shell);
}

}  // namespace tenon::keyctl
