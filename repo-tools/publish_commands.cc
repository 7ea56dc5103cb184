// The commands that sign and publish: sign, import, refresh, publish.
#include <tenon/hsm/file_io.h>
#include <tenon/hsm/open_signer.h>
#include <tenon/metadata/utf8.h>
#include <tenon/repo_tools/commands.h>
#include <tenon/repo_tools/destination.h>
#include <tenon/repo_tools/import.h>
#include <tenon/repo_tools/progress_meter.h>
#include <tenon/repo_tools/prune.h>
#include <tenon/repo_tools/publication_check.h>
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

Result<void> check_and_write(const Console& console, const Repository& repository, FileWriter& writer,
                             const Publication& publication, Destination& destination) {
  Progress& progress = if_worth_showing(console.progress, publication.metadata_bytes());
  TENON_TRY_VOID(check_publication(repository, publication, console.now, progress));
  TENON_TRY(const std::vector<std::string> warnings, judge_publication(repository, publication, console.now));
  for (const std::string& warning : warnings) console.warn(warning);
  const auto upload = [&] { return destination.upload(console, repository, view_of(repository, publication)); };
  return write_publication(repository, writer, publication, console.now, progress, upload);
}

json::Array name_array(const Publication& publication) {
  json::Array names;
  for (const Publication::TargetFile& file : publication.targets) names.push_back("targets/" + file.name);
  for (const Publication::MetadataFile& file : publication.metadata) names.push_back("metadata/" + file.name);
  return names;
}

void report_publication(const Console& console, const Publication& publication, const Destination& destination,
                        bool dry_run) {
  json::Array names = name_array(publication);
  for (const json::Value& name : names) console.say((dry_run ? "would publish " : "+ ") + printable(*name.string()));
  destination.say(console);
  if (!console.as_json) return;
  json::Object object;
  object.set("schema", 1);
  object.set("dry_run", dry_run);
  object.set("published", std::move(names));
  destination.add_to(object);
  console.give(std::move(object));
}

}  // namespace

void Console::say(const std::string& line) const {
  if (!quiet && !as_json) out << line << '\n';
}

void Console::warn(const std::string& line) const {
  err << "warning: " << line << '\n';
}

void Console::show(const std::string& text, const json::Value& value) const {
  if (as_json) {
    give(value);
  } else {
    out << text;
  }
}

void Console::give(const json::Value& value) const {
  out << json::to_text(value, 1) << '\n';
}

Result<ExitStatus> run_sign(const Console& console, const SignWords& words) {
  TENON_TRY(const Repository repository, Repository::open(words.folder));
  TENON_TRY(const hsm::FileDescriptor lock, repository.lock());
  TENON_TRY(const std::optional<Days> expires_in, lifetime(words.expires_in));
  if (!words.clock_is_right) TENON_TRY_VOID(check_clock(repository, console.now));
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

Result<ExitStatus> run_refresh(const Console& console, const RefreshWords& words) {
  TENON_TRY(const Repository repository, Repository::open(words.folder));
  TENON_TRY(const hsm::FileDescriptor lock, repository.lock());
  TENON_TRY(const std::optional<Days> expires_in, lifetime(words.expires_in));
  TENON_TRY(Destination destination, Destination::open(words.store, words.dry_run));
  TENON_TRY(const auto signers, open_keys(words));
  const auto writer = writer_for(words.dry_run);
  TENON_TRY_VOID(destination.catch_up(console, repository, *writer));
  if (!words.clock_is_right) TENON_TRY_VOID(check_clock(repository, console.now));
  TENON_TRY(const OnlineRoles roles, sign_online(repository, signers, expires_in, console.now));
  TENON_TRY(const Publication publication, online_publication(roles));
  TENON_TRY_VOID(check_and_write(console, repository, *writer, publication, destination));
  report_publication(console, publication, destination, words.dry_run);
  return ExitStatus::kOk;
}

Result<ExitStatus> run_publish(const Console& console, const PublishWords& words) {
  TENON_TRY(const Repository repository, Repository::open(words.folder));
  TENON_TRY(const hsm::FileDescriptor lock, repository.lock());
  TENON_TRY(Destination destination, Destination::open(words.store, words.dry_run));
  const auto writer = writer_for(words.dry_run);
  TENON_TRY_VOID(destination.catch_up(console, repository, *writer));
  TENON_TRY(const RoleTree tree, RoleTree::read(repository));
  TENON_TRY(const Publication publication, staged_publication(repository, console.now));
  if (publication.empty()) {
    const RepositoryView published = RepositoryView::published(repository);
    TENON_TRY_VOID(destination.upload(console, repository, published));
  } else {
    TENON_TRY_VOID(check_and_write(console, repository, *writer, publication, destination));
  }
  TENON_TRY_VOID(clear_staging(repository, tree, *writer));
  report_publication(console, publication, destination, words.dry_run);
  if (!publication.empty()) {
    console.say("checked as a new device and as one that knows what was published before");
    return ExitStatus::kOk;
  }
  console.say("nothing is staged");
  return destination.has_written() ? ExitStatus::kOk : ExitStatus::kNothingToDo;
}

Result<ExitStatus> run_prune(const Console& console, const PruneWords& words) {
  TENON_TRY(const Repository repository, Repository::open(words.folder));
  TENON_TRY(const hsm::FileDescriptor lock, repository.lock());
  TENON_TRY(const std::vector<PrunedFile> files, prunable(repository, console.now));
  TENON_TRY_VOID(check_pruned(repository, files, console.now));
  const auto writer = writer_for(words.dry_run);
  TENON_TRY_VOID(remove_pruned(repository, *writer, files));
  std::uint64_t bytes = 0;
  json::Array names;
  for (const PrunedFile& file : files) {
    bytes += file.bytes;
    names.push_back(file.name);
    console.say((words.dry_run ? "would remove " : "- ") + printable(file.name));
  }
  if (console.as_json) {
    json::Object object;
    object.set("schema", 1);
    object.set("dry_run", words.dry_run);
    object.set("removed", std::move(names));
    object.set("bytes", static_cast<std::int64_t>(bytes));
    console.give(std::move(object));
  }
  if (files.empty()) {
    console.say("every file may still be needed");
    return ExitStatus::kNothingToDo;
  }
  console.say(std::to_string(files.size()) + " files, " + size_text(bytes) +
              "; a new device finds everything without them");
  return ExitStatus::kOk;
}

}  // namespace tenon::repo_tools
