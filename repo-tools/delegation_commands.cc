// The commands about roles below targets and what they list: delegation add, edit, remove, bins, list; target add, remove.
#include <tenon/metadata/utf8.h>
#include <tenon/repo_tools/command_words.h>
#include <tenon/repo_tools/commands.h>
#include <tenon/repo_tools/delegation_editor.h>
#include <tenon/repo_tools/target_list.h>

namespace tenon::repo_tools {
namespace {

Result<std::vector<metadata::PathPattern>> patterns(const std::vector<std::string>& texts) {
  std::vector<metadata::PathPattern> all;
  for (const std::string& text : texts) {
    TENON_TRY(metadata::PathPattern pattern, metadata::PathPattern::parse(text).with_context("--path"));
    all.push_back(std::move(pattern));
  }
  return all;
}

json::Array draft_array(const std::vector<Draft>& drafts) {
  json::Array array;
  for (const Draft& draft : drafts) array.push_back(draft_json(draft));
  return array;
}

ExitStatus report_edit(const Console& console, const DelegationEdited& edited, bool dry_run) {
  if (console.as_json) {
    json::Object object;
    object.set("schema", 1);
    object.set("dry_run", dry_run);
    object.set("drafts", draft_array(edited.drafts));
    object.set("remarks", json::Array(edited.remarks.begin(), edited.remarks.end()));
    console.give(std::move(object));
  }
  say_drafts(console, edited.drafts, dry_run);
  for (const std::string& remark : edited.remarks) console.say("  note: " + remark);
  console.say(std::string(kSignNext));
  return ExitStatus::kOk;
}

ExitStatus report_targets(const Console& console, const TargetsChanged& changed, bool dry_run) {
  if (console.as_json) {
    json::Object object;
    object.set("schema", 1);
    object.set("dry_run", dry_run);
    object.set("added", static_cast<std::int64_t>(changed.added));
    object.set("replaced", static_cast<std::int64_t>(changed.replaced));
    object.set("removed", static_cast<std::int64_t>(changed.removed));
    object.set("unchanged", static_cast<std::int64_t>(changed.unchanged));
    object.set("drafts", draft_array(changed.drafts));
    console.give(std::move(object));
  }
  console.say(std::to_string(changed.added) + " targets added, " + std::to_string(changed.replaced) + " replaced, " +
              std::to_string(changed.removed) + " removed, " + std::to_string(changed.unchanged) + " as they were");
  say_drafts(console, changed.drafts, dry_run);
  if (changed.drafts.empty()) return ExitStatus::kNothingToDo;
  console.say(std::string(kSignNext));
  return ExitStatus::kOk;
}

// What one delegation may speak for, on one line.
std::string paths_text(const metadata::PathSet& paths) {
  std::string text;
  for (const metadata::PathPattern& pattern : paths.patterns.value_or(std::vector<metadata::PathPattern>())) {
    text += (text.empty() ? "" : ", ") + printable(pattern.text());
  }
  return text.empty() ? "nothing" : text;
}

std::string holders_text(const metadata::RoleKeys& keys) {
  return std::to_string(keys.threshold.value()) + " of " + std::to_string(keys.keyids.size()) + " keys";
}

std::string tree_text(const RoleTree& tree) {
  std::string text;
  for (const auto& [role, targets] : tree.delegators()) {
    text += printable(role.text()) + "\n";
    if (const auto& bins = targets.delegations->bins) {
      text += "  " + std::to_string(bins->count()) + " bins " + printable(bins->bin(0).name.text()) + " .. " +
              printable(bins->bin(bins->count() - 1).name.text()) + "  by digest of the path, " +
              holders_text(bins->keys) + "\n";
    }
    std::size_t prefixed = 0;
    for (const metadata::DelegatedRole& one : targets.delegations->roles) {
      if (one.paths.hash_prefixes) {
        ++prefixed;
        continue;
      }
      text += "  " + printable(one.name.text()) + "  " + paths_text(one.paths) + ", " + holders_text(one.keys) +
              (one.terminating ? ", terminating" : "") + "\n";
    }
    if (prefixed > 0) text += "  " + std::to_string(prefixed) + " bins, listed with their prefixes of digests\n";
  }
  return text.empty() ? "no role delegates\n" : text;
}

json::Value tree_json(const RoleTree& tree) {
  json::Array delegators;
  for (const auto& [role, targets] : tree.delegators()) {
    json::Object object;
    object.set("role", role.text());
    object.set("delegations", *targets.to_json().object()->find("delegations"));
    delegators.push_back(std::move(object));
  }
  json::Object object;
  object.set("schema", 1);
  object.set("delegators", std::move(delegators));
  return object;
}

}  // namespace

Result<ExitStatus> run_delegation_add(const Console& console, const DelegationWords& words) {
  TENON_TRY(const Repository repository, Repository::open(words.folder));
  TENON_TRY(const hsm::FileDescriptor lock, repository.lock());
  TENON_TRY(const RoleId delegator, RoleId::parse(words.by));
  TENON_TRY(const metadata::RoleName role, metadata::RoleName::parse_delegated(words.role));
  TENON_TRY(std::vector<metadata::PathPattern> paths, patterns(words.paths));
  TENON_TRY(std::vector<metadata::PublicKey> keys, public_keys(words.keys));
  const auto writer = writer_for(words.dry_run);
  TENON_TRY(const DelegationEdited edited, add_delegation(repository, *writer,
                                                          {delegator,
                                                           role,
                                                           std::move(paths),
                                                           {std::move(keys), words.threshold.value_or(1)},
                                                           !words.not_terminating,
                                                           words.overlapping},
                                                          console.now));
  return report_edit(console, edited, words.dry_run);
}

Result<ExitStatus> run_delegation_edit(const Console& console, const DelegationWords& words) {
  TENON_TRY(const Repository repository, Repository::open(words.folder));
  TENON_TRY(const hsm::FileDescriptor lock, repository.lock());
  TENON_TRY(const RoleId role, RoleId::parse(words.role));
  DelegationChange change{.threshold = words.threshold, .of_bins = words.bins, .may_overlap = words.overlapping};
  if (!words.paths.empty()) {
    TENON_TRY(change.paths, patterns(words.paths));
  }
  TENON_TRY(change.keys, public_keys(words.keys));
  const auto writer = writer_for(words.dry_run);
  TENON_TRY(const DelegationEdited edited, edit_delegation(repository, *writer, role, change, console.now));
  return report_edit(console, edited, words.dry_run);
}

Result<ExitStatus> run_delegation_remove(const Console& console, const DelegationWords& words) {
  TENON_TRY(const Repository repository, Repository::open(words.folder));
  TENON_TRY(const hsm::FileDescriptor lock, repository.lock());
  TENON_TRY(const RoleId role, RoleId::parse(words.role));
  const auto writer = writer_for(words.dry_run);
  TENON_TRY(const DelegationEdited edited, remove_delegation(repository, *writer, role, console.now));
  return report_edit(console, edited, words.dry_run);
}

Result<ExitStatus> run_delegation_bins(const Console& console, const BinsWords& words) {
  TENON_TRY(const Repository repository, Repository::open(words.folder));
  TENON_TRY(const hsm::FileDescriptor lock, repository.lock());
  TENON_TRY(const RoleId role, RoleId::parse(words.role));
  TENON_TRY(std::vector<metadata::PublicKey> keys, public_keys(words.keys));
  const auto writer = writer_for(words.dry_run);
  TENON_TRY(const DelegationEdited edited, add_bins(repository, *writer,
                                                    {role,
                                                     words.count,
                                                     words.prefix.empty() ? words.role : words.prefix,
                                                     {std::move(keys), words.threshold},
                                                     words.listed},
                                                    console.now));
  return report_edit(console, edited, words.dry_run);
}

Result<ExitStatus> run_delegation_list(const Console& console, const DelegationListWords& words) {
  TENON_TRY(const Repository repository, Repository::open(words.folder));
  TENON_TRY(const RoleTree tree, RoleTree::read(repository));
  console.show(tree_text(tree), tree_json(tree));
  return ExitStatus::kOk;
}

Result<ExitStatus> run_target_add(const Console& console, const TargetAddWords& words) {
  TENON_TRY(const Repository repository, Repository::open(words.folder));
  TENON_TRY(const hsm::FileDescriptor lock, repository.lock());
  TENON_TRY(const RoleId role, RoleId::parse(words.role));
  if (words.from.empty() == words.manifest.empty()) {
    return Error{ErrorCode::kUsage, "give --from, or --manifest for files that are served from elsewhere"};
  }
  const auto writer = writer_for(words.dry_run);
  TENON_TRY(const TargetsChanged changed,
            words.manifest.empty()
                ? add_target_files(repository, *writer, role, words.from, words.prefix, console.now, console.progress)
                : add_target_manifest(repository, *writer, role, words.manifest, console.now, console.progress));
  return report_targets(console, changed, words.dry_run);
}

Result<ExitStatus> run_target_remove(const Console& console, const TargetRemoveWords& words) {
  TENON_TRY(const Repository repository, Repository::open(words.folder));
  TENON_TRY(const hsm::FileDescriptor lock, repository.lock());
  TENON_TRY(const RoleId role, RoleId::parse(words.role));
  const auto writer = writer_for(words.dry_run);
  TENON_TRY(const TargetsChanged changed, remove_targets(repository, *writer, role, words.paths, console.now));
  return report_targets(console, changed, words.dry_run);
}

}  // namespace tenon::repo_tools
