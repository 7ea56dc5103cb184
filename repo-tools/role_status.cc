#include <tenon/metadata/utf8.h>
#include <tenon/repo_tools/role_status.h>

#include <algorithm>
#include <charconv>

namespace tenon::repo_tools {
namespace {

constexpr std::int64_t kDaySeconds = 86'400;
constexpr std::int64_t kRootDays = 60;  // to bring its signers together
constexpr std::size_t kMostWarnings = 8;

std::string key_list(const std::vector<metadata::KeyId>& keys) {
  std::string text;
  for (const metadata::KeyId& key : keys) text += (text.empty() ? "" : ", ") + printable(key.brief());
  return text;
}

std::string padded(std::string text, std::size_t width) {
  if (text.size() < width) text.append(width - text.size(), ' ');
  return text + "  ";
}

// Why the staged roles cannot be published, from the top: roles that are listed must be complete before snapshot is.
std::vector<std::string> blockers_of(const RepositoryStatus& status, metadata::UtcTime now) {
  std::vector<std::string> blockers;
  bool staged_targets = false;
  bool staged_snapshot = false;
  bool staged_timestamp = false;
  if (status.root_expires <= now) blockers.push_back("root expired " + status.root_expires.text());
  for (const RoleStatus& role : status.roles) {
    if (!role.is_staged) continue;
    staged_targets |= role.role.lists_targets();
    staged_snapshot |= role.role == RoleId::snapshot();
    staged_timestamp |= role.role == RoleId::timestamp();
    if (Result<void> complete = require_complete(role); !complete) blockers.push_back(complete.error().message);
    if (role.expires <= now) blockers.push_back(printable(role.role.text()) + " expired " + role.expires.text());
  }
  if (staged_targets && !staged_snapshot) blockers.push_back("there is no snapshot of what is staged");
  if (staged_snapshot && !staged_timestamp) blockers.push_back("there is no timestamp of the staged snapshot");
  return blockers;
}

std::string warning_of(const std::string& what, metadata::UtcTime expires, metadata::UtcTime now) {
  return printable(what) + (expires <= now ? " " : " expires ") + lifetime_text(expires, now);
}

std::vector<std::string> warnings_of(const RepositoryStatus& status, const ExpiryDays& lives, metadata::UtcTime now) {
  std::vector<std::string> warnings;
  if (status.root_expires <= now.plus_seconds(kRootDays * kDaySeconds)) {
    warnings.push_back(warning_of("root", status.root_expires, now) + ": its keys must sign the next one");
  }
  std::size_t more = 0;
  for (const RoleStatus& role : status.roles) {
    const std::int64_t share = role.role == RoleId::timestamp() ? 2 : 4;
    if (role.is_staged || role.expires > now.plus_seconds(lives.of(role.role).seconds() / share)) continue;
    if (warnings.size() > kMostWarnings) {
      ++more;
      continue;
    }
    const bool is_online = !role.role.lists_targets();
    warnings.push_back(warning_of(role.role.text(), role.expires, now) +
                       (is_online ? ": tenon-repo refresh" : ": tenon-repo renew, then sign and publish"));
  }
  if (more > 0) warnings.push_back(std::to_string(more) + " roles more expire soon");
  return warnings;
}

// The number in a name like that of a bin, "apps-0f": nothing without hexadecimal digits behind the last dash.
std::optional<std::pair<std::string, std::uint64_t>> stem_and_number(const std::string& role) {
  const std::size_t dash = role.rfind('-');
  std::uint64_t number = 0;
  if (dash == role.npos) return std::nullopt;
  const char* const end = role.data() + role.size();
  const auto [read, failed] = std::from_chars(role.data() + dash + 1, end, number, 16);
  if (failed != std::errc() || read != end) return std::nullopt;
  return std::pair(role.substr(0, dash) + "/" + std::to_string(role.size() - dash), number);
}

// Two bins that follow each other, and stand alike in all that the table shows.
bool continues(const RoleStatus& a, const RoleStatus& b) {
  const auto of_a = stem_and_number(a.role.text());
  const auto of_b = stem_and_number(b.role.text());
  return of_a && of_b && of_a->first == of_b->first && of_a->second + 1 == of_b->second && a.version == b.version &&
         a.expires == b.expires && a.is_staged == b.is_staged && a.signed_by == b.signed_by &&
         a.threshold == b.threshold && a.missing == b.missing;
}

}  // namespace

Result<RoleStatus> status_of(const RoleId& role, const metadata::Envelope& envelope, const Signatories& signatories,
                             bool is_staged) {
  TENON_TRY(const metadata::RoleHeader header, header_of(envelope, role));
  const metadata::Tally tally = signatories.tally(envelope);
  RoleStatus status{role,      header.version,     header.expires,
                    is_staged, tally.votes.size(), signatories.role.threshold.value()};
  for (const metadata::KeyId& key : signatories.role.keyids) {
    if (std::ranges::find(tally.signers, key) == tally.signers.end()) status.missing.push_back(key);
  }
  return status;
}

Result<void> require_complete(const RoleStatus& status) {
  if (status.complete()) return {};
  return Error{ErrorCode::kSig, printable(status.role.text()) + " v" + std::to_string(status.version.value()) +
                                    ": signed by " + std::to_string(status.signed_by) + " of " +
                                    std::to_string(status.threshold) + ", missing: " + key_list(status.missing)}
      .with_hint("tenon-repo sign with the keys that are missing");
}

Result<RepositoryStatus> status_of_roles(const Repository& repository, const RoleTree& tree,
                                         const std::vector<RoleId>& roles, metadata::UtcTime now,
                                         const LookAtRole& look) {
  TENON_TRY(const metadata::Authentic<metadata::Root> root, repository.root());
  RepositoryStatus status{root->header.version, root->header.expires};
  TENON_TRY(const auto staged_roots, repository.staged_roots());
  status.anything_staged = !staged_roots.empty();
  for (const RoleId& role : roles) {
    const bool is_staged = std::ranges::binary_search(tree.staged_roles(), role);
    TENON_TRY(const std::optional<metadata::Envelope> envelope,
              is_staged ? repository.staged(role) : repository.published(role));
    if (!envelope) {
      return Error{ErrorCode::kBusy, printable(role.text()) + ": was published or removed while it was being read",
                   "ask again"};
    }
    TENON_TRY(const Signatories signatories, tree.signatories(role));
    TENON_TRY(RoleStatus role_status, status_of(role, *envelope, signatories, is_staged));
    TENON_TRY_VOID(look(role_status, *envelope));
    status.anything_staged |= is_staged;
    status.roles.push_back(std::move(role_status));
  }
  status.blockers = blockers_of(status, now);
  return status;
}

Result<RepositoryStatus> repository_status(const Repository& repository, metadata::UtcTime now) {
  TENON_TRY(const RoleTree tree, RoleTree::read(repository));
  const auto no_look = [](const RoleStatus&, const metadata::Envelope&) { return Result<void>(); };
  TENON_TRY(const std::vector<RoleId> roles, tree.roles(repository));
  TENON_TRY(RepositoryStatus status, status_of_roles(repository, tree, roles, now, no_look));
  status.warnings = warnings_of(status, repository.settings().expiry, now);
  return status;
}

std::string lifetime_text(metadata::UtcTime expires, metadata::UtcTime now) {
  const std::int64_t seconds = expires.unix_seconds() - now.unix_seconds();
  if (seconds <= 0) return "expired " + expires.text();
  if (seconds < 2 * kDaySeconds) return "in " + std::to_string(seconds / 3600) + " hours";
  return "in " + std::to_string(seconds / kDaySeconds) + " days";
}

std::string table_of(const std::vector<RoleStatus>& roles, metadata::UtcTime now) {
  struct Line {
    std::string name;
    const RoleStatus* status;
  };
  std::vector<Line> lines;
  for (auto first = roles.begin(); first != roles.end();) {
    auto end = first + 1;
    while (end != roles.end() && continues(*(end - 1), *end)) ++end;
    const std::string last = end - first > 1 ? " .. " + printable((end - 1)->role.text()) : "";
    lines.push_back({printable(first->role.text()) + last, &*first});
    first = end;
  }
  std::size_t width = 9;
  for (const Line& line : lines) width = std::max(width, line.name.size());
  std::string table =
      padded("role", width) + padded("version", 7) + padded("where", 6) + padded("expires", 12) + "signatures\n";
  for (const auto& [name, status] : lines) {
    table += padded(name, width) + padded(std::to_string(status->version.value()), 7) +
             padded(status->is_staged ? "staged" : "public", 6) + padded(lifetime_text(status->expires, now), 12) +
             std::to_string(status->signed_by) + " of " + std::to_string(status->threshold);
    if (!status->complete()) table += "  missing: " + key_list(status->missing);
    table += "\n";
  }
  return table;
}

json::Value to_json(const RoleStatus& status) {
  json::Array missing;
  for (const metadata::KeyId& key : status.missing) missing.push_back(key.text());
  json::Object object;
  object.set("role", status.role.text());
  object.set("version", status.version.value());
  object.set("expires", status.expires.text());
  object.set("staged", status.is_staged);
  object.set("signed", static_cast<std::int64_t>(status.signed_by));
  object.set("threshold", static_cast<std::int64_t>(status.threshold));
  object.set("complete", status.complete());
  object.set("missing", std::move(missing));
  return object;
}

json::Value to_json(const RepositoryStatus& status) {
  json::Array roles;
  for (const RoleStatus& role : status.roles) roles.push_back(to_json(role));
  json::Array blockers;
  for (const std::string& blocker : status.blockers) blockers.push_back(blocker);
  json::Object root;
  root.set("version", status.root_version.value());
  root.set("expires", status.root_expires.text());
  json::Object object;
  object.set("schema", 1);
  object.set("root", std::move(root));
  object.set("roles", std::move(roles));
  object.set("anything_staged", status.anything_staged);
  object.set("blockers", std::move(blockers));
  object.set("warnings", json::Array(status.warnings.begin(), status.warnings.end()));
  return object;
}

}  // namespace tenon::repo_tools
