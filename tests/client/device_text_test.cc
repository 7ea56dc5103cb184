#include <tenon/client/ctl/device_text.h>

#include <gtest/gtest.h>

namespace tenon::tests {
namespace {

json::Object answer(std::string_view text) {
  return *json::parse({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()})->object();
}

TEST(DeviceText, TellsAPlan) {
  EXPECT_EQ(client::plan_text(answer(R"({"text":"1.2.0 (sequence 3) is to be installed","version":"1.2.0","sequence":3,
      "plan":{"group":"B","bytes_per_second":100000,"images":[{"slot":"rootfs","bytes":400000,"write_bytes":400000,
      "payloads":[{"kind":"delta","file":"rootfs.1.delta","fetch_bytes":20000,"memory_bytes":4300000,"fetch_seconds":1},
                  {"kind":"full","file":"rootfs.full","fetch_bytes":400000,"memory_bytes":100000,"fetch_seconds":4}],
      "passed_over":[{"kind":"delta","file":"rootfs.0.delta","why":"the slot that runs does not hold its base"}]}]}})")),
            "1.2.0 (sequence 3) is to be installed\n1.2.0 (sequence 3) into slot group B\n"
            "rootfs: 0.4 MiB, 0.4 MiB to write\n"
            "  take   delta rootfs.1.delta: 0.0 MiB to fetch, 1 s at 0.1 MiB/s, 4.1 MiB of memory\n"
            "  or     full rootfs.full: 0.4 MiB to fetch, 4 s at 0.1 MiB/s, 0.1 MiB of memory\n"
            "  not    delta rootfs.0.delta: the slot that runs does not hold its base\n");
  EXPECT_EQ(client::plan_text(answer(R"({"text":"up to date","plan":{"group":"B","images":[]}})")), "up to date\n");
}

TEST(DeviceText, TellsTheStatus) {
  EXPECT_EQ(client::status_text(answer(R"({"device":{"product":"p","hardware":"h","channel":"stable"},"running":"A",
      "next_boot":"B","groups":{"A":{"state":"good","version":"1.0"},"B":{"state":"trial","tries_left":2,"version":"1.1"}},
      "update":{"state":"armed","version":"1.1"},"last_result":"1.0 confirmed",
      "quarantine":[{"version":"0.9","reason":"no network"}],"floors":{"confirmed_sequence":3,"signed_floor":1}})")),
            "p, hardware h, channel stable\n"
            "group A    good, 1.0  <- running\n"
            "group B    trial, 2 tries left, 1.1  <- next boot\n"
            "update     armed, 1.1\nlast       1.0 confirmed\nquarantine 0.9: no network\nfloor      sequence 3\n");
}

TEST(DeviceText, TellsWhatTheDoctorFinds) {
  EXPECT_EQ(client::doctor_text(answer(R"({"problems":1,"warnings":0,"checks":[
      {"check":"clock","grade":"ok","text":"2026-11-30T12:00:00Z","advice":""},
      {"check":"boot_record","grade":"problem","text":"neither copy is whole\u001b[2J","advice":"make them"}]})")),
            "ok       clock: 2026-11-30T12:00:00Z\n"
            "problem  boot_record: neither copy is whole\\x1b[2J\n         what to do: make them\n"
            "problems: 1, warnings: 0\n");
}

TEST(DeviceText, TellsWhatWaitsAndUntilWhen) {
  const auto lines = [](std::string_view wishes) {
    const std::string text = client::status_text(answer(wishes));
    const std::size_t from = text.find("update     \n") + 12;
    return text.substr(from, text.find("floor") - from);
  };
  EXPECT_EQ(lines(R"({"deferred_until":null,"window":null})"), "");
  EXPECT_EQ(lines(R"({"deferred_until":"2026-12-01T00:00:00Z",
      "window":{"daily":"02:00-04:00","is_open":false,"opens":"2026-12-01T02:00:00Z"}})"),
            "deferred   until 2026-12-01T00:00:00Z\nwindow     02:00-04:00 UTC, opens 2026-12-01T02:00:00Z\n");
  EXPECT_EQ(lines(R"({"window":{"daily":"02:00-04:00","is_open":true,"opens":"2026-12-01T02:00:00Z"}})"),
            "window     02:00-04:00 UTC, open now\n");
  EXPECT_EQ(lines(R"({"window":{"daily":"02:00-04:00","is_open":false,"opens":null}})"),
            "window     02:00-04:00 UTC, closed: the clock is not to be trusted\n");
  EXPECT_EQ(client::defer_text(answer(R"({"until":null,"armed":""})")), "updates wait for nobody any more\n");
  EXPECT_EQ(client::defer_text(answer(R"({"until":"2026-12-01T00:00:00Z","armed":"1.1"})")),
            "updates wait until 2026-12-01T00:00:00Z, unless the channel says that they are urgent\n"
            "1.1 is armed and stays so: any reboot tries it, unless you take it back: tenon rollback\n");
}

// Book: RES-07
TEST(DeviceText, ShowsWhatOthersWroteSafely) {
  const std::string text = client::status_text(answer(R"({"last_result":"\u001b[2J \u202e gone"})"));
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  EXPECT_EQ(text.find("\u202e"), std::string::npos);
}

TEST(DeviceText, LeavesOutWhatAnAnswerLacks) {
  EXPECT_FALSE(client::status_text({}).empty());
  EXPECT_FALSE(client::plan_text({}).empty());
}

}  // namespace
}  // namespace tenon::tests
