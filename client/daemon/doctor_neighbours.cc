// The doctor's checks of what else is on the device: the courier, commands of the configuration, the control socket.
#include <tenon/client/config/text_file.h>
#include <tenon/client/control/control_stream.h>
#include <tenon/client/daemon/doctor.h>
#include <tenon/client/errands/courier_link.h>
#include <tenon/client/health/child_process.h>

#include <cerrno>
#include <cstring>

#include <grp.h>
#include <sys/stat.h>
#include <unistd.h>

namespace tenon::client {
namespace {

constexpr auto kCourierPatience = std::chrono::seconds(5);

// Why a program cannot be started; empty: it can.
std::string why_not(const std::string& program) {
  const std::optional<std::string> path = find_program(program);
  if (!path) return "there is no program " + program;
  struct stat status = {};
  if (::stat(path->c_str(), &status) != 0) return *path + ": " + std::strerror(errno);
  if (!S_ISREG(status.st_mode)) return *path + " is no file";
  if ((status.st_mode & (S_IXUSR | S_IXGRP | S_IXOTH)) == 0) return *path + " is not executable";
  return "";
}

Finding examine_courier(const DeviceConfig& config, bool is_lost) {
  if (!config.courier_socket.empty()) {
    const Result<ErrandSocket> way =
        CourierLink::to_socket(config.courier_socket).connect(std::chrono::steady_clock::now() + kCourierPatience);
    if (!way) return found("courier", Grade::kProblem, way.error());
    return {"courier", Grade::kOk, "answers at " + config.courier_socket};
  }
  if (is_lost) return {"courier", Grade::kProblem, "the courier has ended", "start tenond again"};
  const Result<std::string> program = courier_beside_us();
  const std::string problem = program ? why_not(*program) : program.error().message;
  if (problem.empty()) return {"courier", Grade::kOk, *program + " is started with each program"};
  return {"courier", Grade::kProblem, problem,
          "install tenon-courier beside tenond, or name a socket in [courier] of the configuration"};
}

Findings examine_health_commands(const DeviceConfig& config) {
  if (config.health.empty()) {
    return {{"health", Grade::kWarning, "there is no health check: a release that starts tenond is kept",
             "say in [[health]] what makes this system fit to stay"}};
  }
  Findings findings;
  for (const HealthCommand& command : config.health) {
    const std::string problem = why_not(command.argv.front());
    if (problem.empty()) continue;
    findings.push_back({"health", Grade::kProblem, command.name + ": " + problem,
                        "every release would be rolled back: install the program, or change [[health]]"});
  }
  if (findings.empty()) {
    findings.push_back(
        {"health", Grade::kOk, std::to_string(config.health.size()) + " checks, whose programs are there"});
  }
  return findings;
}

Findings examine_commands(const DeviceConfig& config) {
  Findings findings;
  const auto look = [&](const char* check, const std::vector<std::string>& argv, const char* consequence) {
    const std::string problem = argv.empty() ? "" : why_not(argv.front());
    if (!problem.empty()) findings.push_back({check, Grade::kProblem, problem, consequence});
  };
  look("metered", config.metered, "the link counts as one that costs nothing: name another command in [check]");
  for (const HookCommand& hook : config.hooks) {
    look("hook", hook.argv,
         "no release is armed while a hook for \"staged\" fails: install the program, or change [[hook]]");
  }
  if (config.app_data) {
    look("migrate", config.app_data->migrate,
         "the trial of this image fails: install the program, or change [app_data]");
  }
  return findings;
}

Finding examine_reboot(const DeviceConfig& config) {
  if (config.reboot.empty()) return {"reboot", Grade::kOk, "somebody else reboots"};
  const std::string problem = why_not(config.reboot.front());
  if (problem.empty()) return {"reboot", Grade::kOk, config.reboot.front() + " reboots"};
  return {"reboot", Grade::kProblem, problem, "an armed update would wait for ever: name another command in [boot]"};
}

Finding examine_control(const DeviceConfig& config) {
  if (config.control_socket.empty()) return {"control", Grade::kOk, "no socket: tenon acts by itself"};
  const Result<std::unique_ptr<ControlStream>> daemon = ControlStream::connect(config.control_socket);
  if (!daemon) return found("control", Grade::kProblem, daemon.error());
  if (*daemon == nullptr) {
    return {"control", Grade::kWarning, "no daemon answers at " + config.control_socket, "start tenond"};
  }
  group entry{};
  group* known = nullptr;
  std::vector<char> text(64u << 10);
  if (::getgrnam_r(config.control_group.c_str(), &entry, text.data(), text.size(), &known) != 0 || known == nullptr) {
    return {"control", Grade::kWarning, "there is no group " + config.control_group + ": root alone may act",
            "make the group, or name another one in [control]"};
  }
  return {"control", Grade::kOk, "tenond answers at " + config.control_socket};
}

Finding examine_id(const DeviceConfig& config) {
  const Result<std::string> text = read_text_file(config.id_file);
  if (text && !device_id_in(*text).empty()) return {"device_id", Grade::kOk, "in " + config.id_file};
  return {"device_id", Grade::kWarning,
          config.id_file + " has no id: this device comes last in every rollout by shares",
          "name a file in [device] id_file that tells this device from all others"};
}

}  // namespace

Findings examine_neighbours(const DeviceConfig& config, bool courier_is_lost) {
  Findings findings = {examine_id(config), examine_courier(config, courier_is_lost)};
  for (Finding& finding : examine_health_commands(config)) findings.push_back(std::move(finding));
  for (Finding& finding : examine_commands(config)) findings.push_back(std::move(finding));
  findings.push_back(examine_reboot(config));
  findings.push_back(examine_control(config));
  return findings;
}

}  // namespace tenon::client
