// tenon: what a person, or a script, asks of a device. The daemon does it, where one listens; else this process does,
// under the store's lock.
#include <tenon/client/confine/confine.h>
#include <tenon/client/control/answer_fields.h>
#include <tenon/client/control/control_client.h>
#include <tenon/client/ctl/device_text.h>
#include <tenon/client/daemon/device_runtime.h>
#include <tenon/client/daemon/device_service.h>
#include <tenon/client/daemon/program.h>
#include <tenon/client/daemon/terminal_reporter.h>
#include <tenon/client/updater/deferral.h>
#include <tenon/metadata/utf8.h>
#include <tenon/process/standard_streams.h>

#include <cstdio>
#include <memory>

#include <CLI/CLI.hpp>
#include <unistd.h>

namespace tenon::client {
namespace {

struct Options {
  std::string config_path = "/etc/tenon/device.toml";
  std::string reason = "asked for by a person";
  std::string bundle = {};  // empty: the sources of the configuration
  std::string defer_for = {};
  bool clear_deferral = false;
  bool install_now = false;
  bool as_json = false;
  bool quiet = false;
};

// A word of the command line, the method behind it, and what becomes of its answer.
struct Word {
  const char* name;
  const char* method;
  const char* help;
  std::string (*text)(const json::Object& answer);
  ExitStatus (*status)(const json::Object& answer);
};

ExitStatus done(const json::Object& /*answer*/) {
  return ExitStatus::kOk;
}

ExitStatus status_of_verdict(const json::Object& answer) {
  const std::string verdict = string_in(answer, "verdict");
  if (verdict == "install") return ExitStatus::kOk;
  if (verdict == "refuse") return ExitStatus::kRefused;
  return ExitStatus::kNothingToDo;
}

ExitStatus status_of_confirm(const json::Object& answer) {
  return true_in(answer, "confirmed") ? ExitStatus::kOk : ExitStatus::kRefused;
}

ExitStatus status_of_doctor(const json::Object& answer) {
  return number_in(answer, "problems") == 0 ? ExitStatus::kOk : ExitStatus::kDevice;
}

std::string nothing(const json::Object& /*answer*/) {
  return "";
}

std::string check_text(const json::Object& answer) {
  return printable(string_in(answer, "text")) + "\n";
}

std::string install_text(const json::Object& answer) {
  return true_in(answer, "reboot_wanted") ? "armed: reboot to try it\n" : check_text(answer);
}

std::string confirm_text(const json::Object& answer) {
  if (true_in(answer, "confirmed")) return "confirmed\n";
  return "not healthy: " + printable(string_in(answer, "reason"), 1000) + "; reboot to go on\n";
}

std::string rollback_text(const json::Object& /*answer*/) {
  return "the trial is taken back; reboot if it is running\n";
}

std::string mark_bad_text(const json::Object& /*answer*/) {
  return "the next boot starts the other slot group: reboot\n";
}

constexpr Word kWords[] = {
    {"status", "Status", "what runs, what waits, what failed; changes nothing and asks nobody", status_text, done},
    {"explain", "Explain", "why this device is where it is, and what was refused, failed or rolled back last",
     explain_text, done},
    {"history", "History", "what this device keeps of its life", history_text, done},
    {"doctor", "Doctor", "what on this device may be wrong before it is needed, and what to do; changes nothing",
     doctor_text, status_of_doctor},
    {"watch", "Monitor", "what the daemon does from now on, until you end it", nothing, done},
    {"check", "Check", "ask the repository what this device would do", check_text, status_of_verdict},
    {"plan", "Plan", "what an install would fetch and write, from which payloads and why; writes to no slot", plan_text,
     status_of_verdict},
    {"install", "Install",
     "write the current release to the other slots, and arm its trial boot when this is a moment for it", install_text,
     status_of_verdict},
    {"defer", "Defer", "arm nothing for a while: 3d, 12h or 30m, 30d at most; what is armed already stays so",
     defer_text, done},
    {"confirm", "Confirm", "on a trial boot: run the health checks and keep the release", confirm_text,
     status_of_confirm},
    {"rollback", "Rollback", "end a trial, or take back one that is armed; that release is not taken again",
     rollback_text, done},
    {"mark-bad", "MarkBad", "leave the confirmed release for the one before it; on a trial boot it is rollback",
     mark_bad_text, done},
};

constexpr std::string_view kMonitor = "Monitor";

// Those that ask the repository, wherever that is.
bool asks_sources(const Word& word) {
  const std::string_view name = word.name;
  return name == "check" || name == "plan" || name == "install";
}

// Those that remember why.
bool takes_reason(const Word& word) {
  const std::string_view method = word.method;
  return method == "Rollback" || method == "MarkBad";
}

// The file of a bundle that this process opened, as whoever called it.
struct OpenedBundle {
  int descriptor = -1;
  ~OpenedBundle() {
    if (descriptor >= 0) ::close(descriptor);
  }
};

Result<void> set_deferral(const Options& options, ControlCall& call) {
  if (options.clear_deferral != options.defer_for.empty()) {
    return Error{ErrorCode::kUsage, "tenon defer takes either a duration or --clear"}.with_hint(
        "for example: tenon defer 3d");
  }
  std::chrono::seconds length{0};
  if (!options.clear_deferral) {
    TENON_TRY(length, parse_deferral_length(options.defer_for));
    if (length.count() == 0)
      return Error{ErrorCode::kUsage, "a deferral of no time is none"}.with_hint("tenon defer --clear");
  }
  call.parameters.set("seconds", static_cast<std::int64_t>(length.count()));
  return {};
}

Result<int> ask(const DeviceConfig& config, const Options& options, const Word& word) {
  TerminalReporter reporter(options.quiet || options.as_json);
  OpenedBundle bundle;
  ControlCall call{.method = word.method};
  if (!options.bundle.empty()) {
    TENON_TRY(bundle.descriptor, open_regular_file(options.bundle));
    call.file = bundle.descriptor;
    call.parameters.set("bundle", options.bundle);
  }
  if (takes_reason(word)) call.parameters.set("reason", options.reason);
  if (word.method == std::string_view("Defer")) TENON_TRY_VOID(set_deferral(options, call));
  if (options.install_now) call.parameters.set("now", true);

  std::unique_ptr<ControlStream> daemon;
  if (!config.control_socket.empty()) {
    TENON_TRY(daemon, ControlStream::connect(config.control_socket));
  }
  if (!daemon && word.method == kMonitor) {
    return Error{ErrorCode::kBusy, "no daemon answers, so there is nobody to watch"}.with_hint(
        "start tenond with [control] socket in its configuration");
  }
  // A trial is confirmed only if its courier is there.
  const bool needs_courier = asks_sources(word) || word.method == std::string_view("Confirm");
  CourierLink courier = !daemon && needs_courier && options.bundle.empty()
                            ? link_to_courier(config, options.config_path)
                            : CourierLink::nowhere(Error{ErrorCode::kNet, "this command asks nobody"});
  for (const std::string& complaint : confine_device()) reporter.warn(complaint);
  std::unique_ptr<DeviceControl> device;
  if (daemon) {
    device = std::make_unique<ControlClient>(std::move(daemon));
  } else {
    device = std::make_unique<DeviceService>(config, courier);
  }
  TENON_TRY(const json::Object answer, device->call(call, reporter));
  std::fputs(options.as_json ? (json::to_text(answer, 2) + "\n").c_str() : word.text(answer).c_str(), stdout);
  return static_cast<int>(word.status(answer));
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
  const Word* asked = nullptr;
  for (const Word& word : kWords) {
    CLI::App* command = app.add_subcommand(word.name, word.help);
    if (word.method != kMonitor) command->add_flag("--json", options.as_json, "print JSON");
    command->fallthrough();
    command->callback([&asked, &word] { asked = &word; });
    if (asks_sources(word)) {
      command
          ->add_option("--from", options.bundle,
                       "a bundle, as tenon-repo export made it: asked in place of the network, and trusted as little")
          ->check(names_a_file());
    }
    if (takes_reason(word)) command->add_option("--reason", options.reason, "what to remember of it");
    if (word.method == std::string_view("Defer")) {
      command->add_option("DURATION", options.defer_for, "3d, 12h or 30m");
      command->add_flag("--clear", options.clear_deferral, "updates wait no longer");
    }
    if (word.method == std::string_view("Install")) {
      command->add_flag(
          "--now", options.install_now,
          "whatever the maintenance window, a metered link and a deferral say; no other rule is passed over");
    }
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& problem) {
    return app.exit(problem) == 0 ? 0 : static_cast<int>(ExitStatus::kUsage);
  }
  const Result<DeviceConfig> config = DeviceConfig::load(options.config_path);
  if (!config) return report_error(config.error());
  const Result<int> outcome = ask(*config, options, *asked);
  return outcome ? *outcome : report_error(outcome.error());
}

}  // namespace
}  // namespace tenon::client

int main(int argc, char** argv) {
  tenon::keep_standard_streams();
  tenon::outlive_readers();
  tenon::init_crypto();
  return tenon::client::run(argc, argv);
}
