// tenon-courier: the only program of a device that has the network. It brings what tenond asks for from the sources of
// the configuration, and can neither write a slot nor change what is trusted.
#include <tenon/client/confine/confine.h>
#include <tenon/client/courier/door.h>
#include <tenon/client/curl/curl_fetcher.h>
#include <tenon/client/errands/errand_server.h>
#include <tenon/metadata/digest.h>
#include <tenon/metadata/utf8.h>
#include <tenon/process/standard_streams.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <vector>

#include <CLI/CLI.hpp>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace tenon::client {
namespace {

using SourceList = std::vector<std::unique_ptr<Fetcher>>;

constexpr int kMostConnections = 128;  // at once, one for each source of each program that asks

// What curl, OpenSSL and the resolver would take from whoever started this process: SSLKEYLOGFILE is given all keys of
// TLS.
constexpr const char* kNotFromOutside[] = {"SSLKEYLOGFILE", "SSL_CERT_FILE", "SSL_CERT_DIR",    "RES_OPTIONS",
                                           "LOCALDOMAIN",   "HOSTALIASES",   "RESOLV_HOST_CONF"};

int report(const Error& error) {
  std::fprintf(stderr, "error: %s %s\n", std::string(to_string(error.code)).c_str(),
               printable(error.message, 2000).c_str());
  if (!error.hint.empty()) std::fprintf(stderr, "  hint: %s\n", printable(error.hint, 2000).c_str());
  return static_cast<int>(exit_status(error));
}

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

Result<SourceList> open_sources(const DeviceConfig& config) {
  SourceList sources;
  for (const std::string& url : config.sources) {
    TENON_TRY(std::unique_ptr<CurlFetcher> source, CurlFetcher::create(url, "tenon/" TENON_VERSION, config.fetch));
    sources.push_back(std::move(source));
  }
  return sources;
}

// A process for each connection: what a server does to one reaches no other, and it ends with this one.
[[noreturn]] void serve_and_end(pid_t parent, const ErrandSocket& connection, const SourceList& sources) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  if (::getppid() != parent) ::_exit(0);
  const Result<void> served = serve_errands(connection, sources);
  ::_exit(served ? 0 : static_cast<int>(ExitStatus::kNetwork));
}

int serve(std::optional<Door> door, const SourceList& sources) {
  const pid_t parent = ::getpid();
  int running = 0;
  for (;;) {
    const Result<std::optional<ErrandSocket>> connection = door->next();
    if (!connection) return report(connection.error());
    if (!*connection) return 0;
    while (::waitpid(-1, nullptr, WNOHANG) > 0) --running;
    if (running == kMostConnections) continue;
    const pid_t child = ::fork();
    if (child == 0) {
      door.reset();
      serve_and_end(parent, **connection, sources);
    }
    if (child > 0) ++running;
  }
}

int run(int argc, char** argv) {
  CLI::App app{
      "tenon-courier brings what tenond asks for from the sources of the configuration, and can change nothing here"};
  app.set_version_flag("--version", "tenon-courier " TENON_VERSION);
  std::string config_path = "/etc/tenon/device.toml";
  bool at_channel = false;
  app.add_option("--config", config_path, "the device's configuration")->capture_default_str();
  app.add_flag("--channel", at_channel, "connections come from the process that started this one, over descriptor 3");
  app.footer("Without --channel it listens at systemd's socket, or at that of [courier] socket.");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& problem) {
    return app.exit(problem) == 0 ? 0 : static_cast<int>(ExitStatus::kUsage);
  }
  const Result<DeviceConfig> config = DeviceConfig::load(config_path);
  if (!config) return report(config.error());
  const Result<SourceList> sources = open_sources(*config);
  if (!sources) return report(sources.error());
  Result<Door> door = at_channel ? Door::at_channel()
                                 : Door::open(*config, Environment{variable("LISTEN_PID"), variable("LISTEN_FDS")});
  if (!door) return report(door.error());
  for (const std::string& complaint : confine_courier(config->courier_user)) {
    std::fprintf(stderr, "warning: %s\n", complaint.c_str());
  }
  return serve(*std::move(door), *sources);
}

}  // namespace
}  // namespace tenon::client

int main(int argc, char** argv) {
  tenon::keep_standard_streams();
  tenon::outlive_readers();
  for (const char* name : tenon::client::kNotFromOutside) ::unsetenv(name);
  tenon::init_crypto();
  return tenon::client::run(argc, argv);
}
