#include <tenon/repo_tools/publish_log.h>

#include <tests/repo_tools/test_writers.h>
#include <tests/repo_tools/workshop.h>

namespace tenon::repo_tools {
namespace {

class PublishLog : public Workshop {
 protected:
  std::vector<LogEntry> log() const {
    const auto entries = read_log(repository());
    EXPECT_TRUE(entries) << entries.error().message;
    return *entries;
  }
};

TEST_F(PublishLog, SaysWhatWasPublishedAndWhoseKeysSigned) {
  EXPECT_EQ(log(), std::vector<LogEntry>());
  publish_release("1.0.0", 1, 1);
  publish_release("1.1.0", 2, 2);
  const std::vector<LogEntry> entries = log();
  ASSERT_EQ(entries.size(), 2u);
  EXPECT_EQ(entries[0].at, kNow);
  EXPECT_EQ(entries[1].timestamp, 2);
  std::map<std::string, LogEntry::Role> roles;
  for (const LogEntry::Role& role : entries[0].roles) roles.emplace(role.role, role);
  EXPECT_EQ(roles.at("root").version, 1);
  EXPECT_EQ(roles.at("releases.demo").signed_by.size(), 2u);
  EXPECT_EQ(roles.at("timestamp").signed_by,
            std::vector<std::string>{timestamp_keys_.front()->public_key().hash_keyid().text()});
  EXPECT_EQ(entries[0].targets.size(), 4u);
  EXPECT_NE(entries[1].to_text().find("releases.demo v2, signed by "), std::string::npos);
  EXPECT_EQ(*LogEntry::parse(as_bytes(json::to_text(entries[1].to_json()))), entries[1]);
}

TEST_F(PublishLog, HasOneLineForAPublicationHoweverOftenItWasCut) {
  publish_release("1.0.0", 1, 1);
  stage_release("1.1.0", 2, 2);
  fs::copy(folder(), temp_ / "before", fs::copy_options::recursive);
  RecordingWriter all(folder());
  ASSERT_TRUE(publish(all));
  for (std::size_t steps = 0; steps < all.steps.size(); ++steps) {
    fs::remove_all(folder());
    fs::copy(temp_ / "before", folder(), fs::copy_options::recursive);
    CutWriter writer(steps);
    ASSERT_FALSE(publish(writer));
    EXPECT_GE(log().size(), *current() == "1.1.0" ? 2u : 1u) << steps;
    ASSERT_TRUE(publish()) << steps;
    EXPECT_EQ(log().size(), 2u) << steps;
  }
}

TEST_F(PublishLog, ThatIsDamagedKeepsNoReleaseBackAndLosesNoLine) {
  publish_release("1.0.0", 1, 1);
  const std::string before(as_text(*hsm::read_file(folder() / "log.jsonl", 1u << 20)));
  ASSERT_TRUE(disk_.put(folder() / "log.jsonl", as_bytes("{\"at\": 7}\n" + before + "half a li")));
  publish_release("1.1.0", 2, 2);
  const std::string after(as_text(*hsm::read_file(folder() / "log.jsonl", 1u << 20)));
  EXPECT_TRUE(after.starts_with("{\"at\": 7}\n" + before + "half a li\n{")) << after;
  const auto entries = read_log(repository());
  EXPECT_EQ(code_of(entries), "E_PARSE");
  EXPECT_NE(entries.error().message.find("line 1"), std::string::npos) << entries.error().message;
}

TEST_F(PublishLog, ThatIsTooLongIsPutAsideAndANewOneBegins) {
  publish_release("1.0.0", 1, 1);
  fs::resize_file(folder() / "log.jsonl", (64u << 20) + 1);
  publish_release("1.1.0", 2, 2);
  EXPECT_EQ(log().size(), 1u);
  EXPECT_EQ(fs::file_size(folder() / "log.jsonl.full"), (64u << 20) + 1);
}

}  // namespace
}  // namespace tenon::repo_tools
