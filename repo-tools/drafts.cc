#include <tenon/metadata/utf8.h>
#include <tenon/repo_tools/drafts.h>
#include <tenon/repo_tools/role_tree.h>

namespace tenon::repo_tools {

using metadata::Targets;

Result<Draft> write_draft(const Repository& repository, FileWriter& writer, const RoleId& role, Targets targets,
                          metadata::UtcTime expires) {
  TENON_TRY(targets.header.version, repository.next_version(role));
  targets.header.expires = expires;
  TENON_TRY(const std::optional<metadata::Envelope> before, repository.staged(role));
  const std::string text = metadata::Envelope::unsigned_of(targets.to_json()).to_text();
  TENON_TRY_VOID(writer.put(repository.draft(role.draft_name()), as_bytes(text)));
  return Draft{role, targets.header.version, expires, before ? before->signatures().size() : 0};
}

Result<Draft> renew(const Repository& repository, FileWriter& writer, const RoleId& role,
                    std::optional<Days> expires_in, metadata::UtcTime now) {
  if (!role.lists_targets()) {
    return Error{ErrorCode::kUsage, role.text() + " is not renewed by hand"}.with_hint(
        "tenon-repo refresh makes a new snapshot and timestamp");
  }
  TENON_TRY(Targets targets, repository.newest_targets(role));
  const Days lifetime = expires_in.value_or(repository.settings().expiry.of(role));
  return write_draft(repository, writer, role, std::move(targets), lifetime.after(now));
}

Result<std::vector<Draft>> renew_bins(const Repository& repository, FileWriter& writer, const RoleId& role,
                                      std::optional<Days> expires_in, metadata::UtcTime now) {
  TENON_TRY(const RoleTree tree, RoleTree::read(repository));
  TENON_TRY(const std::vector<RoleId> bins, tree.bins_of(role));
  if (bins.empty()) return Error{ErrorCode::kUsage, printable(role.text()) + " has no bins"};
  std::vector<Draft> drafts;
  ManyFiles many(writer);
  for (const RoleId& bin : bins) {
    TENON_TRY(Draft draft, renew(repository, writer, bin, expires_in, now));
    drafts.push_back(std::move(draft));
  }
  TENON_TRY_VOID(many.finish());
  return drafts;
}

metadata::TargetEntry target_entry(std::uint64_t length, const Sha256& sha256) {
  return {length, metadata::Hashes{sha256, std::nullopt}};
}

Result<void> stage_target(const Repository& repository, FileWriter& writer, const metadata::TargetPath& path,
                          ByteView content, Targets& targets) {
  const Sha256 sha256 = Sha256::of(content);
  TENON_TRY_VOID(writer.put(repository.staged_target(path.hash_prefixed(sha256.hex())), content));
  targets.targets.insert_or_assign(path.text(), target_entry(content.size(), sha256));
  return {};
}

}  // namespace tenon::repo_tools
