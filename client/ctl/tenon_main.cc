// tenon: what a person, or a script, asks of a device. It runs the updater itself, under the store's lock.
#include <tenon/client/confine/confine.h>
#include <tenon/client/daemon/device_runtime.h>
#include <tenon/client/daemon/plan_report.h>
#include <tenon/client/daemon/program.h>
#include <tenon/client/daemon/status_report.h>
#include <tenon/client/daemon/terminal_reporter.h>
#include <tenon/metadata/utf8.h>

#include <cstdio>
#include <functional>

#include <CLI/CLI.hpp>

namespace tenon::client {
namespace {

struct Options {
  std::string config_path = "/etc/tenon/device.toml";
  std::string reason = "asked for by a person";
  std::string bundle = {};  // empty: the sources of the configuration
  bool as_json = false;
  bool quiet = false;
  std::uint64_t bytes_per_second = 1u << 20;  // of the link, for what a plan says of time
};

int exit_with(ExitStatus status) {
  return static_cast<int>(status);
}

void print(const json::Value& value) {
  std::printf("%s\n", json::to_text(value, 2).c_str());
}
void print(const std::string& text) {
  std::printf("%s\n", text.c_str());
}

ExitStatus status_of(policies::Verdict verdict) {
  switch (verdict) {
    case policies::Verdict::kInstall: return ExitStatus::kOk;
    case policies::Verdict::kUpToDate:
    case policies::Verdict::kHold: return ExitStatus::kNothingToDo;
    case policies::Verdict::kRefuse: return ExitStatus::kRefused;
  }
  return ExitStatus::kFailure;
}

json::Object decision_json(const policies::Decision& decision) {
  json::Object object;
  object.set("schema", 1);
  object.set("install", decision.verdict == policies::Verdict::kInstall);
  object.set("reason", decision.reason);
  object.set("text", decision.text);
  return object;
}

Result<SourceList> sources_of(const DeviceConfig& config, const Options& options, CourierLink& courier) {
  if (!options.bundle.empty()) return bundle_source(options.bundle);
  return configured_sources(config, courier);
}

// What a source lacks is for somebody else to mend when it is a bundle.
Error error_of(Error error, const Options& options) {
  if (options.bundle.empty() || error.code != ErrorCode::kNet) return error;
  return std::move(error)
      .context(printable(options.bundle))
      .with_hint(
          "export a bundle for this device's product and channel: tenon-repo export --product P --channel C; "
          "or copy it again");
}

Result<int> run_status(const DeviceConfig& config, const Options& options, CourierLink& courier, Reporter& reporter) {
  TENON_TRY(const std::unique_ptr<DeviceRuntime> device,
            DeviceRuntime::open(config, Access::kLook, configured_sources(config, courier), reporter));
  TENON_TRY(const Status status, device->updater().status());
  if (options.as_json) {
    print(status_json(config, status));
  } else {
    std::fputs(status_text(config, status).c_str(), stdout);
  }
  return 0;
}

json::Object selection_json(const Selection& selection) {
  json::Object object = decision_json(selection.decision);
  object.set("version", selection.release.version.text());
  object.set("sequence", selection.release.sequence.value());
  if (selection.is_bridge()) object.set("bridge_to", selection.channel.release.text());
  return object;
}

Result<int> run_check(Updater& updater, const Options& options) {
  TENON_TRY(const Selection selection, updater.check());
  if (options.as_json) {
    print(selection_json(selection));
  } else {
    print(printable(selection.decision.text));
  }
  return exit_with(status_of(selection.decision.verdict));
}

Result<int> run_plan(Updater& updater, const Options& options) {
  TENON_TRY(const InstallPlan plan, updater.plan());
  if (options.as_json) {
    json::Object object = selection_json(plan.selection);
    object.set("plan", plan_json(plan, options.bytes_per_second));
    print(object);
  } else {
    std::fputs(plan_text(plan, options.bytes_per_second).c_str(), stdout);
  }
  return exit_with(status_of(plan.selection.decision.verdict));
}

Result<int> run_install(Updater& updater, const Options& options) {
  TENON_TRY(const InstallOutcome outcome, updater.install());
  if (options.as_json) {
    json::Object object = decision_json(outcome.decision);
    object.set("reboot_wanted", outcome.reboot_wanted);
    print(object);
  } else {
    print(outcome.reboot_wanted ? std::string("armed: reboot to try it") : printable(outcome.decision.text));
  }
  return exit_with(status_of(outcome.decision.verdict));
}

Result<int> run_confirm(Updater& updater, const Options& options) {
  TENON_TRY(const ConfirmOutcome outcome, updater.confirm());
  if (options.as_json) {
    json::Object object;
    object.set("schema", 1);
    object.set("confirmed", outcome.confirmed);
    object.set("reboot_wanted", outcome.reboot_wanted);
    object.set("reason", outcome.reason);
    print(object);
  } else {
    print(outcome.confirmed ? std::string("confirmed") : "not healthy: " + outcome.reason + "; reboot to go on");
  }
  return exit_with(outcome.confirmed ? ExitStatus::kOk : ExitStatus::kRefused);
}

Result<int> run_rollback(Updater& updater, const Options& options) {
  TENON_TRY_VOID(updater.rollback(options.reason));
  print(std::string("the trial is taken back; reboot if it is running"));
  return 0;
}

using Command = std::function<Result<int>(Updater&, const Options&)>;

// Every command that acts first settles what the last boot left behind.
Result<int> act(const DeviceConfig& config, const Options& options, CourierLink& courier, Reporter& reporter,
                const Command& command) {
  TENON_TRY(SourceList sources, sources_of(config, options, courier));
  TENON_TRY(const std::unique_ptr<DeviceRuntime> device,
            DeviceRuntime::open(config, Access::kAct, std::move(sources), reporter));
  TENON_TRY([[maybe_unused]] const StartOutcome started, device->updater().start());
  return command(device->updater(), options);
}

// A script whose variable is empty did not mean the network.
CLI::Validator names_a_file() {
  return CLI::Validator([](const std::string& text) { return text.empty() ? "names no file" : std::string(); }, "");
}

int run(int argc, char** argv) {
  CLI::App app{"tenon asks this device for its state, or to act now"};
  app.set_version_flag("--version", "tenon " TENON_VERSION);
  app.require_subcommand(1);
  app.footer(
      "Exit status: 0 done, 2 usage, 3 nothing to do, 4 refused by a rule, 5 not verified, 6 network,\n"
      "7 needs a person, 8 device, 75 try again.");
  Options options;
  app.add_option("--config", options.config_path, "the device's configuration")->capture_default_str();
  app.add_flag("-q,--quiet", options.quiet, "warnings and errors only");

  const auto add = [&](const std::string& name, const std::string& help) {
    CLI::App* command = app.add_subcommand(name, help);
    command->add_flag("--json", options.as_json, "print JSON");
    command->fallthrough();
    return command;
  };
  const CLI::App* status = add("status", "what runs, what waits, what failed; changes nothing and asks nobody");
  CLI::App* check = add("check", "ask the repository what this device would do");
  CLI::App* install = add("install", "write the current release to the other slots and arm its trial boot");
  CLI::App* plan = add("plan", "what an install would fetch and write, from which payloads and why; writes to no slot");
  for (CLI::App* command : {check, plan, install}) {
    command
        ->add_option("--from", options.bundle,
                     "a bundle, as tenon-repo export made it: asked in place of the network, and trusted as little")
        ->check(names_a_file());
  }
  const CLI::App* confirm = add("confirm", "on a trial boot: run the health checks and keep the release");
  CLI::App* rollback = add("rollback", "end a trial, or take back one that is armed; that release is not taken again");
  rollback->add_option("--reason", options.reason, "what to remember of it");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& problem) {
    return app.exit(problem) == 0 ? 0 : exit_with(ExitStatus::kUsage);
  }

  const Result<DeviceConfig> config = DeviceConfig::load(options.config_path);
  if (!config) return report_error(config.error());
  if (config->fetch.most_bytes_per_second > 0) options.bytes_per_second = config->fetch.most_bytes_per_second;
  TerminalReporter reporter(options.quiet || options.as_json);
  const bool asks = options.bundle.empty() && (check->parsed() || plan->parsed() || install->parsed());
  CourierLink courier = asks ? link_to_courier(*config, options.config_path)
                             : CourierLink::nowhere(Error{ErrorCode::kNet, "this command asks nobody"});
  for (const std::string& complaint : confine_device()) reporter.warn(complaint);
  Result<int> outcome = 0;
  if (status->parsed()) outcome = run_status(*config, options, courier, reporter);
  if (check->parsed()) outcome = act(*config, options, courier, reporter, run_check);
  if (plan->parsed()) outcome = act(*config, options, courier, reporter, run_plan);
  if (install->parsed()) outcome = act(*config, options, courier, reporter, run_install);
  if (confirm->parsed()) outcome = act(*config, options, courier, reporter, run_confirm);
  if (rollback->parsed()) outcome = act(*config, options, courier, reporter, run_rollback);
  return outcome ? *outcome : report_error(error_of(outcome.error(), options));
}

}  // namespace
}  // namespace tenon::client

int main(int argc, char** argv) {
  tenon::init_crypto();
  return tenon::client::run(argc, argv);
}
