#include <tenon/client/boot/grub_boot_control.h>
#include <tenon/client/boot/uboot_boot_control.h>
#include <tenon/client/config/text_file.h>
#include <tenon/client/daemon/device_data.h>
#include <tenon/client/daemon/device_health.h>
#include <tenon/client/daemon/device_runtime.h>
#include <tenon/client/daemon/release_file.h>
#include <tenon/client/errands/courier_fetcher.h>
#include <tenon/client/health/command_link.h>
#include <tenon/client/store/file_store.h>
#include <tenon/client/transport/bundle_fetcher.h>
#include <tenon/client/transport/http_url.h>

#include <chrono>
#include <ctime>
#include <optional>
#include <random>
#include <thread>

#include <sys/timex.h>

namespace tenon::client {
namespace {

class SystemClock final : public Clock {
 public:
  metadata::UtcTime now() override {
    const auto since_epoch = std::chrono::system_clock::now().time_since_epoch();
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(since_epoch).count();
    return metadata::UtcTime::epoch().plus_seconds(seconds);
  }
  bool is_synchronised() override {
    timex kernel{};
    return ::adjtimex(&kernel) >= 0 && (kernel.status & STA_UNSYNC) == 0;
  }
  std::chrono::seconds since_boot() override {
    timespec uptime{};
    ::clock_gettime(CLOCK_BOOTTIME, &uptime);
    return std::chrono::seconds(uptime.tv_sec);
  }
  void wait(std::chrono::milliseconds least, std::chrono::milliseconds most) override {
    std::uniform_int_distribution<std::chrono::milliseconds::rep> between(least.count(), most.count());
    std::random_device entropy;
    std::this_thread::sleep_for(std::chrono::milliseconds(between(entropy)));
  }
};

// Without an id a device comes last in every rollout; that must not keep it from anything else.
std::string read_device_id(const std::string& path) {
  const Result<std::string> text = read_text_file(path);
  return text ? device_id_in(*text) : "";
}

// Who only looks keeps nothing.
class NoHistory final : public History {
 public:
  void record(const Event& /*event*/) override {}
};

// The codes of failures that reports carry: the stage, and what failed there.
std::string_view failure_code(ErrorCode code) {
  switch (code) {
    case ErrorCode::kParse: return "tuf.format";
    case ErrorCode::kSig: return "tuf.signature";
    case ErrorCode::kRollback: return "tuf.rollback";
    case ErrorCode::kExpired: return "tuf.expired";
    case ErrorCode::kMismatch: return "tuf.mixmatch";
    case ErrorCode::kLimit: return "tuf.length";
    case ErrorCode::kPolicy: return "policy.refused";
    case ErrorCode::kNet: return "net.failed";
    case ErrorCode::kStorage: return "dev.io";
    case ErrorCode::kBusy: return "dev.busy";
    case ErrorCode::kHw: return "dev.boot";
    case ErrorCode::kAuth:
    case ErrorCode::kUsage: return "dev.config";
  }
  return "";
}

// A system whose release file is missing or malformed says nothing of itself: that is for the floors to judge, and must
// not keep a trial from ending.
RunningImage read_release_file(const std::string& path, Reporter& reporter) {
  const Result<std::string> text = read_text_file(path);
  Result<RunningImage> image = text ? parse_release_file(*text).with_context(path) : text.error();
  if (image) return *std::move(image);
  reporter.warn("the running image says nothing of itself: " + image.error().message);
  return {};
}

}  // namespace

metadata::UtcTime system_time() {
  return SystemClock().now();
}

Result<std::unique_ptr<BootControl>> open_boot_control(const DeviceConfig& config) {
  if (config.grub_env) {
    TENON_TRY(GrubBootControl boot,
              GrubBootControl::open({config.grub_env->at(0), config.grub_env->at(1)}, config.cmdline, config.boot_id));
    return std::unique_ptr<BootControl>(std::make_unique<GrubBootControl>(std::move(boot)));
  }
  TENON_TRY(UbootBootControl boot, UbootBootControl::open(config.fw_env_config, config.cmdline, config.boot_id));
  return std::unique_ptr<BootControl>(std::make_unique<UbootBootControl>(std::move(boot)));
}

CourierLink link_to_courier(const DeviceConfig& config, const std::string& config_path) {
  if (!config.courier_socket.empty()) return CourierLink::to_socket(config.courier_socket);
  const Result<std::string> program = courier_beside_us();
  return program ? CourierLink::start(*program, config_path) : CourierLink::nowhere(program.error());
}

SourceList configured_sources(const DeviceConfig& config, CourierLink& courier) {
  SourceList sources;
  for (const std::string& url : config.sources) {
    const auto number = static_cast<std::uint16_t>(sources.size());
    const std::string name = shown_url(parse_base_url(url).value_or(url));
    sources.push_back(std::make_unique<CourierFetcher>(courier, number, name, config.fetch));
  }
  return sources;
}

SourceList bundle_source(BundleFile bundle) {
  SourceList sources;
  sources.push_back(std::make_unique<BundleFetcher>(std::move(bundle)));
  return sources;
}

struct DeviceRuntime::Adapters {
  std::unique_ptr<FileStore> store;
  SourceList sources;
  FileSlots slots;
  std::unique_ptr<BootControl> boot;
  DeviceHealth health;
  CommandLink link;
  CommandHooks hooks;
  SystemClock clock = {};
  NoHistory no_history = {};
  std::optional<HistoryLog> history = {};
  std::optional<DeviceData> app_data = {};
  std::optional<Updater> updater = {};
};

DeviceRuntime::DeviceRuntime(std::unique_ptr<Adapters> adapters) : adapters_(std::move(adapters)) {}
DeviceRuntime::~DeviceRuntime() = default;

Updater& DeviceRuntime::updater() {
  return *adapters_->updater;
}

void DeviceRuntime::record_failure(const Error& error) {
  if (!adapters_->history || error.code == ErrorCode::kBusy || error.code == ErrorCode::kUsage) return;
  adapters_->history->record(
      {.kind = EventKind::kFailure, .reason = std::string(failure_code(error.code)), .text = error.message});
}

Result<ReadHistory> read_history(const DeviceConfig& config) {
  return HistoryLog::read(config.data);
}

Result<std::unique_ptr<DeviceRuntime>> DeviceRuntime::open(const DeviceConfig& config, Access access,
                                                           SourceList sources, CourierLink& courier,
                                                           Reporter& reporter) {
  TENON_TRY(std::unique_ptr<FileStore> store,
            access == Access::kAct ? FileStore::open(config.data) : FileStore::open_for_reading(config.data));
  TENON_TRY(std::unique_ptr<BootControl> boot, open_boot_control(config));
  TENON_TRY(const std::string root, read_text_file(config.root));
  RunningImage running_image = read_release_file(config.release_file, reporter);

  auto adapters = std::make_unique<Adapters>(
      Adapters{.store = std::move(store),
               .sources = std::move(sources),
               .slots = FileSlots(config.slots, reporter, "/proc/self/mountinfo", PartitionFinder(), config.recovery),
               .boot = std::move(boot),
               .health = DeviceHealth(courier, config.health),
               .link = CommandLink(config.metered, reporter),
               .hooks = CommandHooks(config.hooks)});
  Adapters& all = *adapters;
  if (access == Access::kAct) {
    const Result<Boot> running = all.boot->running();
    Result<HistoryLog> log = HistoryLog::open(config.data, running ? running->boot_id : "", all.clock, reporter);
    if (log) {
      all.history.emplace(*std::move(log));
    } else {
      reporter.warn("there is no history: " + log.error().message);
    }
  }
  if (config.app_data) all.app_data.emplace(*config.app_data, reporter);
  std::vector<Fetcher*> fetchers;
  for (const std::unique_ptr<Fetcher>& source : all.sources) fetchers.push_back(source.get());
  all.updater.emplace(Ports{.sources = std::move(fetchers),
                            .trust_store = *all.store,
                            .record_store = *all.store,
                            .slots = all.slots,
                            .boot = *all.boot,
                            .clock = all.clock,
                            .health = all.health,
                            .reporter = reporter,
                            .history = all.history ? static_cast<History&>(*all.history) : all.no_history,
                            .link = &all.link,
                            .app_data = all.app_data ? &*all.app_data : nullptr,
                            .hooks = &all.hooks},
                      Device{.product = config.product,
                             .hardware = config.hardware,
                             .channel = config.channel,
                             .embedded_root = to_bytes(root),
                             .device_id = read_device_id(config.id_file),
                             .group = config.group,
                             .window = config.window,
                             .running_image = std::move(running_image),
                             .tries = config.tries,
                             .attempts = config.attempts,
                             .payload_memory = config.payload_memory});
  return std::unique_ptr<DeviceRuntime>(new DeviceRuntime(std::move(adapters)));
}

Result<bool> runs_on_trial(const DeviceConfig& config) {
  TENON_TRY(const std::unique_ptr<BootControl> boot, open_boot_control(config));
  TENON_TRY(const Boot running, boot->running());
  TENON_TRY(const BootRecord record, boot->read());
  return record.of(running.running).state == SlotState::kTrial;
}

}  // namespace tenon::client
