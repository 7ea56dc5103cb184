#include <tenon/metadata/utf8.h>
#include <tenon/policies/metadata_changes.h>
#include <tenon/repo_tools/import.h>
#include <tenon/repo_tools/role_tree.h>

#include <algorithm>
#include <map>

namespace tenon::repo_tools {
namespace {

using metadata::Envelope;
using metadata::Targets;

constexpr metadata::Limits kLimits;
constexpr std::size_t kShownDifferences = 20;

Result<RoleId> staged_role(const RoleTree& tree, const std::string& name) {
  std::string known;
  for (const RoleId& role : tree.staged_roles()) {
    if (!role.lists_targets()) continue;
    if (role.draft_name() == name) return role;
    known += (known.empty() ? "" : ", ") + printable(role.draft_name());
  }
  return Error{ErrorCode::kUsage, printable(name) + ": no draft of that name is staged",
               known.empty() ? "nothing is staged that people sign" : "staged are " + known};
}

// From the draft to the file.
Result<std::string> differences(const Envelope& draft, const Envelope& file) {
  TENON_TRY(const Targets ours, Targets::parse(draft.signed_part()));
  TENON_TRY(const Targets theirs, Targets::parse(file.signed_part()));
  const auto brief = [](const metadata::KeyId& keyid, const metadata::PublicKey*) { return printable(keyid.brief()); };
  const std::vector<policies::Change> changes = policies::targets_changes(&ours, theirs, brief);
  std::string text;
  for (std::size_t i = 0; i < changes.size() && i < kShownDifferences; ++i) text += "\n  " + changes[i].text;
  if (changes.size() > kShownDifferences) {
    text += "\n  and " + std::to_string(changes.size() - kShownDifferences) + " more";
  }
  return text;
}

struct Joined {
  Envelope envelope;
  std::size_t counted = 0;  // signatures of the file that verify
  std::size_t added = 0;    // those of them that the draft did not have
};

Joined join(Envelope draft, const Envelope& file, const Signatories& signatories) {
  Joined joined{std::move(draft)};
  const metadata::Tally there = signatories.tally(joined.envelope);
  const metadata::Tally brought = signatories.tally(file);
  for (const metadata::Signature& signature : file.signatures()) {
    if (std::ranges::find(brought.signers, signature.keyid) == brought.signers.end()) continue;
    ++joined.counted;
    if (std::ranges::find(there.signers, signature.keyid) != there.signers.end()) continue;
    joined.envelope = joined.envelope.with_signature(signature);
    ++joined.added;
  }
  return joined;
}

Result<Joined> join_file(const Repository& repository, const RoleTree& tree, const RoleId& role,
                         const SignedFile& file) {
  TENON_TRY(const Envelope theirs, Envelope::parse(file.content, kLimits.listed_bytes).with_context(file.name));
  TENON_TRY(std::optional<Envelope> draft, repository.staged(role));
  TENON_CHECK(draft.has_value());  // staged_role found it, and the folder is locked
  if (!std::ranges::equal(draft->signed_bytes(), theirs.signed_bytes())) {
    TENON_TRY(const std::string text, differences(*draft, theirs).with_context(file.name));
    return Error{ErrorCode::kMismatch,
                 printable(file.name) + ": was signed, and is not the draft that is staged; it says" + text,
                 "import what was made from this draft; or have this draft signed, with a new request"};
  }
  TENON_TRY(const Signatories signatories, tree.signatories(role));
  Joined joined = join(*std::move(draft), theirs, signatories);
  if (joined.counted > 0) return joined;
  return Error{ErrorCode::kSig, printable(file.name) + ": no signature in it is of a key that may sign " +
                                    printable(role.text()) + " and verifies"};
}

}  // namespace

Result<std::vector<Imported>> import_signed(const Repository& repository, FileWriter& writer,
                                            const std::vector<SignedFile>& files) {
  TENON_TRY(const RoleTree tree, RoleTree::read(repository));
  std::map<RoleId, Joined> all;
  for (const SignedFile& file : files) {
    TENON_TRY(const RoleId role, staged_role(tree, file.name));
    TENON_TRY(Joined joined, join_file(repository, tree, role, file));
    if (!all.emplace(role, std::move(joined)).second) {
      return Error{ErrorCode::kUsage, printable(file.name) + ": is given twice"};
    }
  }
  std::vector<Imported> report;
  for (const auto& [role, joined] : all) {
    TENON_TRY(const Signatories signatories, tree.signatories(role));
    TENON_TRY(RoleStatus status, status_of(role, joined.envelope, signatories, true));
    report.push_back({std::move(status), joined.added});
  }
  for (const auto& [role, joined] : all) {
    if (joined.added == 0) continue;
    TENON_TRY_VOID(writer.put(repository.draft(role.draft_name()), as_bytes(joined.envelope.to_text())));
  }
  return report;
}

}  // namespace tenon::repo_tools
