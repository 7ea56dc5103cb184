// tenond: the daemon of a device. After a boot it settles the trial; then it checks and installs, again and again. Meanwhile it answers
// `tenon`, in threads of their own.
#include <tenon/client/confine/confine.h>
#include <tenon/client/control/control_server.h>
#include <tenon/client/daemon/device_cycle.h>
#include <tenon/client/daemon/device_runtime.h>
#include <tenon/client/daemon/device_service.h>
#include <tenon/client/daemon/next_check.h>
#include <tenon/client/daemon/program.h>
#include <tenon/client/daemon/terminal_reporter.h>
#include <tenon/process/standard_streams.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <thread>

#include <CLI/CLI.hpp>
#include <malloc.h>

namespace tenon::client {
namespace {

constexpr int kUsage = static_cast<int>(ExitStatus::kUsage);
constexpr int kNothingToDo = static_cast<int>(ExitStatus::kNothingToDo);

// Somebody else acts just now: the daemon's turn comes soon after.
constexpr auto kBusyPause = std::chrono::seconds(10);

using Cycle = Result<CycleOutcome> (*)(Updater& updater);

// The store's lock is held for one cycle, so that `tenon` has its turn between two.
Result<CycleOutcome> open_and_run(const DeviceConfig& config, CourierLink& courier, Reporter& reporter, Cycle cycle) {
  TENON_TRY(const std::unique_ptr<DeviceRuntime> device,
            DeviceRuntime::open(config, Access::kAct, configured_sources(config, courier), courier, reporter));
  Result<CycleOutcome> outcome = cycle(device->updater());
  if (!outcome) device->record_failure(outcome.error());
  return outcome;
}

// A trial whose daemon cannot do its work is no healthy one: the reboot takes its next try.
Result<CycleOutcome> one_cycle(const DeviceConfig& config, CourierLink& courier, Reporter& reporter, Cycle cycle) {
  Result<CycleOutcome> outcome = open_and_run(config, courier, reporter, cycle);
  if (outcome || outcome.error().code == ErrorCode::kBusy) return outcome;
  const Result<bool> on_trial = runs_on_trial(config);
  if (!on_trial || !*on_trial) return outcome;
  report_error(outcome.error());
  return CycleOutcome{true, "the trial could not be confirmed"};
}

Result<void> reboot(const DeviceConfig& config, Reporter& reporter) {
  if (config.reboot.empty()) {
    reporter.note("a reboot is wanted; [boot] reboot names no command, so somebody else does it");
    return {};
  }
  return run_command(config.reboot);
}

// An installation leaves free pages in the heap that the C library keeps for the next one, an hour or a year away.
void give_memory_back() {
#ifdef __GLIBC__
  ::malloc_trim(0);
#endif
}

std::chrono::seconds pause_after(const DeviceConfig& config, const Result<CycleOutcome>& outcome) {
  Awaited awaited;
  if (outcome) awaited.is_window = outcome->awaits_window;
  if (outcome && outcome->until) {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    awaited.in =
        std::chrono::seconds(outcome->until->unix_seconds()) - std::chrono::duration_cast<std::chrono::seconds>(now);
  }
  std::random_device entropy;
  return until_next_check(config, awaited, std::uniform_real_distribution<double>(0, 1)(entropy));
}

int run_once(const DeviceConfig& config, CourierLink& courier, Reporter& reporter) {
  const Result<CycleOutcome> outcome = one_cycle(config, courier, reporter, run_cycle);
  if (!outcome) return report_error(outcome.error());
  reporter.note(outcome->summary);
  if (!outcome->reboot_wanted) return kNothingToDo;
  if (const Result<void> rebooted = reboot(config, reporter); !rebooted) return report_error(rebooted.error());
  return 0;
}

// Exits with 0 when the device's programs may start. It asks nobody.
int before_services(const DeviceConfig& config, Reporter& reporter) {
  CourierLink courier = CourierLink::nowhere({ErrorCode::kNet, "nothing is asked before the services start"});
  const Result<CycleOutcome> outcome = one_cycle(config, courier, reporter, run_before_services);
  if (!outcome) return report_error(outcome.error());
  if (!outcome->reboot_wanted) return 0;
  reporter.warn(outcome->summary);
  if (const Result<void> rebooted = reboot(config, reporter); !rebooted) report_error(rebooted.error());
  return static_cast<int>(ExitStatus::kRefused);
}

// A device without its control socket is still updated.
std::unique_ptr<ControlServer> serve_control(const DeviceConfig& config, DeviceControl& device, EventHub& hub) {
  if (config.control_socket.empty()) return nullptr;
  Result<std::unique_ptr<ControlServer>> server = ControlServer::start({.socket = config.control_socket,
                                                                        .group = config.control_group,
                                                                        .version = TENON_VERSION,
                                                                        .looks = DeviceService::looks(),
                                                                        .acts = DeviceService::acts(),
                                                                        .description = DeviceService::description()},
                                                                       device, hub);
  if (server) return *std::move(server);
  report_error(server.error());
  return nullptr;
}

// A signal ends the daemon wherever it is: every step is durable before the next, so there is nothing to wind up. It
// ends by itself when the courier that it started has ended: only who is not confined yet can start another.
[[noreturn]] void run_forever(const DeviceConfig& config, CourierLink& courier, Reporter& log) {
  EventHub reporter(log);
  DeviceService service(config, courier);
  const std::unique_ptr<ControlServer> server = serve_control(config, service, reporter);
  for (bool was_busy = false;;) {
    const Result<CycleOutcome> outcome = one_cycle(config, courier, reporter, run_cycle);
    const bool is_busy = !outcome && outcome.error().code == ErrorCode::kBusy;
    if (!outcome) {
      if (!is_busy || !was_busy) report_error(outcome.error());  // once, however long somebody acts
    } else {
      reporter.note(outcome->summary);
      if (outcome->reboot_wanted) {
        if (const Result<void> rebooted = reboot(config, reporter); !rebooted) report_error(rebooted.error());
      }
    }
    if (courier.is_lost()) {
      // Nothing is waited for, no caller of the control socket either.
      std::_Exit(report_error(Error{ErrorCode::kNet, "the courier has ended", "start tenond again: its init should"}));
    }
    give_memory_back();
    was_busy = is_busy;
    std::this_thread::sleep_for(is_busy ? kBusyPause : pause_after(config, outcome));
  }
}

int run(int argc, char** argv) {
  CLI::App app{"tenond installs signed releases on this device"};
  app.set_version_flag("--version", "tenond " TENON_VERSION);
  std::string config_path = "/etc/tenon/device.toml";
  bool once = false;
  bool before = false;
  bool quiet = false;
  app.add_option("--config", config_path, "the device's configuration")->capture_default_str();
  app.add_flag("--once", once, "one cycle; exits 0 when a reboot is wanted, 3 when there is nothing to do");
  app.add_flag("--before-services", before,
               "settle what the last boot left behind and the application's data, and end; exits 0 when the services "
               "may start")
      ->excludes("--once");
  app.add_flag("-q,--quiet", quiet, "warnings and errors only");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& problem) {
    return app.exit(problem) == 0 ? 0 : kUsage;
  }
  const Result<DeviceConfig> config = DeviceConfig::load(config_path);
  if (!config) return report_error(config.error());
  TerminalReporter reporter(quiet);
  if (before) {
    const Ownership ownership = config->app_data ? Ownership::kGiven : Ownership::kKept;
    for (const std::string& complaint : confine_device(ownership)) reporter.warn(complaint);
    return before_services(*config, reporter);
  }
  CourierLink courier = link_to_courier(*config, config_path);
  for (const std::string& complaint : confine_device()) reporter.warn(complaint);
  if (once) return run_once(*config, courier, reporter);
  run_forever(*config, courier, reporter);
}

}  // namespace
}  // namespace tenon::client

int main(int argc, char** argv) {
  tenon::keep_standard_streams();
  tenon::outlive_readers();
  tenon::init_crypto();
  return tenon::client::run(argc, argv);
}
