// The command that carries a repository to devices without a network: export.
#include <tenon/metadata/utf8.h>
#include <tenon/repo_tools/bundle_check.h>
#include <tenon/repo_tools/bundle_plan.h>
#include <tenon/repo_tools/bundle_writer.h>
#include <tenon/repo_tools/command_words.h>
#include <tenon/repo_tools/commands.h>
#include <tenon/repo_tools/progress_meter.h>
#include <tenon/repo_tools/role_status.h>

namespace tenon::repo_tools {
namespace {

Result<BundleRequest> request_of(const ExportWords& words) {
  BundleRequest request;
  if (!words.product.empty()) {
    TENON_TRY(request.product, label("--product", words.product));
  }
  if (!words.channel.empty()) {
    TENON_TRY(request.channel, label("--channel", words.channel));
  }
  for (const std::string& word : words.targets) {
    Result<metadata::TargetPath> path = metadata::TargetPath::parse(word);
    if (!path) return Error{ErrorCode::kUsage, "--target: " + path.error().message};
    request.targets.push_back(*std::move(path));
  }
  return request;
}

json::Value to_json(const BundlePlan& plan, const ExportWords& words) {
  const auto array_of = [](const auto& texts) { return json::Array(texts.begin(), texts.end()); };
  std::vector<std::string> channels;
  for (const metadata::TargetPath& path : plan.scope.channels) channels.push_back(path.text());
  json::Object object;
  object.set("schema", 1);
  object.set("dry_run", words.dry_run);
  object.set("file", words.out.native());
  object.set("bytes", static_cast<std::int64_t>(plan.file_bytes));
  object.set("valid_until", plan.valid_until.text());
  object.set("channels", array_of(channels));
  object.set("members", array_of(plan.members()));
  return object;
}

}  // namespace

Result<ExitStatus> run_export(const Console& console, const ExportWords& words) {
  TENON_TRY(const BundleRequest request, request_of(words));
  TENON_TRY(const Repository repository, Repository::open(words.folder));
  TENON_TRY(const BundlePlan plan, plan_bundle(repository, request, console.now));
  if (!words.dry_run) {
    TENON_TRY(const Bytes embedded_root, repository.initial_root());
    Progress& progress = if_worth_showing(console.progress, plan.file_bytes);
    TENON_TRY(UnplacedOutput bundle, write_bundle(repository, plan, words.out, progress));
    TENON_TRY_VOID(prove_bundle(bundle.temporary(), embedded_root, plan, console.now, progress));
    TENON_TRY_VOID(bundle.move_to_its_place());
  }
  if (console.as_json) console.give(to_json(plan, words));
  for (const auto* paths : {&plan.scope.channels, &plan.scope.targets}) {
    for (const metadata::TargetPath& path : *paths) console.say("  " + printable(path.text()));
  }
  console.say((words.dry_run ? "would write " : "+ ") + printable(words.out.native()) + "  " +
              std::to_string(plan.metadata.size()) + " files of metadata, " + std::to_string(plan.targets.size()) +
              (plan.targets.size() == 1 ? " target, " : " targets, ") + size_text(plan.file_bytes));
  console.say("devices take it until " + plan.valid_until.text() + ", " + lifetime_text(plan.valid_until, console.now));
  if (!words.dry_run) {
    console.say("checked as a new device, to the last byte");
    if (!plan.scope.channels.empty())
      console.say("  next, on a device: tenon install --from " + printable(words.out.filename().native()));
  }
  return ExitStatus::kOk;
}

}  // namespace tenon::repo_tools
