#include <tenon/client/boot/running_boot.h>
#include <tenon/client/daemon/device_runtime.h>
#include <tenon/client/daemon/doctor.h>

#include <algorithm>
#include <array>

namespace tenon::client {
namespace {

std::string_view name_of(Grade grade) {
  switch (grade) {
    case Grade::kOk: return "ok";
    case Grade::kWarning: return "warning";
    case Grade::kProblem: return "problem";
  }
  return "";
}

std::string group_name(SlotGroup group) {
  return "slot group " + std::string(to_string(group));
}

void append(Findings& to, Findings more) {
  std::ranges::move(more, std::back_inserter(to));
}

// What runs may be left at the next boot, or be what nobody chose.
Finding examine_running(const Boot& boot, const BootRecord& record) {
  const std::string group = group_name(boot.running);
  switch (record.of(boot.running).state) {
    case SlotState::kGood: return {"running", Grade::kOk, group + " runs and is confirmed"};
    case SlotState::kTrial:
      return {"running", Grade::kWarning, group + " runs on trial",
              "wait until tenond has confirmed it, or run: tenon confirm"};
    case SlotState::kBad:
      if (boot.is_last_resort) {
        return {"running", Grade::kProblem,
                group + " has failed and runs as the last resort: nothing else could be started",
                "publish a release with a higher sequence: it is written to the other slot group"};
      }
      return {"running", Grade::kWarning, group + " runs and has failed", "reboot: the other slot group is started"};
    case SlotState::kEmpty: break;
  }
  return {"running", Grade::kProblem, group + " runs, but the boot record holds nothing of it",
          "compare the boot environment with the kernel command line's tenon.slot"};
}

Finding examine_fallback(const Boot& boot, const BootRecord& record) {
  const SlotGroup resting = other(boot.running);
  const SlotState state = record.of(resting).state;
  const std::string text = group_name(resting) + " is " + std::string(to_string(state));
  if (state == SlotState::kGood || record.of(boot.running).state == SlotState::kGood) {
    return {"fallback", Grade::kOk, text + (state == SlotState::kGood ? "" : ": what runs is the only one that boots")};
  }
  return {"fallback", Grade::kProblem, text + ", and what runs is not confirmed: nothing is sure to boot",
          "confirm what runs, if it is fit to stay: tenon confirm"};
}

// The one trace that a boot script leaves: a boot on trial takes a try.
Finding examine_boot_script(const DeviceConfig& config, const Boot& boot, const BootRecord& record) {
  const GroupBoot& running = record.of(boot.running);
  if (running.state == SlotState::kTrial && running.tries_left >= config.tries) {
    return {
        "boot_script", Grade::kProblem,
        "this boot is a trial, and the boot script took none of its " + std::to_string(running.tries_left) + " tries",
        "a release that crashes would be tried for ever: compare the boot script with docs/device-integration.md"};
  }
  return {"boot_script", Grade::kOk, "it named slot group " + std::string(to_string(boot.running))};
}

}  // namespace

Finding found(std::string check, Grade grade, const Error& error, std::string otherwise) {
  return {std::move(check), grade, error.message, error.hint.empty() ? std::move(otherwise) : error.hint};
}

Findings examine_boot(const DeviceConfig& config, BootControl& boot) {
  Findings findings;
  const Result<Boot> running = boot.running();
  const Result<BootRecord> record = boot.read();
  const Result<std::string> spoiled = boot.spoiled_copy();
  if (!record) {
    findings.push_back(found("boot_record", Grade::kProblem, record.error()));
  } else if (!spoiled) {
    findings.push_back(found("boot_record", Grade::kProblem, spoiled.error()));
  } else if (!spoiled->empty()) {
    findings.push_back({"boot_record", Grade::kWarning,
                        "generation " + std::to_string(record->generation) + "; the copy in " + *spoiled +
                            " is damaged, the other one is in force",
                        "the next update writes it anew; if it stays damaged, the medium is worn out"});
  } else {
    findings.push_back(
        {"boot_record", Grade::kOk, "generation " + std::to_string(record->generation) + ", both copies are whole"});
  }
  if (!running) findings.push_back(found("running", Grade::kProblem, running.error()));
  if (!running || !record) return findings;
  findings.push_back(examine_running(*running, *record));
  findings.push_back(examine_fallback(*running, *record));
  findings.push_back(examine_boot_script(config, *running, *record));
  return findings;
}

Findings examine(const DeviceConfig& config, metadata::UtcTime now, bool courier_is_lost, Reporter& reporter) {
  Findings findings = {
      {"configuration", Grade::kOk,
       config.product.text() + ", hardware " + config.hardware.text() + ", channel " + config.channel.text()}};
  append(findings, examine_store(config));
  append(findings, examine_trust(config, now));
  const Result<std::unique_ptr<BootControl>> boot = open_boot_control(config);
  if (boot) {
    append(findings, examine_boot(config, **boot));
    if (const Result<Boot> running = (*boot)->running())
      append(findings, examine_slots(config, running->running, reporter));
  } else {
    findings.push_back(found("boot_record", Grade::kProblem, boot.error()));
  }
  append(findings, examine_neighbours(config, courier_is_lost));
  return findings;
}

json::Object findings_json(const Findings& findings) {
  json::Array checks;
  std::array<std::int64_t, 3> counts = {};
  for (const Finding& finding : findings) {
    json::Object one;
    one.set("check", finding.check);
    one.set("grade", std::string(name_of(finding.grade)));
    one.set("text", finding.text);
    one.set("advice", finding.advice);
    checks.push_back(std::move(one));
    ++counts[static_cast<std::size_t>(finding.grade)];
  }
  json::Object object;
  object.set("schema", 1);
  object.set("warnings", counts[static_cast<std::size_t>(Grade::kWarning)]);
  object.set("problems", counts[static_cast<std::size_t>(Grade::kProblem)]);
  object.set("checks", std::move(checks));
  return object;
}

}  // namespace tenon::client
