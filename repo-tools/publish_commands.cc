// The commands that sign, publish and look: sign, import, refresh, publish, verify, lint, status.
#include <tenon/hsm/file_io.h>
#include <tenon/hsm/open_signer.h>
#include <tenon/metadata/utf8.h>
#include <tenon/repo_tools/client_check.h>
#include <tenon/repo_tools/commands.h>
#include <tenon/repo_tools/import.h>
#include <tenon/repo_tools/lint.h>
#include <tenon/repo_tools/progress_meter.h>
#include <tenon/repo_tools/publish_policy.h>
#include <tenon/repo_tools/publisher.h>

#include <memory>

namespace tenon::repo_tools {
namespace {

Result<std::vector<std::unique_ptr<hsm::Signer>>> open_keys(const SignWords& words) {
  if (words.passphrases_from.size() > 1 && words.passphrases_from.size() != words.keys.size()) {
    return Error{ErrorCode::kUsage, std::to_string(words.passphrases_from.size()) + " times --passphrase-from for " +
                                        std::to_string(words.keys.size()) + " keys"}
        .with_hint("give one for all keys, or one for each");
  }
  hsm::TokenOptions token;
  token.module.module = words.pkcs11_module;
  if (!words.pin_from.empty()) {
    TENON_TRY(token.pin, hsm::SecretSource::parse(words.pin_from));
  }
  std::vector<std::unique_ptr<hsm::Signer>> signers;
  for (std::size_t i = 0; i < words.keys.size(); ++i) {
    hsm::SecretSource source = hsm::SecretSource::prompt();
    if (!words.passphrases_from.empty()) {
      TENON_TRY(source, hsm::SecretSource::parse(words.passphrases_from[words.passphrases_from.size() == 1 ? 0 : i]));
    }
    TENON_TRY(std::unique_ptr<hsm::Signer> signer, hsm::open_signer(words.keys[i].native(), {source, token}));
    signers.push_back(std::move(signer));
  }
  return signers;
}

Result<std::optional<Days>> lifetime(const std::string& text) {
  if (text.empty()) return std::optional<Days>();
  TENON_TRY(const Days days, Days::parse(text));
  return std::optional(days);
}

json::Array role_array(const std::vector<RoleStatus>& roles) {
  json::Array array;
  for (const RoleStatus& status : roles) array.push_back(to_json(status));
  return array;
}

json::Array name_array(const Publication& publication) {
  json::Array names;
  for (const Publication::TargetFile& file : publication.targets) names.push_back("targets/" + file.name);
  for (const Publication::MetadataFile& file : publication.metadata) names.push_back("metadata/" + file.name);
  return names;
}

void report_publication(const Console& console, const Publication& publication, bool dry_run) {
  json::Array names = name_array(publication);
  for (const json::Value& name : names) console.say((dry_run ? "would publish " : "+ ") + printable(*name.string()));
  if (!console.as_json) return;
  json::Object object;
  object.set("schema", 1);
  object.set("dry_run", dry_run);
  object.set("published", std::move(names));
  console.give(std::move(object));
}

}  // namespace

void Console::say(const std::string& line) const {
  if (!quiet && !as_json) out << line << '\n';
}

void Console::warn(const std::string& line) const {
  err << "warning: " << line << '\n';
}

void Console::give(const json::Value& value) const {
  out << json::to_text(value, 1) << '\n';
}

Result<ExitStatus> run_sign(const Console& console, const SignWords& words) {
  TENON_TRY(const Repository repository, Repository::open(words.folder));
  TENON_TRY(const hsm::FileDescriptor lock, repository.lock());
  TENON_TRY(const std::optional<Days> expires_in, lifetime(words.expires_in));
  TENON_TRY(const auto signers, open_keys(words));
  const auto writer = writer_for(words.dry_run);
  TENON_TRY(const SignReport report, sign_staged(repository, *writer, signers, expires_in, console.now));
  if (console.as_json) {
    json::Object object;
    object.set("schema", 1);
    object.set("dry_run", words.dry_run);
    object.set("signatures_added", static_cast<std::int64_t>(report.signatures_added));
    object.set("complete", report.complete());
    object.set("roles", role_array(report.roles));
    console.give(std::move(object));
  }
  if (report.roles.empty()) {
    console.say("nothing is staged");
    return ExitStatus::kNothingToDo;
  }
  console.say(table_of(report.roles, console.now));
  console.say(std::to_string(report.signatures_added) +
              (words.dry_run ? " signatures would be added" : " signatures added") +
              (report.idle_keys > 0 ? "; " + std::to_string(report.idle_keys) + " keys had nothing to sign" : ""));
  if (!report.complete()) return ExitStatus::kNeedsPerson;
  console.say("  next: tenon-repo publish");
  return ExitStatus::kOk;
}

Result<ExitStatus> run_import(const Console& console, const ImportWords& words) {
  TENON_TRY(const Repository repository, Repository::open(words.folder));
  TENON_TRY(const hsm::FileDescriptor lock, repository.lock());
  std::vector<SignedFile> files;
  for (const std::filesystem::path& path : words.files) {
    TENON_TRY(Bytes content, hsm::read_file(path, metadata::Limits{}.listed_bytes));
    files.push_back({path.filename().native(), std::move(content)});
  }
  const auto writer = writer_for(words.dry_run);
  TENON_TRY(const std::vector<Imported> imported, import_signed(repository, *writer, files));
  std::vector<RoleStatus> roles;
  std::size_t added = 0;
  for (const Imported& one : imported) {
    roles.push_back(one.status);
    added += one.signatures_added;
  }
  if (console.as_json) {
    json::Object object;
    object.set("schema", 1);
    object.set("dry_run", words.dry_run);
    object.set("signatures_added", static_cast<std::int64_t>(added));
    object.set("roles", role_array(roles));
    console.give(std::move(object));
  }
  console.say(table_of(roles, console.now));
  console.say(std::to_string(added) + (words.dry_run ? " signatures would be added" : " signatures added"));
  console.say("  next: tenon-repo sign, with the keys that are still missing and the online key");
  return ExitStatus::kOk;
}

Result<ExitStatus> run_refresh(const Console& console, const SignWords& words) {
  TENON_TRY(const Repository repository, Repository::open(words.folder));
  TENON_TRY(const hsm::FileDescriptor lock, repository.lock());
  TENON_TRY(const std::optional<Days> expires_in, lifetime(words.expires_in));
  TENON_TRY(const auto signers, open_keys(words));
  TENON_TRY(const OnlineRoles roles, sign_online(repository, signers, expires_in, console.now));
  TENON_TRY(const Publication publication, online_publication(roles));
  TENON_TRY_VOID(check_publication(repository, publication, console.now));
  TENON_TRY(const std::vector<std::string> warnings, judge_publication(repository, publication, console.now));
  for (const std::string& warning : warnings) console.warn(warning);
  const auto writer = writer_for(words.dry_run);
  TENON_TRY_VOID(write_publication(repository, *writer, publication));
  report_publication(console, publication, words.dry_run);
  return ExitStatus::kOk;
}

Result<ExitStatus> run_publish(const Console& console, const PublishWords& words) {
  TENON_TRY(const Repository repository, Repository::open(words.folder));
  TENON_TRY(const hsm::FileDescriptor lock, repository.lock());
  const auto writer = writer_for(words.dry_run);
  TENON_TRY(const Publication publication, staged_publication(repository, console.now));
  if (!publication.empty()) {
    TENON_TRY_VOID(check_publication(repository, publication, console.now));
    TENON_TRY(const std::vector<std::string> warnings, judge_publication(repository, publication, console.now));
    for (const std::string& warning : warnings) console.warn(warning);
    TENON_TRY_VOID(write_publication(repository, *writer, publication));
  }
  TENON_TRY_VOID(clear_staging(repository, *writer));
  report_publication(console, publication, words.dry_run);
  if (publication.empty()) {
    console.say("nothing is staged");
    return ExitStatus::kNothingToDo;
  }
  console.say("checked as a new device and as one that knows what was published before");
  return ExitStatus::kOk;
}

Result<ExitStatus> run_verify(const Console& console, const VerifyWords& words) {
  TENON_TRY(const Repository repository, Repository::open(words.folder));
  Bytes root;
  if (words.root.empty()) {
    TENON_TRY(root, repository.initial_root());
  } else {
    TENON_TRY(root, hsm::read_file(words.root, metadata::Limits{}.root_bytes));
  }
  const RepositoryView view = RepositoryView::published(repository);
  TENON_TRY(const ClientReport report, verify_as_client(view, root, console.now, console.progress));
  if (console.as_json) console.give(report.to_json());
  console.say("root v" + std::to_string(report.root_version.value()) + ", timestamp v" +
              std::to_string(report.timestamp_version.value()) + " expires " +
              lifetime_text(report.timestamp_expires, console.now));
  for (const ChannelReport& channel : report.channels) {
    if (channel.error) {
      console.say("✗ " + printable(channel.path) + "  " + std::string(to_string(channel.error->code)) + " " +
                  channel.error->message);
      continue;
    }
    console.say("✓ " + printable(channel.path) + "  serial " + std::to_string(channel.channel->serial) + ", " +
                size_text(channel.payload_bytes) + " to fetch");
    for (const auto& [hardware, decision] : channel.decisions) {
      console.say("    " + hardware.text() + ": " + decision.text);
    }
  }
  if (report.channels.empty()) console.say("no channel is published: a device would find nothing to install");
  if (std::optional<Error> error = report.first_error()) return *std::move(error);
  return ExitStatus::kOk;
}

Result<ExitStatus> run_lint(const Console& console, const LintWords& words) {
  TENON_TRY(const Repository repository, Repository::open(words.folder));
  TENON_TRY(const LintSubject subject, read_lint_subject(repository));
  const std::vector<LintFinding> findings = lint(subject);
  if (console.as_json) {
    console.give(to_json(findings));
  } else {
    console.out << to_text(findings);
  }
  if (!findings.empty()) return ExitStatus::kRefused;
  console.say("no warnings");
  return ExitStatus::kOk;
}

Result<ExitStatus> run_status(const Console& console, const StatusWords& words) {
  TENON_TRY(const Repository repository, Repository::open(words.folder));
  TENON_TRY(const RepositoryStatus status, repository_status(repository, console.now));
  if (console.as_json) console.give(to_json(status));
  console.say("root v" + std::to_string(status.root_version.value()) + " expires " +
              lifetime_text(status.root_expires, console.now));
  console.say(table_of(status.roles, console.now));
  for (const std::string& blocker : status.blockers) console.say("blocked: " + blocker);
  if (!status.anything_staged) {
    console.say("nothing is staged");
  } else if (status.blockers.empty()) {
    console.say("what is staged can be published: tenon-repo publish");
  }
  return ExitStatus::kOk;
}

}  // namespace tenon::repo_tools
