#include <tenon/metadata/utf8.h>
#include <tenon/repo_tools/explain.h>
#include <tenon/repo_tools/file_streams.h>
#include <tenon/repo_tools/role_status.h>

namespace tenon::repo_tools {
namespace {

// Every published role that lists the path, whoever asks it.
Result<std::vector<RoleId>> roles_that_list(const Repository& repository, const metadata::TargetPath& path) {
  std::vector<RoleId> listing;
  TENON_TRY(const std::vector<RoleId> roles, repository.published_roles());
  for (const RoleId& role : roles) {
    if (!role.lists_targets()) continue;
    TENON_TRY(const std::optional<metadata::Envelope> envelope, repository.published(role));
    if (!envelope) continue;
    TENON_TRY(const metadata::Targets targets, metadata::Targets::parse(envelope->signed_part()));
    if (targets.find(path) != nullptr) listing.push_back(role);
  }
  return listing;
}

Result<void> check_file(const std::filesystem::path& file, const metadata::VerifiedTarget& target) {
  TENON_TRY(const Sha256 digest, digest_file(file));
  if (digest == target.hashes().sha256) return {};
  return Error{ErrorCode::kMismatch, printable(file.native()) + ": is not the file that is listed"};
}

std::string names(const std::vector<metadata::RoleName>& roles) {
  std::string text;
  for (const metadata::RoleName& role : roles) text += (text.empty() ? "" : ", ") + printable(role.text());
  return text;
}

}  // namespace

Result<Explanation> explain(const Repository& repository, ByteView embedded_root, const metadata::TargetPath& path,
                            metadata::UtcTime now) {
  const RepositoryView view = RepositoryView::published(repository);
  CheckingClient client(view, embedded_root, {}, now);
  TENON_TRY_VOID(client.refresh());
  TENON_TRY(CheckingClient::Walk walk, client.walk(path));
  Explanation explanation{path, std::move(walk.asked), std::move(walk.found)};
  if (explanation.found) {
    explanation.file = path.hash_prefixed(explanation.found->hashes().preferred());
    const Result<void> same = check_file(repository.public_target(explanation.file), *explanation.found);
    if (!same) explanation.file_error = same.error();
  }
  TENON_TRY(const std::vector<RoleId> listing, roles_that_list(repository, path));
  for (const RoleId& role : listing) {
    const bool vouches = explanation.found && explanation.found->signed_by().text() == role.text();
    if (!vouches) explanation.bystanders.push_back(role);
  }
  return explanation;
}

std::string Explanation::to_text(metadata::UtcTime now) const {
  std::string text = printable(path.text()) + "\n  asked      " + names(asked) + "\n";
  if (found) {
    text += "  signed by  " + printable(found->signed_by().text()) + ", valid until " + found->valid_until().text() +
            " (" + lifetime_text(found->valid_until(), now) + ")\n";
    text += "  listed     " + std::to_string(found->length()) + " bytes, " +
            (found->hashes().sha256 ? "sha256 " : "sha512 ") + found->hashes().preferred() + "\n";
    text += "  file       public/targets/" + printable(file) +
            (file_error ? "\n             " + file_error->message : "") + "\n";
  } else {
    text += "  nobody     no role that may speak for it lists it\n";
  }
  for (const RoleId& role : bystanders) {
    text += "  not asked  " + printable(role.text()) +
            " lists it too, and counts for nothing: no delegation leads a search for it there\n";
  }
  return text;
}

json::Value Explanation::to_json() const {
  json::Object object;
  object.set("schema", 1);
  object.set("path", path.text());
  json::Array roles;
  for (const metadata::RoleName& role : asked) roles.push_back(role.text());
  object.set("asked", std::move(roles));
  object.set("found", found.has_value());
  if (found) {
    object.set("signed_by", found->signed_by().text());
    object.set("valid_until", found->valid_until().text());
    object.set("length", static_cast<std::int64_t>(found->length()));
    object.set("hashes", found->hashes().to_json());
    object.set("file", file);
    object.set("file_ok", !file_error.has_value());
  }
  json::Array others;
  for (const RoleId& role : bystanders) others.push_back(role.text());
  object.set("bystanders", std::move(others));
  return object;
}

}  // namespace tenon::repo_tools
