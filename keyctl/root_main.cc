// tenon-keyctl root ...
#include <tenon/hsm/file_io.h>
#include <tenon/keyctl/command_line.h>
#include <tenon/keyctl/dialog.h>
#include <tenon/keyctl/root_init.h>
#include <tenon/keyctl/root_trust_command.h>
#include <tenon/keyctl/root_verify.h>
#include <tenon/metadata/utf8.h>

#include <map>
#include <optional>

#include <CLI/CLI.hpp>

namespace tenon::keyctl {
namespace {

using metadata::TopRole;
using metadata::UtcTime;

struct RoleOptions {
  std::vector<std::string> keys;
  std::int64_t threshold = 1;
};

struct RootInitOptions {
  std::map<TopRole, RoleOptions> roles;
  std::string output;
  ExpiryWords expiry = {};
  bool lab = false;
  bool rehearsal = false;
  bool force = false;
  bool dry_run = false;
};

struct RootOptions {
  std::string file;
  std::string previous;
  std::string repository;
  std::vector<std::string> names;
};

Result<Bytes> read_root(const std::string& path) {
  return hsm::read_file(path, metadata::Limits().root_bytes);
}

Result<Report> init(const RootInitOptions& given, UtcTime now) {
  TENON_TRY(const UtcTime expires, expiry_of(given.expiry, now));
  InitOptions options{given.output, {}, expires, given.lab, given.force, given.dry_run, given.rehearsal};
  for (const auto& [name, role] : given.roles) {
    options.roles[name] = {{role.keys.begin(), role.keys.end()}, role.threshold};
  }
  return init_root(options, now);
}

Result<Report> show(const RootOptions& options, UtcTime now) {
  TENON_TRY(const KeyNames names, read_names(options.names));
  TENON_TRY(const Bytes bytes, read_root(options.file));
  TENON_TRY(const RootFile file, RootFile::parse(bytes).with_context(printable(options.file)));
  return describe(file, names, now);
}

Result<Report> trust(const RootOptions& given, const Shell& shell) {
  TENON_TRY(policies::Label repository, from_command_line(policies::Label::parse(given.repository)));
  TENON_TRY(KeyNames names, read_names(given.names));
  TENON_TRY(const Bytes file, read_root(given.file));
  TENON_TRY(Home home, Home::open(shell.home));
  return trust_root(home, file, {std::move(repository), std::move(names)}, confirm_on_terminal, shell.now)
      .with_context(printable(given.file));
}

Result<Report> verify(const RootOptions& options, UtcTime now) {
  TENON_TRY(const KeyNames names, read_names(options.names));
  TENON_TRY(const Bytes file, read_root(options.file));
  if (options.previous.empty()) {
    return verify_root(file, std::nullopt, names, now).with_context(printable(options.file));
  }
  TENON_TRY(const Bytes previous, read_root(options.previous));
  return verify_root(file, previous, names, now).with_context(printable(options.file));
}

void add_names_option(CLI::App& command, RootOptions& options) {
  add_repeated(command, "--names", options.names, "Key files (NAME.tenon-key) whose names to show; can be repeated");
}

void add_role_options(CLI::App& init, RootInitOptions& options, TopRole role, bool threshold_required) {
  RoleOptions& place = options.roles[role];
  const std::string name(to_string(role));
  add_repeated(init, "--" + name, place.keys, "Public key file of a " + name + " key; can be repeated")->required();
  CLI::Option* threshold =
      init.add_option("--" + name + "-threshold", place.threshold, "How many " + name + " keys must sign");
  if (threshold_required) {
    threshold->required();
  } else {
    threshold->capture_default_str();
  }
}

void add_init(CLI::App& root, Shell& shell) {
  RootInitOptions& options = shell.keep<RootInitOptions>();
  CLI::App& command = *root.add_subcommand("init", "Draft root version 1, unsigned");
  command.add_option("-o,--output", options.output, "File to write, as 1.root.json")->required();
  add_expiry_options(command, options.expiry);
  add_role_options(command, options, TopRole::kRoot, true);
  for (TopRole role : {TopRole::kTargets, TopRole::kSnapshot, TopRole::kTimestamp}) {
    add_role_options(command, options, role, false);
  }
  command.add_flag("--lab", options.lab, "For a demo or a test: one root key may be enough");
  command.add_flag("--rehearsal", options.rehearsal, "Marked as one for ever, never published; expires within a day");
  command.add_flag("--force", options.force, "Replace the file if it exists");
  command.add_flag("--dry-run", options.dry_run, "Show the draft and write nothing");
  command.callback([&] { shell.chosen = [&] { return init(options, shell.now); }; });
}

void add_show(CLI::App& root, Shell& shell) {
  RootOptions& options = shell.keep<RootOptions>();
  CLI::App& command =
      *root.add_subcommand("show", "Say in plain words what is in a root, who has signed, who is missing");
  command.add_option("file", options.file, "Root file")->required();
  add_names_option(command, options);
  command.callback([&] { shell.chosen = [&] { return show(options, shell.now); }; });
}

void add_trust(CLI::App& root, Shell& shell) {
  RootOptions& options = shell.keep<RootOptions>();
  CLI::App& command = *root.add_subcommand("trust", "Remember a root: by comparing it, or because it follows one");
  command.add_option("file", options.file, "Signed root file")->required();
  command.add_option("--repository", options.repository, "Name of the repository")->required();
  add_names_option(command, options);
  command.callback([&] { shell.chosen = [&] { return trust(options, shell); }; });
}

void add_verify(CLI::App& root, Shell& shell) {
  RootOptions& options = shell.keep<RootOptions>();
  CLI::App& command = *root.add_subcommand("verify", "Check a root as a device will");
  command.add_option("file", options.file, "Root file")->required();
  command.add_option("--previous", options.previous, "The root before it, already trusted");
  add_names_option(command, options);
  command.callback([&] { shell.chosen = [&] { return verify(options, shell.now); }; });
}

}  // namespace

void add_root_commands(CLI::App& app, Shell& shell) {
  CLI::App& root = *app.add_subcommand("root", "Draft, look at and verify root metadata");
  root.require_subcommand(1);
  add_init(root, shell);
  add_show(root, shell);
  add_verify(root, shell);
  add_trust(root, shell);
  add_root_edit_commands(root, shell);
}

}  // namespace tenon::keyctl
