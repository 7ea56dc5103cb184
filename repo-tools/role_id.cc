#include <tenon/metadata/utf8.h>
#include <tenon/repo_tools/role_id.h>

namespace tenon::repo_tools {

RoleId RoleId::of(const metadata::RoleName& role) {
  if (role == metadata::RoleName::targets()) return targets();
  return {Rank::kDelegated, role.text(), role.file_name()};
}

Result<RoleId> RoleId::parse(std::string_view text) {
  for (const RoleId& role : {targets(), snapshot(), timestamp()}) {
    if (text == role.text()) return role;
  }
  TENON_TRY(const metadata::RoleName name, metadata::RoleName::parse_delegated(text));
  return of(name);
}

Result<RoleId> RoleId::of_meta_name(std::string_view name) {
  constexpr std::string_view kEnding = ".json";
  if (name.ends_with(kEnding)) return parse(name.substr(0, name.size() - kEnding.size())).with_context("snapshot");
  return Error{ErrorCode::kParse, "snapshot lists " + printable(name, 80) + ", which names no role"};
}

std::string_view RoleId::type() const {
  switch (rank_) {
    case Rank::kTargets:
    case Rank::kDelegated: return "targets";
    case Rank::kSnapshot: return "snapshot";
    case Rank::kTimestamp: return "timestamp";
  }
  return "";
}

std::string RoleId::public_name(metadata::Version version) const {
  return rank_ == Rank::kTimestamp ? file_ : std::to_string(version.value()) + "." + file_;
}

}  // namespace tenon::repo_tools
