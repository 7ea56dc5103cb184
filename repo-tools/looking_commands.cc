// The commands that look and change nothing: verify, explain, diff, list, lint, status.
#include <tenon/hsm/file_io.h>
#include <tenon/metadata/utf8.h>
#include <tenon/repo_tools/command_words.h>
#include <tenon/repo_tools/commands.h>
#include <tenon/repo_tools/difference.h>
#include <tenon/repo_tools/explain.h>
#include <tenon/repo_tools/lint.h>
#include <tenon/repo_tools/listing.h>
#include <tenon/repo_tools/progress_meter.h>
#include <tenon/repo_tools/publish_log.h>
#include <tenon/repo_tools/role_status.h>

namespace tenon::repo_tools {
namespace {

// The root that a device was made with: the repository's own unless another is named.
Result<Bytes> embedded_root(const Repository& repository, const std::filesystem::path& named) {
  return named.empty() ? repository.initial_root() : hsm::read_file(named, metadata::Limits{}.root_bytes);
}

Result<VerifyOptions> verify_options(const VerifyWords& words, metadata::UtcTime now) {
  VerifyOptions options{now};
  for (const std::string& word : words.devices) {
    Result<SimulatedDevice> device = SimulatedDevice::parse(word);
    if (!device) {
      return Error{ErrorCode::kUsage, "--simulate-device: " + device.error().message}.with_hint(
          "write HARDWARE@VERSION, or HARDWARE for a new device");
    }
    device->device_id = words.device_id;
    if (!words.group.empty()) {
      TENON_TRY(device->group, label("--group", words.group));
    }
    options.devices.push_back(*std::move(device));
  }
  if (options.devices.empty() && (!words.group.empty() || !words.device_id.empty())) {
    return Error{ErrorCode::kUsage, "--group and --device-id are of a --simulate-device, and there is none"};
  }
  return options;
}

}  // namespace

Result<ExitStatus> run_verify(const Console& console, const VerifyWords& words) {
  TENON_TRY(const Repository repository, Repository::open(words.folder));
  TENON_TRY(const Bytes root, embedded_root(repository, words.root));
  RepositoryView view = RepositoryView::published(repository);
  if (words.staged) {
    TENON_TRY(const Publication publication, staged_publication(repository, console.now));
    view = view_of(repository, publication);
  }
  TENON_TRY(const VerifyOptions options, verify_options(words, console.now));
  TENON_TRY(const ClientReport report, verify_as_client(view, root, options, console.progress));
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
    for (const auto& [device, decision] : channel.decisions) {
      console.say("    " + device.text() + ": " + decision.text);
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
  console.show(to_text(findings), to_json(findings));
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
  for (const std::string& warning : status.warnings) console.warn(warning);
  if (!status.anything_staged) {
    console.say("nothing is staged");
  } else if (status.blockers.empty()) {
    console.say("what is staged can be published: tenon-repo publish");
  }
  return ExitStatus::kOk;
}

Result<ExitStatus> run_explain(const Console& console, const ExplainWords& words) {
  TENON_TRY(const Repository repository, Repository::open(words.folder));
  TENON_TRY(const Bytes root, embedded_root(repository, words.root));
  Result<metadata::TargetPath> path = metadata::TargetPath::parse(words.target);
  if (!path) return Error{ErrorCode::kUsage, path.error().message};
  TENON_TRY(const Explanation explanation, explain(repository, root, *path, console.now));
  console.show(explanation.to_text(console.now), explanation.to_json());
  return explanation.found && !explanation.file_error ? ExitStatus::kOk : ExitStatus::kUnverified;
}

Result<ExitStatus> run_diff(const Console& console, const DiffWords& words) {
  TENON_TRY(const Repository repository, Repository::open(words.folder));
  TENON_TRY(const Contents before, published_contents(repository));
  std::optional<Contents> after;
  if (words.other.empty()) {
    TENON_TRY(after, staged_contents(repository));
  } else {
    TENON_TRY(const Repository other, Repository::open(words.other));
    TENON_TRY(after, published_contents(other));
  }
  const std::vector<RoleDifference> roles = difference(before, *after);
  console.show(to_text(roles), to_json(roles));
  if (!roles.empty()) return ExitStatus::kOk;
  console.say("no difference");
  return ExitStatus::kNothingToDo;
}

Result<ExitStatus> run_log(const Console& console, const LogWords& words) {
  TENON_TRY(const Repository repository, Repository::open(words.folder));
  TENON_TRY(const std::vector<LogEntry> entries, read_log(repository));
  const std::size_t shown = words.entries == 0 ? entries.size() : std::min(words.entries, entries.size());
  std::string text;
  json::Array array;
  for (auto entry = entries.rbegin(); entry != entries.rbegin() + static_cast<std::ptrdiff_t>(shown); ++entry) {
    text += entry->to_text();
    array.push_back(entry->to_json());
  }
  json::Object object;
  object.set("schema", 1);
  object.set("publications", std::move(array));
  console.show(text, std::move(object));
  if (!entries.empty()) return ExitStatus::kOk;
  console.say("nothing was published from this folder");
  return ExitStatus::kNothingToDo;
}

Result<ExitStatus> run_list(const Console& console, const ListWords& words) {
  TENON_TRY(const Repository repository, Repository::open(words.folder));
  std::string text;
  json::Array products;
  for (const policies::Label& product : repository.settings().products) {
    TENON_TRY(const Listing listing, list_product(repository, product));
    text += listing.to_text();
    products.push_back(listing.to_json());
  }
  json::Object object;
  object.set("schema", 1);
  object.set("products", std::move(products));
  console.show(text, std::move(object));
  return ExitStatus::kOk;
}

}  // namespace tenon::repo_tools
