// tenon-keyctl ceremony, audit and status: what is planned, what was done, and what is due.
#include <tenon/hsm/file_io.h>
#include <tenon/keyctl/audit_commands.h>
#include <tenon/keyctl/ceremony.h>
#include <tenon/keyctl/command_line.h>
#include <tenon/keyctl/due.h>
#include <tenon/keyctl/expiry.h>
#include <tenon/metadata/utf8.h>

#include <CLI/CLI.hpp>

namespace tenon::keyctl {
namespace {

struct PlanWords {
  std::string kind;
  std::string repository;
  std::string policy;
};

struct MinutesWords {
  std::string repository;
  std::string since;
};

struct AuditWords {
  std::size_t last = 50;
};

struct StatusWords {
  std::vector<std::string> files;
  std::string due = "60d";
  std::string calendar;
};

Result<Report> plan(const PlanWords& words) {
  TENON_TRY(const CeremonyKind kind, parse_ceremony_kind(words.kind));
  std::optional<policies::SigningPolicy> policy;
  if (!words.policy.empty()) {
    TENON_TRY(const Bytes file, hsm::read_file(words.policy, policies::SigningPolicy::kMaxBytes));
    TENON_TRY(
        const metadata::Envelope envelope,
        metadata::Envelope::parse(file, policies::SigningPolicy::kMaxBytes).with_context(printable(words.policy)));
    TENON_TRY(policy, policies::SigningPolicy::parse(envelope.signed_part()).with_context(printable(words.policy)));
  }
  Report report{ceremony_plan(kind, printable(words.repository), policy), {}};
  report.data.set("plan", report.text);
  return report;
}

Result<Report> minutes(const MinutesWords& words, const Shell& shell) {
  TENON_TRY(policies::Label repository, from_command_line(policies::Label::parse(words.repository)));
  TENON_TRY(const metadata::UtcTime since, from_command_line(metadata::UtcTime::parse(words.since)));
  TENON_TRY(Home home, Home::open(shell.home));
  TENON_TRY(const Memory memory, home.recall(repository));
  TENON_TRY(const AuditState log, home.read_log());
  return ceremony_minutes(log, memory, {std::move(repository), since}, shell.now);
}

Result<Report> audit_verify(const Shell& shell) {
  TENON_TRY(Home home, Home::open(shell.home));
  return verify_audit(home);
}

Result<Report> audit_show(const AuditWords& words, const Shell& shell) {
  TENON_TRY(Home home, Home::open(shell.home));
  return show_audit(home, words.last);
}

Result<Report> status(const StatusWords& words, const Shell& shell) {
  TENON_TRY(const metadata::UtcTime edge, expiry_after(words.due, shell.now));
  const std::int64_t window = edge.unix_seconds() - shell.now.unix_seconds();
  std::vector<Deadline> deadlines;
  for (const std::string& path : words.files) {
    TENON_TRY(const Bytes file, hsm::read_file(path, metadata::Limits().listed_bytes));
    TENON_TRY(Deadline deadline, read_deadline(path, file).with_context(printable(path)));
    deadlines.push_back(std::move(deadline));
  }
  if (!words.calendar.empty()) {
    const std::string text = calendar(deadlines, window, shell.now);
    TENON_TRY_VOID(hsm::replace_file(words.calendar, as_bytes(text), hsm::FileMode::kPublic));
  }
  return describe_deadlines(std::move(deadlines), window, shell.now);
}

void add_ceremony(CLI::App& app, Shell& shell) {
  CLI::App& ceremony = *app.add_subcommand("ceremony", "Paper for people who sign together");
  ceremony.require_subcommand(1);
  PlanWords& of_plan = shell.keep<PlanWords>();
  CLI::App& plan_command = *ceremony.add_subcommand("plan", "A checklist to print, in Markdown");
  std::string kinds;
  for (const std::string& kind : ceremony_kinds()) kinds += (kinds.empty() ? "" : ", ") + kind;
  plan_command.add_option("--kind", of_plan.kind, kinds)->required();
  plan_command.add_option("--repository", of_plan.repository, "Name of the repository")->required();
  plan_command.add_option("--policy", of_plan.policy, "Policy whose people to list");
  plan_command.callback([&] { shell.chosen = [&] { return plan(of_plan); }; });
  MinutesWords& of_minutes = shell.keep<MinutesWords>();
  CLI::App& minutes_command = *ceremony.add_subcommand("minutes", "What this machine did, to print and sign");
  minutes_command.add_option("--repository", of_minutes.repository, "Name of the repository")->required();
  minutes_command.add_option("--since", of_minutes.since, "UTC, as 2026-11-22T00:00:00Z")->required();
  minutes_command.callback([&] { shell.chosen = [&] { return minutes(of_minutes, shell); }; });
}

void add_audit(CLI::App& app, Shell& shell) {
  CLI::App& audit = *app.add_subcommand("audit", "The log of what was shown, signed and refused here");
  audit.require_subcommand(1);
  audit.add_subcommand("verify", "Check that no line was changed or taken out")->callback([&] {
    shell.chosen = [&] { return audit_verify(shell); };
  });
  AuditWords& words = shell.keep<AuditWords>();
  CLI::App& show = *audit.add_subcommand("show", "Show the newest entries");
  show.add_option("--last", words.last, "How many")->capture_default_str();
  show.callback([&] { shell.chosen = [&] { return audit_show(words, shell); }; });
}

void add_status(CLI::App& app, Shell& shell) {
  StatusWords& words = shell.keep<StatusWords>();
  CLI::App& command = *app.add_subcommand("status", "Which signed files expire soon; exit status 7 if any is due");
  command.add_option("files", words.files, "Signed metadata, policies too")->required();
  command.add_option("--due", words.due, "How long before the end a file is due: 60d, 8w, 36h")->capture_default_str();
  command.add_option("--calendar", words.calendar, "Write the days as iCalendar (.ics) too");
  command.callback([&] { shell.chosen = [&] { return status(words, shell); }; });
}

}  // namespace

void add_ceremony_commands(CLI::App& app, Shell& shell) {
  add_ceremony(app, shell);
  add_audit(app, shell);
  add_status(app, shell);
}

}  // namespace tenon::keyctl
