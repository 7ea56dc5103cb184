// RoleId names one signed role of a repository: targets, a delegated role, snapshot or timestamp. Ordered as they are
// signed and published: whoever is pinned comes before whoever pins.
// Thread: immutable.
#pragma once

#include <tenon/metadata/result.h>
#include <tenon/metadata/role_name.h>

#include <compare>
#include <optional>
#include <string>

namespace tenon::repo_tools {

class RoleId {
 public:
  static RoleId targets() { return {Rank::kTargets, "targets", "targets.json"}; }
  static RoleId snapshot() { return {Rank::kSnapshot, "snapshot", "snapshot.json"}; }
  static RoleId timestamp() { return {Rank::kTimestamp, "timestamp", "timestamp.json"}; }
  static RoleId of(const metadata::RoleName& role);

  // parse reads what a person types. Errors: E_PARSE.
  static Result<RoleId> parse(std::string_view text);

  const std::string& text() const { return text_; }
  // type is what "_type" must say.
  std::string_view type() const;
  bool lists_targets() const { return rank_ < Rank::kSnapshot; }
  bool is_delegated() const { return rank_ == Rank::kDelegated; }

  // draft_name is the file in staging/metadata, of_draft_name its inverse: nothing for a name that no draft has.
  const std::string& draft_name() const { return file_; }
  static std::optional<RoleId> of_draft_name(std::string_view name);
  // meta_name is what a snapshot calls the role, of_meta_name its inverse. Errors: E_PARSE.
  // Spec: 4.4
  std::string meta_name() const { return text_ + ".json"; }
  static Result<RoleId> of_meta_name(std::string_view name);
  // public_name is the file that clients ask for, with consistent snapshots.
  // Spec: 6.2.1
  std::string public_name(metadata::Version version) const;

  auto operator<=>(const RoleId&) const = default;

 private:
  // A delegator comes before those it delegates to: to sign them one must know who may.
  enum class Rank { kTargets, kDelegated, kSnapshot, kTimestamp };
  RoleId(Rank rank, std::string text, std::string file) : rank_(rank), text_(std::move(text)), file_(std::move(file)) {}

  Rank rank_;
  std::string text_;
  std::string file_;
};

}  // namespace tenon::repo_tools
