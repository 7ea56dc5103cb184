// tenon-keyctl root next, add-key, remove-key, rotate, revoke, threshold, expire: drafts of the next root.
#include <tenon/hsm/file_io.h>
#include <tenon/keyctl/command_line.h>
#include <tenon/keyctl/root_edit.h>
#include <tenon/metadata/utf8.h>

#include <CLI/CLI.hpp>

namespace tenon::keyctl {
namespace {

using metadata::Root;
using metadata::TopRole;

struct EditWords {
  std::string file;
  std::string output;
  std::string role = "root";
  std::vector<std::string> add;
  std::vector<std::string> remove;
  std::vector<std::string> names;
  std::int64_t threshold = 0;
  ExpiryWords expiry = {};
  bool dry_run = false;
};

using Edit = std::function<Result<void>(Root&, TopRole)>;

Result<RootFile> read_root(const std::string& path) {
  TENON_TRY(const Bytes bytes, hsm::read_file(path, metadata::Limits().root_bytes));
  return RootFile::parse(bytes).with_context(printable(path));
}

// A key file, or the beginning of a keyid.
Result<KeyReference> key_reference(const std::string& text) {
  if (!text.ends_with(".tenon-key")) return KeyReference{text, std::nullopt};
  TENON_TRY(const hsm::KeyFile file, hsm::read_key_file(text));
  return KeyReference{text, file.key};
}

Result<Report> write_draft(const EditWords& words, const RootFile& draft, const std::string& path, bool is_new,
                           const Shell& shell) {
  TENON_TRY(KeyNames names, read_names(words.names));
  TENON_TRY(const std::vector<hsm::KeyFile> added, read_key_files(words.add));
  for (const hsm::KeyFile& file : added) names.add(file);
  Report report = describe(draft, names, shell.now);
  if (words.dry_run) {
    report.text += "nothing was written\n";
    return report;
  }
  const std::string text = draft.envelope.to_text();
  TENON_TRY_VOID(is_new ? hsm::write_new_file(path, as_bytes(text), hsm::FileMode::kPublic)
                        : hsm::replace_file(path, as_bytes(text), hsm::FileMode::kPublic));
  report.text += "draft written to " + printable(path) + "; when it is ready: tenon-keyctl request create\n";
  report.data.set("file", printable(path));
  return report;
}

Result<Report> next(const EditWords& words, const Shell& shell) {
  TENON_TRY(const RootFile previous, read_root(words.file));
  if (previous.envelope.signatures().empty()) {
    return Error{ErrorCode::kPolicy, printable(words.file) + ": is a draft itself, signed by nobody",
                 "name the newest root that is published"};
  }
  TENON_TRY(const metadata::UtcTime expires, expiry_of(words.expiry, shell.now));
  TENON_TRY(const RootFile draft, next_draft(previous, expires, shell.now));
  return write_draft(words, draft, words.output, true, shell);
}

Result<Report> edit(const EditWords& words, const Shell& shell, const Edit& change) {
  TENON_TRY(const RootFile before, read_root(words.file));
  if (!before.envelope.signatures().empty()) {
    return Error{ErrorCode::kPolicy, printable(words.file) + ": is signed; a changed one would be signed by nobody",
                 "tenon-keyctl root next " + printable(words.file) + " -o NEW makes a draft of the next version"};
  }
  TENON_TRY(const TopRole role, parse_top_role(words.role));
  Root root = before.root;
  TENON_TRY_VOID(change(root, role));
  metadata::Envelope envelope = metadata::Envelope::unsigned_of(root.to_json());
  return write_draft(words, {std::move(envelope), std::move(root)}, words.file, false, shell);
}

Result<Report> add(const EditWords& words, const Shell& shell) {
  TENON_TRY(const std::vector<hsm::KeyFile> keys, read_key_files(words.add));
  return edit(words, shell, [&](Root& root, TopRole role) -> Result<void> {
    for (const hsm::KeyFile& key : keys) TENON_TRY_VOID(add_key(root, role, key));
    return {};
  });
}

Result<Report> remove(const EditWords& words, const Shell& shell) {
  return edit(words, shell, [&](Root& root, TopRole role) -> Result<void> {
    for (const std::string& text : words.remove) {
      TENON_TRY(const KeyReference key, key_reference(text));
      TENON_TRY_VOID(remove_key(root, role, key));
    }
    return {};
  });
}

Result<Report> rotate(const EditWords& words, const Shell& shell) {
  if (words.add.size() != words.remove.size()) {
    return Error{ErrorCode::kUsage,
                 std::to_string(words.remove.size()) + " times --remove and " + std::to_string(words.add.size()) +
                     " times --add",
                 "each key that goes has one that comes; else use add-key and remove-key"};
  }
  TENON_TRY(const std::vector<hsm::KeyFile> keys, read_key_files(words.add));
  return edit(words, shell, [&](Root& root, TopRole role) -> Result<void> {
    for (std::size_t i = 0; i < keys.size(); ++i) {
      TENON_TRY(const KeyReference old_key, key_reference(words.remove[i]));
      TENON_TRY_VOID(replace_key(root, role, old_key, keys[i]));
    }
    return {};
  });
}

Result<Report> revoke(const EditWords& words, const Shell& shell) {
  return edit(words, shell, [&](Root& root, TopRole) -> Result<void> {
    for (const std::string& text : words.remove) {
      TENON_TRY(const KeyReference key, key_reference(text));
      TENON_TRY_VOID(revoke_key(root, key));
    }
    return {};
  });
}

Result<Report> threshold(const EditWords& words, const Shell& shell) {
  return edit(words, shell, [&](Root& root, TopRole role) { return set_threshold(root, role, words.threshold); });
}

Result<Report> expire(const EditWords& words, const Shell& shell) {
  TENON_TRY(const metadata::UtcTime expires, expiry_of(words.expiry, shell.now));
  return edit(words, shell, [&](Root& root, TopRole) -> Result<void> {
    if (expires <= shell.now) {
      return Error{ErrorCode::kPolicy, "expiry " + expires.text() + " is not after now, " + shell.now.text()};
    }
    root.header.expires = expires;
    return {};
  });
}

// One edit of a draft in place.
CLI::App& add_edit(CLI::App& root, Shell& shell, EditWords& words, const std::string& name, const std::string& help,
                   Result<Report> (*run)(const EditWords&, const Shell&)) {
  CLI::App& command = *root.add_subcommand(name, help);
  command.add_option("file", words.file, "Draft of a root; replaced by the changed one")->required();
  add_repeated(command, "--names", words.names, "Key files (NAME.tenon-key) whose names to show");
  command.add_flag("--dry-run", words.dry_run, "Show the draft and write nothing");
  command.callback([&shell, &words, run] { shell.chosen = [&shell, &words, run] { return run(words, shell); }; });
  return command;
}

void add_role_option(CLI::App& command, EditWords& words) {
  command.add_option("--role", words.role, "root, targets, snapshot or timestamp")->capture_default_str();
}

void add_next(CLI::App& root, Shell& shell) {
  EditWords& words = shell.keep<EditWords>();
  CLI::App& command = *root.add_subcommand("next", "Draft the root after one that is published");
  command.add_option("file", words.file, "The newest published root")->required();
  command.add_option("-o,--output", words.output, "Draft to write, as 2.root.json")->required();
  add_expiry_options(command, words.expiry);
  add_repeated(command, "--names", words.names, "Key files (NAME.tenon-key) whose names to show");
  command.add_flag("--dry-run", words.dry_run, "Show the draft and write nothing");
  command.callback([&] { shell.chosen = [&] { return next(words, shell); }; });
}

}  // namespace

void add_root_edit_commands(CLI::App& root, Shell& shell) {
  add_next(root, shell);
  const std::string remove_help = "NAME.tenon-key, or 8 or more characters of a keyid; can be repeated";

  EditWords& to_add = shell.keep<EditWords>();
  CLI::App& add_command = add_edit(root, shell, to_add, "add-key", "Let one more key sign a role", add);
  add_role_option(add_command, to_add);
  add_repeated(add_command, "--add", to_add.add, "NAME.tenon-key; can be repeated")->required();

  EditWords& to_remove = shell.keep<EditWords>();
  CLI::App& remove_command = add_edit(root, shell, to_remove, "remove-key", "Let a key sign a role no more", remove);
  add_role_option(remove_command, to_remove);
  add_repeated(remove_command, "--remove", to_remove.remove, remove_help)->required();

  EditWords& to_rotate = shell.keep<EditWords>();
  CLI::App& rotate_command = add_edit(root, shell, to_rotate, "rotate", "Put a new key in an old one's place", rotate);
  add_role_option(rotate_command, to_rotate);
  add_repeated(rotate_command, "--remove", to_rotate.remove, remove_help)->required();
  add_repeated(rotate_command, "--add", to_rotate.add, "NAME.tenon-key that takes its place")->required();

  EditWords& to_revoke = shell.keep<EditWords>();
  CLI::App& revoke_command =
      add_edit(root, shell, to_revoke, "revoke", "Take a key that is lost or stolen out of every role", revoke);
  add_repeated(revoke_command, "--remove", to_revoke.remove, remove_help)->required();

  EditWords& to_set = shell.keep<EditWords>();
  CLI::App& threshold_command =
      add_edit(root, shell, to_set, "threshold", "Set how many keys must sign a role", threshold);
  add_role_option(threshold_command, to_set);
  threshold_command.add_option("--threshold", to_set.threshold, "How many")->required();

  EditWords& to_expire = shell.keep<EditWords>();
  CLI::App& expire_command = add_edit(root, shell, to_expire, "expire", "Set when the draft will expire", expire);
  add_expiry_options(expire_command, to_expire.expiry);
}

}  // namespace tenon::keyctl
