// tenon-keyctl targets next | new and delegation add | edit | remove: drafts of targets roles.
#include <tenon/hsm/file_io.h>
#include <tenon/keyctl/command_line.h>
#include <tenon/keyctl/delegation_edit.h>
#include <tenon/metadata/utf8.h>
#include <tenon/policies/metadata_changes.h>

#include <CLI/CLI.hpp>

namespace tenon::keyctl {
namespace {

using metadata::Targets;

struct TargetsWords {
  std::string file;
  std::string output;
  ExpiryWords expiry = {};
};

struct DelegationWords {
  std::string file;
  std::string name;
  std::vector<std::string> keys;
  std::int64_t threshold = 1;
  std::vector<std::string> paths;
  bool not_terminating = false;
  bool dry_run = false;
};

Result<TargetsFile> read_targets(const std::string& path) {
  TENON_TRY(const Bytes bytes, hsm::read_file(path, metadata::Limits().listed_bytes));
  return TargetsFile::parse(bytes).with_context(printable(path));
}

Report describe_draft(const Targets* before, const TargetsFile& draft, const KeyNames& names, const std::string& path) {
  const policies::NameOfKey name_of = [&](const metadata::KeyId& keyid, const metadata::PublicKey* key) {
    return key == nullptr ? printable(keyid.brief()) : names.label(keyid, *key);
  };
  Report report;
  json::Array changes;
  for (const policies::Change& change : policies::targets_changes(before, draft.targets, name_of)) {
    report.text += "  - " + change.text + "\n";
    changes.emplace_back(change.text);
  }
  report.text +=
      "draft " + printable(path) + ", version " + std::to_string(draft.targets.header.version.value()) + "\n";
  report.data.set("file", printable(path));
  report.data.set("version", draft.targets.header.version.value());
  report.data.set("changes", std::move(changes));
  return report;
}

Result<Report> next(const TargetsWords& words, const Shell& shell) {
  TENON_TRY(const TargetsFile previous, read_targets(words.file));
  if (previous.envelope.signatures().empty()) {
    return Error{ErrorCode::kPolicy, printable(words.file) + ": is a draft itself, signed by nobody",
                 "name the newest file that is published"};
  }
  TENON_TRY(const metadata::UtcTime expires, expiry_of(words.expiry, shell.now));
  TENON_TRY(const TargetsFile draft, next_targets(previous, expires, shell.now));
  TENON_TRY_VOID(hsm::write_new_file(words.output, as_bytes(draft.envelope.to_text()), hsm::FileMode::kPublic));
  return describe_draft(&previous.targets, draft, {}, words.output);
}

Result<Report> make_new(const TargetsWords& words, const Shell& shell) {
  TENON_TRY(const metadata::UtcTime expires, expiry_of(words.expiry, shell.now));
  TENON_TRY(const TargetsFile draft, empty_targets(expires, shell.now));
  TENON_TRY_VOID(hsm::write_new_file(words.output, as_bytes(draft.envelope.to_text()), hsm::FileMode::kPublic));
  return describe_draft(nullptr, draft, {}, words.output);
}

Result<DelegationRequest> delegation_request(const DelegationWords& words, KeyNames& names) {
  TENON_TRY(metadata::RoleName name, from_command_line(metadata::RoleName::parse_delegated(words.name)));
  DelegationRequest request{std::move(name), {}, words.threshold, {}, !words.not_terminating};
  for (const std::string& path : words.keys) {
    TENON_TRY(hsm::KeyFile file, hsm::read_key_file(path));
    names.add(file);
    request.keys.push_back(std::move(file));
  }
  for (const std::string& text : words.paths) {
    TENON_TRY(metadata::PathPattern pattern, from_command_line(metadata::PathPattern::parse(text)));
    request.paths.push_back(std::move(pattern));
  }
  return request;
}

Result<Report> edit(const DelegationWords& words, const KeyNames& names,
                    const std::function<Result<void>(Targets&)>& change) {
  TENON_TRY(const TargetsFile before, read_targets(words.file));
  if (!before.envelope.signatures().empty()) {
    return Error{ErrorCode::kPolicy, printable(words.file) + ": is signed; a changed one would be signed by nobody",
                 "tenon-keyctl targets next " + printable(words.file) + " -o NEW makes a draft of the next version"};
  }
  Targets targets = before.targets;
  TENON_TRY_VOID(change(targets));
  const TargetsFile draft = TargetsFile::draft_of(std::move(targets));
  Report report = describe_draft(&before.targets, draft, names, words.file);
  if (words.dry_run) {
    report.text += "nothing was written\n";
    return report;
  }
  TENON_TRY_VOID(hsm::replace_file(words.file, as_bytes(draft.envelope.to_text()), hsm::FileMode::kPublic));
  return report;
}

Result<Report> add(const DelegationWords& words) {
  KeyNames names;
  TENON_TRY(const DelegationRequest request, delegation_request(words, names));
  return edit(words, names, [&](Targets& targets) { return add_delegation(targets, request); });
}

Result<Report> replace(const DelegationWords& words) {
  KeyNames names;
  TENON_TRY(const DelegationRequest request, delegation_request(words, names));
  return edit(words, names, [&](Targets& targets) { return replace_delegation(targets, request); });
}

Result<Report> remove(const DelegationWords& words) {
  TENON_TRY(const metadata::RoleName name, from_command_line(metadata::RoleName::parse_delegated(words.name)));
  return edit(words, {}, [&](Targets& targets) { return remove_delegation(targets, name); });
}

CLI::App& add_edit(CLI::App& delegation, Shell& shell, DelegationWords& words, const std::string& name,
                   const std::string& help, Result<Report> (*run)(const DelegationWords&)) {
  CLI::App& command = *delegation.add_subcommand(name, help);
  command.add_option("file", words.file, "Draft of a targets role; replaced by the changed one")->required();
  command.add_option("--role", words.name, "Name of the delegated role, as releases.demo")->required();
  command.add_flag("--dry-run", words.dry_run, "Show the draft and write nothing");
  command.callback([&shell, &words, run] { shell.chosen = [&words, run] { return run(words); }; });
  return command;
}

void add_holder_options(CLI::App& command, DelegationWords& words) {
  add_repeated(command, "--key-file", words.keys, "NAME.tenon-key of somebody who may sign it")->required();
  command.add_option("--threshold", words.threshold, "How many must sign")->capture_default_str();
  add_repeated(command, "--path", words.paths, "Pattern of target paths it may speak for, as 'demo/tools/*'")
      ->required();
  command.add_flag("--not-terminating", words.not_terminating, "Later roles may speak for its paths too");
}

}  // namespace

void add_delegation_commands(CLI::App& app, Shell& shell) {
  CLI::App& targets = *app.add_subcommand("targets", "Draft targets roles");
  targets.require_subcommand(1);
  TargetsWords& of_next = shell.keep<TargetsWords>();
  CLI::App& next_command = *targets.add_subcommand("next", "Draft the version after one that is published");
  next_command.add_option("file", of_next.file, "The newest published file of the role")->required();
  next_command.add_option("-o,--output", of_next.output, "Draft to write")->required();
  add_expiry_options(next_command, of_next.expiry);
  next_command.callback([&] { shell.chosen = [&] { return next(of_next, shell); }; });
  TargetsWords& of_new = shell.keep<TargetsWords>();
  CLI::App& new_command = *targets.add_subcommand("new", "Draft the first version of a role that lists nothing yet");
  new_command.add_option("-o,--output", of_new.output, "Draft to write")->required();
  add_expiry_options(new_command, of_new.expiry);
  new_command.callback([&] { shell.chosen = [&] { return make_new(of_new, shell); }; });

  CLI::App& delegation = *app.add_subcommand("delegation", "Edit to whom a draft of a targets role delegates");
  delegation.require_subcommand(1);
  DelegationWords& to_add = shell.keep<DelegationWords>();
  add_holder_options(add_edit(delegation, shell, to_add, "add", "Let a role speak for some paths", add), to_add);
  DelegationWords& to_edit = shell.keep<DelegationWords>();
  add_holder_options(add_edit(delegation, shell, to_edit, "edit", "Give a role other keys or paths, all anew", replace),
                     to_edit);
  DelegationWords& to_remove = shell.keep<DelegationWords>();
  add_edit(delegation, shell, to_remove, "remove", "Let a role speak no more", remove);
}

}  // namespace tenon::keyctl
