#include <tenon/metadata/utf8.h>
#include <tenon/repo_tools/role_id.h>

#include <charconv>

namespace tenon::repo_tools {
namespace {

constexpr std::string_view kEnding = ".json";

// Undoes "%2F"; whatever else stands there stays, and will not be the name of a draft.
std::string percent_decoded(std::string_view text) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned byte = 0;
    const char* const digits = text.data() + i + 1;
    const bool is_escape =
        text[i] == '%' && i + 2 < text.size() && std::from_chars(digits, digits + 2, byte, 16).ptr == digits + 2;
    decoded += is_escape ? static_cast<char>(byte) : text[i];
    if (is_escape) i += 2;
  }
  return decoded;
}

}  // namespace

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
  if (name.ends_with(kEnding)) return parse(name.substr(0, name.size() - kEnding.size())).with_context("snapshot");
  return Error{ErrorCode::kParse, "snapshot lists " + printable(name, 80) + ", which names no role"};
}

std::optional<RoleId> RoleId::of_draft_name(std::string_view name) {
  if (!name.ends_with(kEnding)) return std::nullopt;
  Result<RoleId> role = parse(percent_decoded(name.substr(0, name.size() - kEnding.size())));
  return role && role->draft_name() == name ? std::optional(*std::move(role)) : std::nullopt;
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
