// device.toml and the release file: strict where people write, clear when they err.
#include <tenon/client/config/device_config.h>
#include <tenon/client/daemon/release_file.h>

#include <fstream>
#include <sstream>

#include <gtest/gtest.h>
#include <tests/support/places.h>

namespace tenon::client {
namespace {

const std::string kGood = R"([device]
product = "demo"
hardware = "demo-board"
channel = "stable"
[repository]
url = "http://127.0.0.1"
[slots.A]
rootfs = "/dev/a"
[slots.B]
rootfs = "/dev/b"
[boot]
tries = 2
)";

std::string replaced(std::string text, const std::string& what, const std::string& by) {
  return text.replace(text.find(what), what.size(), by);
}

std::string error_of(const std::string& text) {
  const Result<DeviceConfig> config = DeviceConfig::parse(text, "device.toml");
  EXPECT_FALSE(config);
  if (config) return "";
  EXPECT_EQ(config.error().code, ErrorCode::kUsage);
  return config.error().message;
}

TEST(DeviceConfig, ReadsWhatIsGivenAndKeepsTheDefaultsOfTheRest) {
  const Result<DeviceConfig> config = DeviceConfig::parse(kGood, "device.toml");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->tries, 2u);
  EXPECT_EQ(config->slots.at(SlotGroup::kB).at("rootfs"), "/dev/b");
  EXPECT_EQ(config->data, "/var/lib/tenon");
}

TEST(DeviceConfig, ReadsTheExampleThatIsShipped) {
  std::ifstream file(tests::source_dir() / "examples/device.toml");
  std::stringstream text;
  text << file.rdbuf();
  const Result<DeviceConfig> config = DeviceConfig::parse(text.str(), "device.toml");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->health.size(), 1u);
}

TEST(DeviceConfig, ReadsWhereTheApplicationsDataAreAndWhatChangesThem) {
  EXPECT_FALSE(DeviceConfig::parse(kGood, "device.toml")->app_data);
  const Result<DeviceConfig> config = DeviceConfig::parse(
      kGood + "[app_data]\nfolder = \"/data/app\"\nmigrate = [\"/m\", \"x\"]\ntimeout_seconds = 5\nlimit_mib = 3\n",
      "device.toml");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->app_data->folder, "/data/app");
  EXPECT_EQ(config->app_data->migrate, (std::vector<std::string>{"/m", "x"}));
  EXPECT_EQ(config->app_data->timeout, std::chrono::seconds(5));
  EXPECT_EQ(config->app_data->most_bytes, 3u << 20);
}

// Book: TGT-20
TEST(DeviceConfig, KnowsThreeMomentsForHooksAndNoOther) {
  const auto hook = [](const std::string& lines) { return kGood + "[[hook]]\n" + lines; };
  const Result<DeviceConfig> config =
      DeviceConfig::parse(hook("when = \"rolled_back\"\ncommand = [\"/h\"]\ntimeout_seconds = 5\n"), "device.toml");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->hooks.at(0).when, HookMoment::kRolledBack);
  EXPECT_EQ(config->hooks.at(0).timeout, std::chrono::seconds(5));
  for (const char* when : {"armed", "Staged", "../staged", "staged "}) {
    const std::string error = error_of(hook("when = \"" + std::string(when) + "\"\ncommand = [\"/h\"]\n"));
    EXPECT_NE(error.find("line 14: when is not"), std::string::npos) << error;
  }
  EXPECT_NE(error_of(hook("command = [\"/h\"]\n")).find("[hook] lacks when"), std::string::npos);
  EXPECT_NE(error_of(hook("when = \"staged\"\n")).find("[hook] lacks command"), std::string::npos);
  EXPECT_NE(error_of(hook("when = \"staged\"\ncommand = \"/h\"\n")).find("command is not a list"), std::string::npos);
}

TEST(DeviceConfig, RefusesAFolderOfDataThatIsNoPlainPath) {
  EXPECT_NE(error_of(kGood + "[app_data]\nlimit_mib = 3\n").find("[app_data] lacks folder"), std::string::npos);
  for (const char* folder : {"data/app", "/data\\napp", "/data\\u0000app", "/data\\u001b"}) {
    const std::string error = error_of(kGood + "[app_data]\nfolder = \"" + folder + "\"\n");
    EXPECT_NE(error.find("folder is no path from the root"), std::string::npos) << error;
  }
  EXPECT_NE(error_of(kGood + "[app_data]\nfolder = \"/d\"\nlimit_mib = 0\n").find("limit_mib"), std::string::npos);
  EXPECT_NE(error_of(kGood + "[app_data]\nfolder = \"/d\"\nmigrate = \"sh\"\n").find("migrate"), std::string::npos);
}

TEST(DeviceConfig, TriesTheMirrorsAfterTheUrlInTheirOrder) {
  const std::string text = replaced(kGood, "url = \"http://127.0.0.1\"\n",
                                    "url = \"http://127.0.0.1\"\nmirrors = [\"http://b\", \"https://a\"]\n");
  const Result<DeviceConfig> config = DeviceConfig::parse(text, "device.toml");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->sources, (std::vector<std::string>{"http://127.0.0.1", "http://b", "https://a"}));
  EXPECT_EQ(error_of(replaced(text, "[\"http://b\", \"https://a\"]", "\"http://b\"")),
            "device.toml, line 7: mirrors is not a list of strings");
}

TEST(DeviceConfig, TakesNamesOfPartitionsForSlotsAndRefusesWhatIsNone) {
  const std::string path = "rootfs = \"/dev/b\"";
  const auto config = DeviceConfig::parse(replaced(kGood, path, "rootfs = \"PARTLABEL=rootfs-b\""), "device.toml");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->slots.at(SlotGroup::kB).at("rootfs"), "PARTLABEL=rootfs-b");
  EXPECT_EQ(error_of(replaced(kGood, path, "rootfs = \"PARTUUID=rootfs-b\"")),
            "device.toml, line 10: PARTUUID=rootfs-b is no id that a partition can have");
}

TEST(DeviceConfig, KnowsWhereARecoverySystemLies) {
  EXPECT_TRUE(DeviceConfig::parse(kGood, "device.toml")->recovery.empty());
  const std::string text =
      replaced(kGood, "[slots.B]\n", "[slots.recovery]\nrootfs = \"PARTLABEL=recovery\"\n[slots.B]\n");
  const auto config = DeviceConfig::parse(text, "device.toml");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->recovery.at("rootfs"), "PARTLABEL=recovery");
  EXPECT_EQ(config->slots.size(), 2U);
  EXPECT_NE(error_of(replaced(text, "recovery]", "rescue]")).find("\"rescue\" is not known"), std::string::npos);
}

TEST(DeviceConfig, NamesOneBootloader) {
  const std::string tries = "tries = 2\n";
  const auto with = [&](const std::string& lines) { return replaced(kGood, tries, lines); };
  const Result<DeviceConfig> uboot = DeviceConfig::parse(with("fw_env_config = \"/etc/env\"\n"), "device.toml");
  ASSERT_TRUE(uboot) << uboot.error().message;
  EXPECT_EQ(uboot->fw_env_config, "/etc/env");
  EXPECT_FALSE(uboot->grub_env);
  const Result<DeviceConfig> grub = DeviceConfig::parse(with("grub_env = [\"/efi/a\", \"/efi/b\"]\n"), "device.toml");
  ASSERT_TRUE(grub) << grub.error().message;
  EXPECT_EQ(grub->grub_env, (std::array<std::string, 2>{"/efi/a", "/efi/b"}));
  for (const char* wrong : {"[\"/efi/a\"]", "[\"a\", \"b\", \"c\"]"}) {
    EXPECT_EQ(error_of(with(std::string("grub_env = ") + wrong + "\n")),
              "device.toml, line 12: grub_env does not name two files");
  }
  for (const char* wrong : {"[]", "\"/efi/a\"", "[\"/efi/a\", 2]"}) {
    EXPECT_EQ(error_of(with(std::string("grub_env = ") + wrong + "\n")),
              "device.toml, line 12: grub_env is not a list of strings");
  }
  EXPECT_EQ(error_of(with("fw_env_config = \"/etc/env\"\ngrub_env = [\"/efi/a\", \"/efi/b\"]\n")),
            "device.toml, line 13: grub_env and fw_env_config are both there: a device has one bootloader");
}

// Book: NET-23
TEST(DeviceConfig, SaysHowToGoOverTheNetwork) {
  const Result<DeviceConfig> plain = DeviceConfig::parse(kGood, "device.toml");
  EXPECT_EQ(plain->fetch.proxy, "") << "the environment's is never taken";
  EXPECT_EQ(plain->fetch.most_bytes_per_second, 0U);
  EXPECT_EQ(plain->attempts, 4U);
  const Result<DeviceConfig> config = DeviceConfig::parse(kGood + R"([network]
proxy = "http://user:secret@proxy:3128"
ca_file = "/etc/tenon/ca.pem"
kib_per_second = 64
attempts = 9
not_found = [403, 404]
)",
                                                          "device.toml");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->fetch.proxy, "http://user:secret@proxy:3128");
  EXPECT_EQ(config->fetch.ca_file, "/etc/tenon/ca.pem");
  EXPECT_EQ(config->fetch.most_bytes_per_second, 65'536U);
  EXPECT_EQ(config->attempts, 9U);
  EXPECT_EQ(config->fetch.not_found_statuses, (std::vector<int>{403, 404}));
}

TEST(DeviceConfig, NamesTheLineOfWhatIsWrongAboutTheNetwork) {
  for (const char* line :
       {"proxy = \"proxy:3128\"", "proxy = \"socks5://proxy\"", "proxy = \"http://user:secret@proxy/path\"",
        "proxy = 1", "proxy = \"\"", "ca_file = []", "kib_per_second = 0", "kib_per_second = -1",
        "kib_per_second = 2097153", "kib_per_second = 1.5", "attempts = 0", "attempts = 101", "not_found = []",
        "not_found = 404", "not_found = [200]", "not_found = [500]", "not_found = [\"404\"]", "verify = false"}) {
    const std::string message = error_of(kGood + "[network]\n" + line + "\n");
    EXPECT_TRUE(message.starts_with("device.toml, line 14: ")) << message;
    EXPECT_EQ(message.find("secret"), std::string::npos) << message;
  }
  EXPECT_EQ(error_of("network = 1\n" + kGood), "device.toml, line 1: network is not a table");
}

TEST(DeviceConfig, SaysWhereTheCourierIs) {
  const Result<DeviceConfig> plain = DeviceConfig::parse(kGood, "device.toml");
  EXPECT_EQ(plain->courier_socket, "") << "tenond starts its own";
  EXPECT_EQ(plain->courier_user, "nobody");
  const std::string table = "[courier]\nsocket = \"/run/tenon/courier.sock\"\nuser = \"tenon\"\n";
  const Result<DeviceConfig> config = DeviceConfig::parse(kGood + table, "device.toml");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->courier_socket, "/run/tenon/courier.sock");
  EXPECT_EQ(config->courier_user, "tenon");
  for (const char* line : {"socket = \"courier.sock\"", "socket = \"\"", "socket = 1", "user = \"\"", "port = 80"}) {
    const std::string message = error_of(kGood + "[courier]\n" + line + "\n");
    EXPECT_TRUE(message.starts_with("device.toml, line 14: ")) << message;
  }
}

TEST(DeviceConfig, NamesTheLineOfAnAddressThatIsNone) {
  for (const char* url :
       {"ftp://host", "host/path", "http://", "http://user@", "http://host/?query", "http://host/#x"}) {
    const std::string text = replaced(kGood, "url = \"http://127.0.0.1\"", "url = \"" + std::string(url) + "\"");
    EXPECT_TRUE(error_of(text).starts_with("device.toml, line 6: the repository's address ")) << url;
  }
  const std::string mirror = "url = \"http://127.0.0.1\"\nmirrors = [\"http://good\", \"http://user:secret@\"]";
  const std::string message = error_of(replaced(kGood, "url = \"http://127.0.0.1\"", mirror));
  EXPECT_TRUE(message.starts_with("device.toml, line 7: ")) << message;
  EXPECT_EQ(message.find("secret"), std::string::npos) << message;
}

// Book: DELTA-10
TEST(DeviceConfig, SaysWhatMemoryDeltasMayTake) {
  EXPECT_EQ(DeviceConfig::parse(kGood, "")->payload_memory, 32U << 20);
  EXPECT_EQ(DeviceConfig::parse(kGood + "[payloads]\nmemory_mib = 5\n", "")->payload_memory, 5U << 20);
  for (const char* line : {"memory_mib = 0", "memory_mib = 4097", "memory_mib = \"5\"", "memory = 5"}) {
    EXPECT_TRUE(error_of(kGood + "[payloads]\n" + line + "\n").starts_with("device.toml, line 14: ")) << line;
  }
}

TEST(DeviceConfig, SaysWhenToInstall) {
  const Result<DeviceConfig> plain = DeviceConfig::parse(kGood, "");
  EXPECT_FALSE(plain->window);
  EXPECT_TRUE(plain->metered.empty());
  const Result<DeviceConfig> config = DeviceConfig::parse(
      kGood + "[check]\nwindow = \"23:00-01:00\"\nmetered = [\"/usr/bin/is-metered\", \"wwan0\"]\n", "");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->window, (policies::MaintenanceWindow{.opens_minute = 23 * 60, .length_minutes = 120}));
  EXPECT_EQ(config->metered, (std::vector<std::string>{"/usr/bin/is-metered", "wwan0"}));
}

TEST(DeviceConfig, NamesTheLineOfAMomentThatIsNone) {
  const auto error = [](const std::string& line) { return error_of(kGood + "[check]\n" + line + "\n"); };
  EXPECT_EQ(error("window = \"2-4\""),
            "device.toml, line 14: window 2-4 is no window of the day in UTC, as \"02:00-04:00\"");
  EXPECT_EQ(error("window = \"02:00-02:00\""),
            "device.toml, line 14: window 02:00-02:00 opens and closes at the same minute");
  EXPECT_EQ(error("window = \"\""), "device.toml, line 14: window is not a string");
  EXPECT_EQ(error("window = [\"02:00-04:00\"]"), "device.toml, line 14: window is not a string");
  EXPECT_EQ(error("metered = true"), "device.toml, line 14: metered is not a list of strings");
  EXPECT_EQ(error("metered = []"), "device.toml, line 14: metered is not a list of strings");
  EXPECT_EQ(error("windows = \"02:00-04:00\""), "device.toml, line 14: \"windows\" is not known in [check]");
}

TEST(DeviceConfig, KnowsTheGroupAndWhereTheIdOfTheDeviceStands) {
  const Result<DeviceConfig> plain = DeviceConfig::parse(kGood, "device.toml");
  EXPECT_EQ(plain->id_file, "/etc/machine-id");
  EXPECT_FALSE(plain->group);
  const Result<DeviceConfig> config = DeviceConfig::parse(
      replaced(kGood, "channel = \"stable\"\n", "channel = \"stable\"\ngroup = \"lab\"\nid_file = \"/data/id\"\n"), "");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->group->text(), "lab");
  EXPECT_EQ(config->id_file, "/data/id");
  error_of(replaced(kGood, "channel = \"stable\"\n", "channel = \"stable\"\ngroup = \"a b\"\n"));
  using namespace std::string_view_literals;
  for (const std::string_view text : {"0123"sv, "0123\n"sv, "0123\r\n4"sv, "0123\0"sv, "0123\0004"sv}) {
    EXPECT_EQ(device_id_in(text), "0123");
  }
  EXPECT_EQ(device_id_in("\n0123"), "");
}

TEST(DeviceConfig, NamesTheLineOfAKeyThatIsNotKnown) {
  EXPECT_EQ(error_of(replaced(kGood, "tries = 2", "trys = 2")),
            "device.toml, line 12: \"trys\" is not known in [boot]");
}

TEST(DeviceConfig, NamesTheLineOfASyntaxError) {
  EXPECT_NE(error_of(replaced(kGood, "tries = 2", "tries = ")).find("line 12"), std::string::npos);
}

TEST(DeviceConfig, RefusesATableThatIsNotKnown) {
  EXPECT_NE(error_of(kGood + "[colour]\n").find("\"colour\" is not known"), std::string::npos);
}

TEST(DeviceConfig, RefusesAMissingAddress) {
  EXPECT_NE(error_of(replaced(kGood, "url = \"http://127.0.0.1\"\n", "")).find("lacks url"), std::string::npos);
}

TEST(DeviceConfig, RefusesADeviceWithOneSlotGroup) {
  EXPECT_NE(error_of(replaced(kGood, "[slots.B]\nrootfs = \"/dev/b\"\n", "")).find("[B] is missing"),
            std::string::npos);
}

TEST(DeviceConfig, RefusesMoreTriesThanABootScriptCounts) {
  EXPECT_NE(error_of(replaced(kGood, "tries = 2", "tries = 10")).find("1 to 9"), std::string::npos);
}

TEST(DeviceConfig, RefusesAHealthCheckWithoutACommand) {
  EXPECT_NE(error_of(kGood + "[[health]]\nname = \"x\"\n").find("lacks command"), std::string::npos);
}

TEST(DeviceConfig, RefusesAProductNameThatCouldLeaveItsFolder) {
  EXPECT_NE(error_of(replaced(kGood, "\"demo\"", "\"../demo\"")).find("product"), std::string::npos);
}

TEST(ReleaseFile, ReadsOurKeysAndLeavesOthersAlone) {
  const auto image = parse_release_file(
      "# a comment\nPRETTY_NAME=\"x "
      "y\"\nTENON_VERSION=\"1.2.0\"\nTENON_SEQUENCE=7\nTENON_BUILD_TIME=2026-01-01T00:00:00Z\n");
  ASSERT_TRUE(image) << image.error().message;
  EXPECT_EQ(image->version->text(), "1.2.0");
  EXPECT_EQ(image->sequence->value(), 7);
  EXPECT_EQ(image->build_time->text(), "2026-01-01T00:00:00Z");
}

TEST(ReleaseFile, RefusesASequenceThatIsNone) {
  for (const char* text : {"TENON_SEQUENCE=0\n", "TENON_SEQUENCE=-1\n", "TENON_SEQUENCE=1.5\n", "TENON_SEQUENCE=\n"}) {
    EXPECT_FALSE(parse_release_file(text)) << text;
  }
}

TEST(ReleaseFile, SaysNothingForAnEmptyFile) {
  EXPECT_FALSE(parse_release_file("")->sequence);
}

}  // namespace
}  // namespace tenon::client
