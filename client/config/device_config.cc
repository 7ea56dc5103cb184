#include <tenon/client/config/device_config.h>
#include <tenon/client/config/text_file.h>
#include <tenon/client/slots/partition_name.h>
#include <tenon/client/transport/http_url.h>
#include <tenon/metadata/utf8.h>

#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <set>
#include <sstream>

#include <toml++/toml.h>

namespace tenon::client {
namespace {

constexpr std::uint32_t kMostKibPerSecond = 1u << 21;  // 2 GiB: more is no limit
constexpr std::uint32_t kMostMemoryMib = 1u << 12;
constexpr std::size_t kMostSources = 100;     // each failure of all of them is told in one message
constexpr std::uint32_t kMostAttempts = 100;  // hours: a cycle must end, so that `tenon` has its turn

// Table reads the keys of one table and refuses those that nobody asked for.
class Table {
 public:
  Table(const toml::table& table, std::string name, const std::string& file)
      : table_(&table), name_(std::move(name)), file_(&file) {}

  Error error(const toml::node& node, const std::string& message) const {
    return Error{ErrorCode::kUsage, *file_ + ", line " + std::to_string(node.source().begin.line) + ": " + message};
  }
  Error missing(std::string_view key) const { return error(*table_, "[" + name_ + "] lacks " + std::string(key)); }

  const toml::node* find(std::string_view key) {
    asked_.emplace(key);
    return table_->get(key);
  }

  Result<void> string(std::string_view key, std::string& value) {
    const toml::node* node = find(key);
    if (node == nullptr) return {};
    const auto* text = node->as_string();
    if (text == nullptr || text->get().empty()) return error(*node, std::string(key) + " is not a string");
    value = text->get();
    return {};
  }

  Result<policies::Label> label(std::string_view key) {
    const toml::node* node = find(key);
    if (node == nullptr) return missing(key);
    const std::optional<std::string> text = node->value_exact<std::string>();
    if (!text) return error(*node, std::string(key) + " is not a string");
    Result<policies::Label> label = policies::Label::parse(*text);
    if (!label) return error(*node, std::string(key) + " " + label.error().message);
    return label;
  }

  Result<void> positive(std::string_view key, std::uint32_t& value, std::uint32_t most) {
    const toml::node* node = find(key);
    if (node == nullptr) return {};
    const std::optional<std::int64_t> number = node->value_exact<std::int64_t>();
    if (!number || *number < 1 || *number > most) {
      return error(*node, std::string(key) + " is not an integer from 1 to " + std::to_string(most));
    }
    value = static_cast<std::uint32_t>(*number);
    return {};
  }

  Result<void> strings(std::string_view key, std::vector<std::string>& value) {
    const toml::node* node = find(key);
    if (node == nullptr) return {};
    const toml::array* entries = node->as_array();
    if (entries == nullptr || entries->empty()) return error(*node, std::string(key) + " is not a list of strings");
    for (const toml::node& entry : *entries) {
      const std::optional<std::string> text = entry.value_exact<std::string>();
      if (!text) return error(entry, std::string(key) + " is not a list of strings");
      value.push_back(*text);
    }
    return {};
  }

  // statuses of HTTP that say something about one file.
  Result<void> statuses(std::string_view key, std::vector<int>& value) {
    const toml::node* node = find(key);
    if (node == nullptr) return {};
    const toml::array* entries = node->as_array();
    if (entries == nullptr || entries->empty()) return error(*node, std::string(key) + " is not a list of statuses");
    for (const toml::node& entry : *entries) {
      const std::optional<std::int64_t> number = entry.value_exact<std::int64_t>();
      if (!number || *number < 400 || *number > 499) {
        return error(entry, std::string(key) + " holds something that is no status from 400 to 499");
      }
      value.push_back(static_cast<int>(*number));
    }
    return {};
  }

  // table gives null for an absent one.
  Result<const toml::table*> table(std::string_view key) {
    const toml::node* node = find(key);
    if (node == nullptr) return nullptr;
    if (const toml::table* inner = node->as_table()) return inner;
    return error(*node, std::string(key) + " is not a table");
  }

  Result<void> finish() const {
    for (const auto& [key, node] : *table_) {
      if (!asked_.contains(key.str())) {
        return error(node,
                     "\"" + std::string(key.str()) + "\" is not known" + (name_.empty() ? "" : " in [" + name_ + "]"));
      }
    }
    return {};
  }

  const toml::table& all() const { return *table_; }

 private:
  const toml::table* table_;
  std::string name_;
  const std::string* file_;
  std::set<std::string, std::less<>> asked_;
};

Result<Table> required_table(Table& parent, std::string_view key, const std::string& file) {
  TENON_TRY(const toml::table* inner, parent.table(key));
  if (inner == nullptr) return Error{ErrorCode::kUsage, file + ": the table [" + std::string(key) + "] is missing"};
  return Table(*inner, std::string(key), file);
}

Result<void> read_network(const toml::table& network, const std::string& file, DeviceConfig& config) {
  Table table(network, "network", file);
  std::uint32_t kib_per_second = 0;
  std::vector<int> not_found;
  TENON_TRY_VOID(table.string("proxy", config.fetch.proxy));
  TENON_TRY_VOID(table.string("ca_file", config.fetch.ca_file));
  TENON_TRY_VOID(table.positive("kib_per_second", kib_per_second, kMostKibPerSecond));
  TENON_TRY_VOID(table.positive("attempts", config.attempts, kMostAttempts));
  TENON_TRY_VOID(table.statuses("not_found", not_found));
  if (!config.fetch.proxy.empty()) {
    if (const auto proxy = parse_proxy_url(config.fetch.proxy); !proxy) {
      return table.error(*table.find("proxy"), proxy.error().message);
    }
  }
  config.fetch.most_bytes_per_second = std::uint64_t{kib_per_second} * 1024;
  if (!not_found.empty()) config.fetch.not_found_statuses = std::move(not_found);
  return table.finish();
}

Result<void> read_sources(Table& repository, DeviceConfig& config) {
  std::string url;
  std::vector<std::string> mirrors;
  TENON_TRY_VOID(repository.string("url", url));
  TENON_TRY_VOID(repository.strings("mirrors", mirrors));
  if (url.empty()) return repository.missing("url");
  config.sources.push_back(std::move(url));
  config.sources.insert(config.sources.end(), mirrors.begin(), mirrors.end());
  if (config.sources.size() > kMostSources) {
    return repository.error(*repository.find("mirrors"), "more addresses than " + std::to_string(kMostSources));
  }
  for (const std::string& source : config.sources) {
    if (const auto base = parse_base_url(source); !base) {
      const std::string_view key = &source == &config.sources.front() ? "url" : "mirrors";
      return repository.error(*repository.find(key), base.error().message).with_hint(base.error().hint);
    }
  }
  return {};
}

Result<void> read_courier(const toml::table& courier, const std::string& file, DeviceConfig& config) {
  Table table(courier, "courier", file);
  TENON_TRY_VOID(table.string("socket", config.courier_socket));
  TENON_TRY_VOID(table.string("user", config.courier_user));
  if (!config.courier_socket.empty() && !config.courier_socket.starts_with('/')) {
    return table.error(*table.find("socket"), "socket is no path from the root");
  }
  return table.finish();
}

Result<KeptPaths> read_places(Table& classes) {
  KeptPaths places;
  for (const auto& [key, node] : classes.all()) {
    std::string path;
    TENON_TRY_VOID(classes.string(key.str(), path));
    if (const auto name = PartitionName::parse(path); !name) return classes.error(node, name.error().message);
    places.emplace(key.str(), std::move(path));
  }
  if (places.empty()) return classes.error(classes.all(), "a slot group has no slot");
  return places;
}

Result<void> read_slots(Table& top, const std::string& file, DeviceConfig& config) {
  TENON_TRY(Table groups, required_table(top, "slots", file));
  for (const SlotGroup group : {SlotGroup::kA, SlotGroup::kB}) {
    TENON_TRY(Table classes, required_table(groups, to_string(group), file));
    TENON_TRY(config.slots[group], read_places(classes));
  }
  TENON_TRY(const toml::table* recovery, groups.table("recovery"));
  if (recovery != nullptr) {
    Table classes(*recovery, "recovery", file);
    TENON_TRY(config.recovery, read_places(classes));
  }
  return groups.finish();
}

Result<void> read_boot(Table& top, const std::string& file, DeviceConfig& config) {
  TENON_TRY(Table boot, required_table(top, "boot", file));
  std::vector<std::string> blocks;
  TENON_TRY_VOID(boot.strings("grub_env", blocks));
  if (const toml::node* grub_env = boot.find("grub_env")) {
    if (blocks.size() != 2) return boot.error(*grub_env, "grub_env does not name two files");
    if (boot.find("fw_env_config") != nullptr) {
      return boot.error(*grub_env, "grub_env and fw_env_config are both there: a device has one bootloader");
    }
    config.grub_env = {blocks[0], blocks[1]};
  }
  TENON_TRY_VOID(boot.string("fw_env_config", config.fw_env_config));
  TENON_TRY_VOID(boot.string("cmdline", config.cmdline));
  TENON_TRY_VOID(boot.string("boot_id", config.boot_id));
  TENON_TRY_VOID(boot.positive("tries", config.tries, 9));
  TENON_TRY_VOID(boot.strings("reboot", config.reboot));
  return boot.finish();
}

Result<void> read_check(Table& check, DeviceConfig& config) {
  std::string window;
  TENON_TRY_VOID(check.positive("interval_minutes", config.interval_minutes, 60 * 24 * 30));
  TENON_TRY_VOID(check.string("window", window));
  TENON_TRY_VOID(check.strings("metered", config.metered));
  if (!window.empty()) {
    const auto read = policies::MaintenanceWindow::parse(window);
    if (!read) return check.error(*check.find("window"), "window " + printable(window) + " " + read.error().message);
    config.window = *read;
  }
  return check.finish();
}

// The tables of [[name]].
Result<std::vector<Table>> list_of_tables(Table& top, const std::string& name, const std::string& file) {
  std::vector<Table> tables;
  const toml::node* node = top.find(name);
  if (node == nullptr) return tables;
  const std::string complaint = name + " is not a list of tables: write [[" + name + "]]";
  const toml::array* entries = node->as_array();
  if (entries == nullptr) return top.error(*node, complaint);
  for (const toml::node& entry : *entries) {
    if (!entry.is_table()) return top.error(entry, complaint);
    tables.emplace_back(*entry.as_table(), name, file);
  }
  return tables;
}

Result<std::vector<HealthCommand>> read_health(Table& top, const std::string& file) {
  std::vector<HealthCommand> commands;
  TENON_TRY(std::vector<Table> tables, list_of_tables(top, "health", file));
  for (Table& table : tables) {
    HealthCommand command;
    std::uint32_t timeout_seconds = 60;
    TENON_TRY_VOID(table.string("name", command.name));
    TENON_TRY_VOID(table.strings("command", command.argv));
    TENON_TRY_VOID(table.positive("timeout_seconds", timeout_seconds, 3600));
    if (command.name.empty()) return table.missing("name");
    if (command.argv.empty()) return table.missing("command");
    TENON_TRY_VOID(table.finish());
    command.timeout = std::chrono::seconds(timeout_seconds);
    commands.push_back(std::move(command));
  }
  return commands;
}

Result<std::vector<HookCommand>> read_hooks(Table& top, const std::string& file) {
  std::vector<HookCommand> commands;
  TENON_TRY(std::vector<Table> tables, list_of_tables(top, "hook", file));
  for (Table& table : tables) {
    HookCommand command;
    std::string when;
    std::uint32_t timeout_seconds = 60;
    TENON_TRY_VOID(table.string("when", when));
    TENON_TRY_VOID(table.strings("command", command.argv));
    TENON_TRY_VOID(table.positive("timeout_seconds", timeout_seconds, 3600));
    if (when.empty()) return table.missing("when");
    if (command.argv.empty()) return table.missing("command");
    TENON_TRY_VOID(table.finish());
    constexpr std::array kMoments = {HookMoment::kStaged, HookMoment::kConfirmed, HookMoment::kRolledBack};
    const auto* const moment = std::ranges::find_if(kMoments, [&](HookMoment one) { return to_string(one) == when; });
    if (moment == kMoments.end()) {
      return table.error(*table.find("when"), "when is not \"staged\", \"confirmed\" or \"rolled_back\"");
    }
    command.when = *moment;
    command.timeout = std::chrono::seconds(timeout_seconds);
    commands.push_back(std::move(command));
  }
  return commands;
}

Result<AppDataConfig> read_app_data(const toml::table& app_data, const std::string& file) {
  constexpr std::uint32_t kMostMib = 1u << 30;
  Table table(app_data, "app_data", file);
  AppDataConfig config;
  std::uint32_t timeout_seconds = 600;
  std::uint32_t limit_mib = kMostMib;
  TENON_TRY_VOID(table.string("folder", config.folder));
  TENON_TRY_VOID(table.strings("migrate", config.migrate));
  TENON_TRY_VOID(table.positive("timeout_seconds", timeout_seconds, 24 * 3600));
  TENON_TRY_VOID(table.positive("limit_mib", limit_mib, kMostMib));
  if (config.folder.empty()) return table.missing("folder");
  if (!config.folder.starts_with('/') || has_control_characters(config.folder)) {
    return table.error(*table.find("folder"), "folder is no path from the root");
  }
  TENON_TRY_VOID(table.finish());
  config.timeout = std::chrono::seconds(timeout_seconds);
  config.most_bytes = std::uint64_t{limit_mib} << 20;
  return config;
}

Result<DeviceConfig> read_config(const toml::table& document, const std::string& file) {
  Table top(document, "", file);
  TENON_TRY(Table device, required_table(top, "device", file));
  TENON_TRY(const policies::Label product, device.label("product"));
  TENON_TRY(const policies::Label hardware, device.label("hardware"));
  TENON_TRY(const policies::Label channel, device.label("channel"));
  DeviceConfig config{product, hardware, channel};
  if (device.find("group") != nullptr) {
    TENON_TRY(config.group, device.label("group"));
  }
  TENON_TRY_VOID(device.string("id_file", config.id_file));
  TENON_TRY_VOID(device.string("data", config.data));
  TENON_TRY_VOID(device.string("release_file", config.release_file));
  TENON_TRY_VOID(device.finish());

  TENON_TRY(Table repository, required_table(top, "repository", file));
  TENON_TRY_VOID(read_sources(repository, config));
  TENON_TRY_VOID(repository.string("root", config.root));
  TENON_TRY_VOID(repository.finish());

  TENON_TRY(const toml::table* network, top.table("network"));
  if (network != nullptr) TENON_TRY_VOID(read_network(*network, file, config));
  TENON_TRY(const toml::table* courier, top.table("courier"));
  if (courier != nullptr) TENON_TRY_VOID(read_courier(*courier, file, config));

  TENON_TRY_VOID(read_slots(top, file, config));
  TENON_TRY_VOID(read_boot(top, file, config));

  TENON_TRY(const toml::table* payloads_table, top.table("payloads"));
  if (payloads_table != nullptr) {
    Table payloads(*payloads_table, "payloads", file);
    auto memory_mib = static_cast<std::uint32_t>(config.payload_memory >> 20);
    TENON_TRY_VOID(payloads.positive("memory_mib", memory_mib, kMostMemoryMib));
    config.payload_memory = std::uint64_t{memory_mib} << 20;
    TENON_TRY_VOID(payloads.finish());
  }
  TENON_TRY(const toml::table* check_table, top.table("check"));
  if (check_table != nullptr) {
    Table check(*check_table, "check", file);
    TENON_TRY_VOID(read_check(check, config));
  }
  TENON_TRY(const toml::table* control_table, top.table("control"));
  if (control_table != nullptr) {
    Table control(*control_table, "control", file);
    TENON_TRY_VOID(control.string("socket", config.control_socket));
    TENON_TRY_VOID(control.string("group", config.control_group));
    if (config.control_socket.empty()) return control.missing("socket");
    if (!config.control_socket.starts_with('/')) {
      return control.error(*control.find("socket"), "socket is no path from the root");
    }
    TENON_TRY_VOID(control.finish());
  }
  TENON_TRY(config.health, read_health(top, file));
  TENON_TRY(config.hooks, read_hooks(top, file));
  TENON_TRY(const toml::table* app_data, top.table("app_data"));
  if (app_data != nullptr) {
    TENON_TRY(config.app_data, read_app_data(*app_data, file));
  }
  TENON_TRY_VOID(top.finish());
  return config;
}

}  // namespace

Result<DeviceConfig> DeviceConfig::parse(std::string_view text, const std::string& file_name) {
  try {
    const toml::table document = toml::parse(text, file_name);
    return read_config(document, file_name);
  } catch (const toml::parse_error& problem) {
    return Error{ErrorCode::kUsage, file_name + ", line " + std::to_string(problem.source().begin.line) + ": " +
                                        std::string(problem.description())};
  }
}

Result<DeviceConfig> DeviceConfig::load(const std::string& path) {
  const Result<std::string> text = read_text_file(path);
  if (text) return parse(*text, path);
  return Error{ErrorCode::kUsage, text.error().message}.with_hint(
      "name the device's configuration with --config; examples/device.toml shows one");
}

std::string device_id_in(std::string_view text) {
  constexpr std::string_view kEnds("\r\n\0", 3);
  return std::string(text.substr(0, text.find_first_of(kEnds)));
}

}  // namespace tenon::client
