#include <tenon/client/daemon/device_explanation.h>
#include <tenon/client/daemon/device_runtime.h>
#include <tenon/client/daemon/device_service.h>
#include <tenon/client/daemon/doctor.h>
#include <tenon/client/daemon/plan_report.h>
#include <tenon/client/daemon/status_report.h>
#include <tenon/metadata/json_fields.h>
#include <tenon/metadata/utf8.h>

#include <map>

#include <fcntl.h>

namespace tenon::client {
namespace {

constexpr std::uint64_t kAssumedBytesPerSecond = 1u << 20;  // of a link that the configuration does not bound

struct Asked {
  const DeviceConfig& config;
  json::Fields& parameters;
};
using Method = Result<json::Object> (*)(Updater& updater, Asked& asked);

std::string_view verdict_name(policies::Verdict verdict) {
  switch (verdict) {
    case policies::Verdict::kInstall: return "install";
    case policies::Verdict::kUpToDate: return "up_to_date";
    case policies::Verdict::kHold: return "hold";
    case policies::Verdict::kRefuse: return "refuse";
  }
  return "";
}

json::Object decision_json(const policies::Decision& decision) {
  json::Object object;
  object.set("schema", 1);
  object.set("verdict", std::string(verdict_name(decision.verdict)));
  object.set("install", decision.verdict == policies::Verdict::kInstall);
  object.set("reason", decision.reason);
  object.set("text", decision.text);
  object.set("until", time_json(decision.until));
  return object;
}

json::Object selection_json(const Selection& selection) {
  json::Object object = decision_json(selection.decision);
  object.set("version", selection.release.version.text());
  object.set("sequence", selection.release.sequence.value());
  if (selection.is_bridge()) object.set("bridge_to", selection.channel.release.text());
  return object;
}

// A parameter that may be left out, or null. Errors: E_USAGE for one that is no string.
Result<std::optional<std::string>> text_in(json::Fields& parameters, std::string_view name) {
  const json::Value* value = parameters.optional(name);
  if (value == nullptr || value->is_null()) return std::optional<std::string>();
  if (value->string() != nullptr) return std::optional(*value->string());
  return Error{ErrorCode::kUsage, std::string(name) + " is no string"};
}

// Parameters that may be left out, or null. Errors: E_USAGE for one that is something else.
Result<bool> flag_in(json::Fields& parameters, std::string_view name) {
  const json::Value* value = parameters.optional(name);
  if (value == nullptr || value->is_null()) return false;
  if (value->boolean() != nullptr) return *value->boolean();
  return Error{ErrorCode::kUsage, std::string(name) + " is neither true nor false"};
}
Result<std::optional<std::int64_t>> integer_in(json::Fields& parameters, std::string_view name) {
  const json::Value* value = parameters.optional(name);
  if (value == nullptr || value->is_null()) return std::optional<std::int64_t>();
  if (value->integer() != nullptr) return std::optional(*value->integer());
  return Error{ErrorCode::kUsage, std::string(name) + " is no integer"};
}

Result<json::Object> check(Updater& updater, Asked& /*asked*/) {
  TENON_TRY(const Selection selection, updater.check());
  return selection_json(selection);
}

Result<json::Object> plan(Updater& updater, Asked& asked) {
  TENON_TRY(const InstallPlan plan, updater.plan());
  const std::uint64_t bound = asked.config.fetch.most_bytes_per_second;
  json::Object object = selection_json(plan.selection);
  object.set("plan", plan_json(plan, bound > 0 ? bound : kAssumedBytesPerSecond));
  return object;
}

Result<json::Object> install(Updater& updater, Asked& asked) {
  TENON_TRY(const bool now, flag_in(asked.parameters, "now"));
  TENON_TRY(const InstallOutcome outcome, updater.install(now ? Wishes::kPassOver : Wishes::kHeed));
  json::Object object = decision_json(outcome.decision);
  object.set("reboot_wanted", outcome.reboot_wanted);
  return object;
}

Result<json::Object> confirm(Updater& updater, Asked& /*asked*/) {
  TENON_TRY(const ConfirmOutcome outcome, updater.confirm());
  json::Object object;
  object.set("schema", 1);
  object.set("confirmed", outcome.confirmed);
  object.set("reboot_wanted", outcome.reboot_wanted);
  object.set("reason", outcome.reason);
  return object;
}

Result<std::string> reason_in(Asked& asked) {
  TENON_TRY(const std::optional<std::string> reason, text_in(asked.parameters, "reason"));
  return reason && !reason->empty() ? *reason : "asked for by a person";
}

Result<json::Object> rollback(Updater& updater, Asked& asked) {
  TENON_TRY(const std::string reason, reason_in(asked));
  TENON_TRY_VOID(updater.rollback(reason));
  json::Object object;
  object.set("schema", 1);
  return object;
}

Result<json::Object> mark_bad(Updater& updater, Asked& asked) {
  TENON_TRY(const std::string reason, reason_in(asked));
  TENON_TRY_VOID(updater.mark_bad(reason));
  json::Object object;
  object.set("schema", 1);
  object.set("reboot_wanted", true);
  return object;
}

Result<json::Object> defer(Updater& updater, Asked& asked) {
  TENON_TRY(const std::optional<std::int64_t> seconds, integer_in(asked.parameters, "seconds"));
  if (!seconds) return Error{ErrorCode::kUsage, "seconds is missing"};
  TENON_TRY(const std::optional<metadata::UtcTime> until, updater.defer(std::chrono::seconds(*seconds)));
  TENON_TRY(const Status status, updater.status());
  const bool is_armed = status.record.of(other(status.boot.running)).state == SlotState::kTrial;
  json::Object object;
  object.set("schema", 1);
  object.set("until", time_json(until));
  object.set("armed", is_armed ? status.journal.version : "");
  return object;
}

struct ActingMethod {
  Method run;
  bool asks_sources;
};
const std::map<std::string, ActingMethod, std::less<>>& methods_that_act() {
  static const std::map<std::string, ActingMethod, std::less<>> kMethods = {
      {"Check", {check, true}},      {"Plan", {plan, true}},          {"Install", {install, true}},
      {"Confirm", {confirm, false}}, {"Rollback", {rollback, false}}, {"MarkBad", {mark_bad, false}},
      {"Defer", {defer, false}}};
  return kMethods;
}

Result<Status> status_of(const DeviceConfig& config, CourierLink& courier, Reporter& reporter) {
  TENON_TRY(const std::unique_ptr<DeviceRuntime> device,
            DeviceRuntime::open(config, Access::kLook, {}, courier, reporter));
  return device->updater().status();
}

Result<json::Object> status(const DeviceConfig& config, CourierLink& courier, Reporter& reporter) {
  TENON_TRY(const Status status, status_of(config, courier, reporter));
  return status_json(config, status);
}

// The file stays its owner's: the bundle gets a descriptor of its own.
Result<SourceList> given_bundle(int file, const std::string& name) {
  const int own = ::fcntl(file, F_DUPFD_CLOEXEC, 0);
  if (own < 0) return Error{ErrorCode::kStorage, printable(name) + " cannot be kept open"};
  TENON_TRY(BundleFile bundle, BundleFile::take(own, name));
  return bundle_source(std::move(bundle));
}

// What a source lacks is for somebody else to mend when it is a bundle.
Error bundle_error(Error error, const std::string& name) {
  if (error.code != ErrorCode::kNet) return error;
  return std::move(error)
      .context(printable(name))
      .with_hint(
          "export a bundle for this device's product and channel: tenon-repo export --product P --channel C; or copy "
          "it again");
}

// Every method that acts first settles what the last boot left behind.
Result<json::Object> act(const DeviceConfig& config, SourceList sources, CourierLink& courier, Reporter& reporter,
                         Method method, json::Fields& parameters, bool asks_sources) {
  TENON_TRY(const std::unique_ptr<DeviceRuntime> device,
            DeviceRuntime::open(config, Access::kAct, std::move(sources), courier, reporter));
  Asked asked{config, parameters};
  const auto run = [&]() -> Result<json::Object> {
    TENON_TRY([[maybe_unused]] const StartOutcome started, device->updater().start());
    return method(device->updater(), asked);
  };
  Result<json::Object> answer = run();
  if (!answer && asks_sources) device->record_failure(answer.error());
  return answer;
}

Result<json::Object> explain(const DeviceConfig& config, CourierLink& courier, Reporter& reporter) {
  TENON_TRY(const Status status, status_of(config, courier, reporter));
  TENON_TRY(const ReadHistory history, read_history(config));
  return explanation_json(status, history.events);
}

Result<json::Object> history(const DeviceConfig& config) {
  TENON_TRY(const ReadHistory history, read_history(config));
  json::Array events;
  for (const StoredEvent& event : history.events) events.push_back(event_json(event));
  json::Object object;
  object.set("schema", 1);
  object.set("events", std::move(events));
  object.set("spoiled_lines", static_cast<std::int64_t>(history.spoiled));
  return object;
}

Error unusable(Error error) {
  error.code = ErrorCode::kUsage;
  return error;
}

}  // namespace

std::set<std::string> DeviceService::looks() {
  return {"Status", "Explain", "History", "Doctor"};
}

std::set<std::string> DeviceService::acts() {
  std::set<std::string> names;
  for (const auto& [name, method] : methods_that_act()) names.insert(name);
  return names;
}

Result<json::Object> DeviceService::call(const ControlCall& call, Reporter& reporter) {
  const json::Value value(call.parameters);
  TENON_TRY(json::Fields parameters, json::Fields::of(value, call.method));
  if (looks().contains(call.method)) {
    const std::lock_guard lock(looking_);
    if (const Result<void> known = parameters.finish(); !known) return unusable(known.error());
    if (call.method == "History") return history(config_);
    if (call.method == "Doctor") return findings_json(examine(config_, system_time(), courier_.is_lost(), reporter));
    if (call.method == "Explain") return explain(config_, courier_, reporter);
    return status(config_, courier_, reporter);
  }
  const auto method = methods_that_act().find(call.method);
  if (method == methods_that_act().end()) {
    return Error{ErrorCode::kUsage, "there is no method " + printable(call.method)};
  }
  TENON_TRY(const std::optional<std::string> bundle, text_in(parameters, "bundle"));
  const std::string bundle_name = bundle.value_or("the bundle");
  TENON_TRY_VOID(text_in(parameters, "reason"));
  TENON_TRY_VOID(flag_in(parameters, "now"));
  TENON_TRY_VOID(integer_in(parameters, "seconds"));
  if (const Result<void> known = parameters.finish(); !known) return unusable(known.error());
  if (call.file < 0 && bundle) {
    return Error{ErrorCode::kUsage, "the file of " + printable(bundle_name) + " was not handed over"};
  }
  TENON_TRY(SourceList sources,
            call.file < 0 ? configured_sources(config_, courier_) : given_bundle(call.file, bundle_name));
  DeviceConfig config = config_;
  if (call.file >= 0) config.metered.clear();  // no link is used
  const bool asks_sources = call.file < 0 && method->second.asks_sources;
  Result<json::Object> result =
      act(config, std::move(sources), courier_, reporter, method->second.run, parameters, asks_sources);
  if (!result && call.file >= 0) return bundle_error(result.error(), bundle_name);
  return result;
}

std::string DeviceService::description() {
  return R"(# Signed releases on this device: what runs, what waits, and what to do now.
# Every method may be called with "more": replies that continue then say what goes on, the last one is the answer.
# A bundle is handed over as a file descriptor (SCM_RIGHTS) with the call; its name is for messages.
interface org.tenon.Update

type Progress (step: string, done: int, total: int)

type Window (daily: string, is_open: bool, opens: ?string)

# What runs, what waits, what failed. Changes nothing and asks nobody.
method Status() -> (schema: int, device: object, running: string, last_resort: bool, next_boot: string, groups: object, update: object,
  last_result: string, quarantine: []object, floors: ?object, deferred_until: ?string, window: ?Window)

# Why this device is where it is: the state in one sentence, and the newest decision, failure and result, with what to do.
method Explain() -> (schema: int, text: string, decision: ?object, failure: ?object, result: ?object)

# What can be looked at and may be wrong. grade: ok, warning or problem. Changes nothing and asks nobody outside the device.
type Finding (check: string, grade: string, text: string, advice: string)
method Doctor() -> (schema: int, warnings: int, problems: int, checks: []Finding)

# What this device keeps of its life, the oldest first.
type Event (number: int, at: string, boot_id: string, kind: string, version: string, sequence: int, reason: string,
  text: string)
method History() -> (schema: int, events: []Event, spoiled_lines: int)

# With "more" alone: what this device does from now on, until the caller closes the connection.
method Monitor() -> (note: ?string, warning: ?string, progress: ?Progress)

# What the repository would have this device do. verdict: install, up_to_date, hold or refuse. until: when a hold ends, where
# that is known.
method Check(bundle: ?string) -> (schema: int, verdict: string, install: bool, reason: string, text: string,
  until: ?string, version: string, sequence: int, bridge_to: ?string)

# What an install would fetch and write.
method Plan(bundle: ?string) -> (schema: int, verdict: string, install: bool, reason: string, text: string,
  until: ?string, version: string, sequence: int, bridge_to: ?string, plan: object)

# Writes the release that comes next to the other slots and arms its trial boot when this is a moment for it; with now, whatever
# the maintenance window, the link and a deferral say.
method Install(bundle: ?string, now: ?bool) -> (schema: int, verdict: string, install: bool, reason: string, text: string,
  until: ?string, reboot_wanted: bool)

# Arms nothing for so many seconds, at most 30 days; 0 ends it. armed: the version that is armed already, and stays so.
method Defer(seconds: int) -> (schema: int, until: ?string, armed: string)

# On a trial boot: runs the health checks and keeps the release.
method Confirm() -> (schema: int, confirmed: bool, reboot_wanted: bool, reason: string)

# Ends a trial, or takes back one that is armed.
method Rollback(reason: ?string) -> (schema: int)

# Leaves a confirmed release that is bad after all for the one before it; on a trial boot it is Rollback.
method MarkBad(reason: ?string) -> (schema: int, reboot_wanted: bool)

error Failed (code: string, message: string, hint: string)
)";
}

}  // namespace tenon::client
