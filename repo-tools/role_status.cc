#include <tenon/metadata/utf8.h>
#include <tenon/repo_tools/role_status.h>

#include <algorithm>

namespace tenon::repo_tools {
namespace {

constexpr std::int64_t kDaySeconds = 86'400;

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
    if (role.expires <= now) blockers.push_back(role.role.text() + " expired " + role.expires.text());
  }
  if (staged_targets && !staged_snapshot) blockers.push_back("there is no snapshot of what is staged");
  if (staged_snapshot && !staged_timestamp) blockers.push_back("there is no timestamp of the staged snapshot");
  return blockers;
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

Result<RepositoryStatus> repository_status(const Repository& repository, metadata::UtcTime now) {
  TENON_TRY(const metadata::Authentic<metadata::Root> root, repository.root());
  RepositoryStatus status{root->header.version, root->header.expires};
  TENON_TRY(const auto staged_roots, repository.staged_roots());
  status.anything_staged = !staged_roots.empty();
  TENON_TRY(const std::vector<RoleId> roles, repository.roles());
  for (const RoleId& role : roles) {
    TENON_TRY(std::optional<metadata::Envelope> envelope, repository.staged(role));
    const bool is_staged = envelope.has_value();
    if (!is_staged) {
      TENON_TRY(envelope, repository.published(role));
    }
    TENON_TRY(const Signatories signatories, repository.signatories(role));
    TENON_TRY(RoleStatus role_status, status_of(role, *envelope, signatories, is_staged));
    status.anything_staged |= is_staged;
    status.roles.push_back(std::move(role_status));
  }
  status.blockers = blockers_of(status, now);
  return status;
}

std::string lifetime_text(metadata::UtcTime expires, metadata::UtcTime now) {
  const std::int64_t seconds = expires.unix_seconds() - now.unix_seconds();
  if (seconds <= 0) return "expired " + expires.text();
  if (seconds < 2 * kDaySeconds) return "in " + std::to_string(seconds / 3600) + " hours";
  return "in " + std::to_string(seconds / kDaySeconds) + " days";
}

std::string table_of(const std::vector<RoleStatus>& roles, metadata::UtcTime now) {
  std::size_t width = 9;
  for (const RoleStatus& status : roles) width = std::max(width, printable(status.role.text()).size());
  std::string table =
      padded("role", width) + padded("version", 7) + padded("where", 6) + padded("expires", 12) + "signatures\n";
  for (const RoleStatus& status : roles) {
    table += padded(printable(status.role.text()), width) + padded(std::to_string(status.version.value()), 7) +
             padded(status.is_staged ? "staged" : "public", 6) + padded(lifetime_text(status.expires, now), 12) +
             std::to_string(status.signed_by) + " of " + std::to_string(status.threshold);
    if (!status.complete()) table += "  missing: " + key_list(status.missing);
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
  return object;
}

}  // namespace tenon::repo_tools
