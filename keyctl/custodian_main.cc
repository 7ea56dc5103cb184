// tenon-keyctl custodian ...
#include <tenon/hsm/file_io.h>
#include <tenon/keyctl/command_line.h>
#include <tenon/keyctl/custodians.h>
#include <tenon/keyctl/policy_file.h>
#include <tenon/keyctl/root_file.h>
#include <tenon/metadata/utf8.h>

#include <CLI/CLI.hpp>

namespace tenon::keyctl {
namespace {

struct CustodianWords {
  std::string policy;
  std::vector<std::string> key_files;
  std::string organisation;
  std::string contact;
  std::string nonce;
  std::string root;
  bool dry_run = false;
};

Result<Report> add(const CustodianWords& words, const Shell& shell) {
  TENON_TRY(const PolicyFile before, read_policy_file(words.policy));
  TENON_TRY(const std::vector<hsm::KeyFile> files, read_key_files(words.key_files));
  TENON_TRY(const Bytes policy, hsm::read_file(words.policy, policies::SigningPolicy::kMaxBytes));
  std::string text(as_text(policy));
  std::string added;
  for (const hsm::KeyFile& file : files) {
    if (const policies::Custodian* there = before.policy.custodian(file.keyid)) {
      return Error{ErrorCode::kPolicy,
                   "key " + file.keyid.brief() + " has a custodian already, " + printable(there->name, 80),
                   "edit " + printable(words.policy)};
    }
    TENON_TRY(const std::string lines, custodian_lines(file, {words.organisation, words.contact}, shell.now));
    added += lines;
  }
  Report report{added, {}};
  report.data.set("added", static_cast<std::int64_t>(files.size()));
  if (words.dry_run) return report;
  TENON_TRY_VOID(hsm::replace_file(words.policy, as_bytes(text + added), hsm::FileMode::kPublic));
  TENON_TRY_VOID(read_policy_file(words.policy).with_context("as it is now"));
  return report;
}

Result<Report> list(const CustodianWords& words, const Shell& shell) {
  TENON_TRY(const PolicyFile policy, read_policy_file(words.policy));
  TENON_TRY(const std::vector<hsm::KeyFile> files, read_key_files(words.key_files));
  Drill drill{policy.policy, files};
  if (!words.nonce.empty()) {
    TENON_TRY(drill.nonce, from_command_line(hsm::Nonce::parse(words.nonce)));
  }
  if (!words.root.empty()) {
    TENON_TRY(const Bytes file, hsm::read_file(words.root, metadata::Limits().root_bytes));
    TENON_TRY(RootFile root, RootFile::parse(file).with_context(printable(words.root)));
    drill.root = std::move(root.root);
  }
  return list_custodians(drill, shell.now);
}

}  // namespace

void add_custodian_commands(CLI::App& app, Shell& shell) {
  CLI::App& custodian = *app.add_subcommand("custodian", "Who holds which key, and who has proved it lately");
  custodian.require_subcommand(1);

  CustodianWords& to_add = shell.keep<CustodianWords>();
  CLI::App& add_command = *custodian.add_subcommand("add", "Write the people of key files into a policy.toml");
  add_command.add_option("policy", to_add.policy, "policy.toml; lines are added at its end")->required();
  add_command.add_option("key-files", to_add.key_files, "NAME.tenon-key of each")->required();
  add_command.add_option("--org", to_add.organisation, "Their organisation")->required();
  add_command.add_option("--contact", to_add.contact, "How to reach them");
  add_command.add_flag("--dry-run", to_add.dry_run, "Print the lines and write nothing");
  add_command.callback([&] { shell.chosen = [&] { return add(to_add, shell); }; });

  CustodianWords& to_list = shell.keep<CustodianWords>();
  CLI::App& list_command = *custodian.add_subcommand("list", "Everybody in a policy, and their last proof");
  list_command.add_option("policy", to_list.policy, "Policy")->required();
  list_command.add_option("key-files", to_list.key_files, "NAME.tenon-key with the proofs");
  list_command.add_option("--nonce", to_list.nonce, "Of this drill; proofs over another do not count");
  list_command.add_option("--root", to_list.root, "N.root.json, to count for each role who can still sign");
  list_command.callback([&] { shell.chosen = [&] { return list(to_list, shell); }; });
}

}  // namespace tenon::keyctl
