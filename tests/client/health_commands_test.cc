// CommandHealth: checks that pass, fail, hang, shout or cannot be started.
#include <tenon/client/health/command_health.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <unistd.h>

namespace tenon::client {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

HealthReport check_program(std::vector<std::string> argv, milliseconds timeout = milliseconds(20'000)) {
  std::vector<HealthCommand> commands;
  commands.push_back({"app", std::move(argv), timeout});
  return CommandHealth(std::move(commands)).check();
}

HealthReport check_shell(const std::string& script, milliseconds timeout = milliseconds(20'000)) {
  return check_program({"/bin/sh", "-c", script}, timeout);
}

// True when a process is gone or a zombie, which waits for an init that a container may not have.
bool ends_soon(pid_t process) {
  const auto deadline = steady_clock::now() + std::chrono::seconds(10);
  while (steady_clock::now() < deadline) {
    std::string id, name, state = "Z";
    std::ifstream("/proc/" + std::to_string(process) + "/stat") >> id >> name >> state;
    if (state == "Z" || state == "X") return true;
    std::this_thread::yield();
  }
  return false;
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST(CommandHealth, IsHealthyWhenEveryCommandPasses) {
  const HealthReport report = CommandHealth({{"one", {"/bin/true"}}, {"two", {"true"}}}).check();
  EXPECT_TRUE(report.healthy) << report.reason;
  EXPECT_EQ(report.reason, "");
}

TEST(CommandHealth, IsHealthyWithoutAnyCommandAndSaysSo) {
  const HealthReport report = CommandHealth({}).check();
  EXPECT_TRUE(report.healthy);
  EXPECT_EQ(report.reason, "no health checks are configured");
}

TEST(CommandHealth, NamesTheCommandThatFailsItsStatusAndItsOutput) {
  const HealthReport report = CommandHealth({{"network", {"/bin/true"}},
                                             {"app", {"/bin/sh", "-c", "echo no database; echo really >&2; exit 3"}},
                                             {"never", {"/bin/true"}}})
                                  .check();
  EXPECT_FALSE(report.healthy);
  EXPECT_EQ(report.reason, "health check app: exit status 3: no database really");
}

TEST(CommandHealth, FailsACommandThatASignalKills) {
  const HealthReport report = check_shell("kill -SEGV $$");
  EXPECT_FALSE(report.healthy);
  EXPECT_TRUE(has(report.reason, "signal 11")) << report.reason;
}

// Book: DEV-66
TEST(CommandHealth, KillsACommandThatHangsAndAllItsChildren) {
  const auto pid_file = std::filesystem::path(testing::TempDir()) / ("tenon_health_" + std::to_string(::getpid()));
  std::filesystem::remove(pid_file);
  const auto start = steady_clock::now();
  const HealthReport report =
      check_shell("sleep 1000 & echo $! > " + pid_file.string() + "; echo waiting; wait", milliseconds(500));
  EXPECT_LT(steady_clock::now() - start, milliseconds(10'000));
  EXPECT_FALSE(report.healthy);
  EXPECT_EQ(report.reason, "health check app: did not end within 500 ms: waiting");
  pid_t child = 0;
  std::ifstream(pid_file) >> child;
  ASSERT_GT(child, 0);
  EXPECT_TRUE(ends_soon(child));
  std::filesystem::remove(pid_file);
}

TEST(CommandHealth, KillsACommandThatIgnoresSignals) {
  const HealthReport report = check_shell("trap '' TERM INT HUP; while :; do sleep 1000; done", milliseconds(300));
  EXPECT_FALSE(report.healthy);
  EXPECT_TRUE(has(report.reason, "did not end within 300 ms")) << report.reason;
}

TEST(CommandHealth, DoesNotWaitForWhatACommandLeavesBehind) {
  const auto start = steady_clock::now();
  const HealthReport report = check_shell("sleep 1000 & exit 0");
  EXPECT_TRUE(report.healthy) << report.reason;
  EXPECT_LT(steady_clock::now() - start, milliseconds(10'000));
}

TEST(CommandHealth, EndsACommandThatWritesForEver) {
  const HealthReport report = check_shell("while :; do echo y; done", milliseconds(300));
  EXPECT_FALSE(report.healthy);
  EXPECT_LT(report.reason.size(), 1000u);
}

TEST(CommandHealth, KeepsTheEndOfALongOutput) {
  const HealthReport report = check_shell("i=0; while [ $i -lt 50000 ]; do echo line $i; i=$((i+1)); done; exit 1");
  EXPECT_FALSE(report.healthy);
  EXPECT_TRUE(report.reason.ends_with("line 49998 line 49999")) << report.reason;
  EXPECT_LT(report.reason.size(), 500u);
}

TEST(CommandHealth, MakesOutputSafeForATerminal) {
  const HealthReport report = check_shell("printf '\\033[31mred\\007\\377'; exit 1");
  EXPECT_TRUE(has(report.reason, "\\x1b[31mred\\x07\\xff")) << report.reason;
}

TEST(CommandHealth, FailsAProgramThatCannotBeStarted) {
  for (const char* program : {"/no/such/program", "no-such-program-anywhere", "/etc/hostname", "/"}) {
    const HealthReport report = check_program({program});
    EXPECT_FALSE(report.healthy) << program;
    EXPECT_TRUE(has(report.reason, program)) << report.reason;
    EXPECT_TRUE(has(report.reason, "cannot be started")) << report.reason;
  }
  EXPECT_FALSE(check_program({}).healthy);
}

// Book: TGT-14
TEST(CommandHealth, PassesArgumentsWithoutAShell) {
  const HealthReport report = check_program({"/bin/ls", "$HOME; exit 0"});
  EXPECT_FALSE(report.healthy);
  EXPECT_TRUE(has(report.reason, "$HOME; exit 0")) << report.reason;
}

// Book: TGT-14
TEST(CommandHealth, GivesACommandNoEnvironmentButThePathAndNoInput) {
  ::setenv("TENON_SECRET", "secret", 1);
  const HealthReport report = check_shell("/usr/bin/env; cat; exit 1");
  ::unsetenv("TENON_SECRET");
  EXPECT_TRUE(has(report.reason, "PATH=/usr/sbin:/usr/bin:/sbin:/bin")) << report.reason;
  EXPECT_FALSE(has(report.reason, "secret")) << report.reason;
}

TEST(CommandHealth, GivesACommandNoneOfOurOpenFiles) {
  const int file = ::dup(STDERR_FILENO);  // without close-on-exec, as a library might leave one
  const HealthReport report = check_shell("ls /proc/$$/fd | tr '\\n' ' '; exit 1");
  ::close(file);
  EXPECT_TRUE(has(report.reason, ": 0 1 2 ") || report.reason.ends_with(": 0 1 2")) << report.reason;
}

}  // namespace
}  // namespace tenon::client
