#include <tenon/hsm/file_io.h>
#include <tenon/keyctl/audit_commands.h>
#include <tenon/keyctl/audit_log.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <tests/keyctl/ceremony_builder.h>
#include <tests/support/scratch_folder.h>

namespace tenon::keyctl {
namespace {

struct Log {
  tests::ScratchFolder folder;
  std::filesystem::path path = folder.path() / "audit.log";
  AuditLog log{path};

  void add(const std::string& event) {
    json::Object data;
    data.set("repository", "acme-fw");
    ASSERT_TRUE(log.append(event, data, kNow));
  }
  void add_some(int count) {
    for (int i = 0; i < count; ++i) add("event " + std::to_string(i));
  }
  std::string content() const { return std::string(as_text(*hsm::read_file(path, 1u << 20))); }
  void put(const std::string& text) const { std::ofstream(path, std::ios::trunc) << text; }
  std::vector<std::string> lines() const {
    std::vector<std::string> lines;
    std::string rest = content();
    for (std::size_t end; (end = rest.find('\n')) != rest.npos; rest.erase(0, end + 1))
      lines.push_back(rest.substr(0, end));
    return lines;
  }
  void put_lines(const std::vector<std::string>& lines) const {
    std::string text;
    for (const std::string& line : lines) text += line + "\n";
    put(text);
  }
};

TEST(AuditLog, IsEmptyWithZerosBeforeItBegins) {
  Log one;
  const Result<AuditState> state = one.log.read();
  ASSERT_TRUE(state);
  EXPECT_EQ(state->lines, 0u);
  EXPECT_EQ(state->head, Sha256());
}

TEST(AuditLog, ChainsEveryLineToTheOneBefore) {
  Log one;
  one.add_some(3);
  const Result<AuditState> state = one.log.read();
  ASSERT_TRUE(state) << state.error().message;
  ASSERT_EQ(state->entries.size(), 3u);
  EXPECT_EQ(state->entries[2].event, "event 2");
  EXPECT_EQ(state->head, Sha256::of(as_bytes(one.lines().back())));
  EXPECT_EQ(std::filesystem::status(one.path).permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
}

TEST(AuditLog, NoticesAnyChangedByte) {
  Log one;
  one.add_some(3);
  const std::string good = one.content();
  for (std::size_t at = 0; at < good.size(); ++at) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 1);
    one.put(bad);
    const Result<AuditState> state = one.log.read();
    ASSERT_FALSE(state) << at;
    ASSERT_EQ(state.error().code, ErrorCode::kMismatch) << at;
  }
}

TEST(AuditLog, NoticesLinesThatGoComeOrChangePlaces) {
  Log one;
  one.add_some(4);
  const std::vector<std::string> good = one.lines();
  const auto refuses = [&](const std::vector<std::string>& lines) {
    one.put_lines(lines);
    const Result<AuditState> state = one.log.read();
    return !state && state.error().code == ErrorCode::kMismatch &&
           state.error().message.find("does not follow") != std::string::npos;
  };
  EXPECT_TRUE(refuses({good[1], good[2], good[3]}));
  EXPECT_TRUE(refuses({good[0], good[2], good[3]}));
  EXPECT_TRUE(refuses({good[0], good[1], good[1], good[2], good[3]}));
  EXPECT_TRUE(refuses({good[0], good[2], good[1], good[3]}));
  EXPECT_TRUE(refuses({good[0], "", good[1]}));
  EXPECT_TRUE(refuses({good[0], "{}", good[1]}));
  EXPECT_FALSE(refuses(good));
}

// What a cut can leave behind is forgiven, one line; more is not.
TEST(AuditLog, NoticesThatItsEndIsGone) {
  Log one;
  one.add_some(4);
  const std::vector<std::string> good = one.lines();
  for (std::size_t left = 0; left < 4; ++left) {
    one.put_lines({good.begin(), good.begin() + static_cast<std::ptrdiff_t>(left)});
    EXPECT_FALSE(one.log.read()) << left;
  }
  std::filesystem::remove(one.path);
  EXPECT_FALSE(one.log.read());
}

TEST(AuditLog, NoticesThatItsHeadIsGoneOrIsNone) {
  Log one;
  one.add_some(3);
  const std::filesystem::path head = one.path.native() + ".head";
  std::filesystem::remove(head);
  EXPECT_EQ(one.log.read().error().code, ErrorCode::kMismatch);
  for (const char* text : {"", "00", "zz"}) {
    std::ofstream(head, std::ios::trunc) << text;
    EXPECT_FALSE(one.log.read()) << text;
  }
}

// Minutes quote the head: whoever can write both files is caught by paper alone.
TEST(AuditLog, HasAnotherHeadWhenItsEndAndItsHeadAreRewritten) {
  Log one;
  one.add_some(3);
  const Sha256 quoted = one.log.read()->head;
  std::vector<std::string> lines = one.lines();
  lines.pop_back();
  one.put_lines(lines);
  std::ofstream(one.path.native() + ".head", std::ios::trunc) << Sha256::of(as_bytes(lines.back())).hex();
  const Result<AuditState> state = one.log.read();
  ASSERT_TRUE(state);
  EXPECT_NE(state->head, quoted);
}

// The head is written after the line, so a cut leaves a line or a part of one behind the head.
// Book: KEYT-24
TEST(AuditLog, GoesOnOverALineThatAPowerCutTore) {
  Log one;
  one.add_some(1);
  const std::filesystem::path head_file = one.path.native() + ".head";
  const std::string head(as_text(*hsm::read_file(head_file, 64)));
  one.add("cut off");
  const std::string good = one.content();
  const std::size_t last_line = good.find('\n') + 1;
  for (std::size_t cut = last_line; cut <= good.size(); ++cut) {
    one.put(good.substr(0, cut));
    std::ofstream(head_file, std::ios::trunc) << head;
    ASSERT_TRUE(one.log.read()) << cut;
    one.add("after the cut");
    const Result<AuditState> state = one.log.read();
    ASSERT_TRUE(state) << cut << state.error().message;
    const bool is_torn = cut > last_line && cut + 1 < good.size();  // without its end of line it is whole
    ASSERT_EQ(state->torn, is_torn ? std::vector<std::uint64_t>{2} : std::vector<std::uint64_t>{}) << cut;
    ASSERT_EQ(state->lines, cut == last_line ? 2u : 3u);
    ASSERT_EQ(state->entries.back().event, "after the cut");
    if (cut == last_line) continue;
    // The torn line cannot be taken out or mended afterwards.
    std::vector<std::string> lines = one.lines();
    lines.erase(lines.begin() + 1);
    one.put_lines(lines);
    ASSERT_FALSE(one.log.read()) << cut;
  }
}

// Book: KEYT-24
TEST(AuditLog, OutlivesACutAtEveryLine) {
  Log one;
  one.add_some(1);
  const std::filesystem::path head = one.path.native() + ".head";
  for (int i = 0; i < 5; ++i) {
    const std::string before = one.content();
    one.add("whole " + std::to_string(i));
    // The cut: a part of the line, and the head of the line before.
    const std::size_t begin = before.rfind('\n', before.size() - 2) + 1;
    const std::string line_before = before.substr(begin, before.size() - 1 - begin);
    one.put(one.content().substr(0, before.size() + 20));
    std::ofstream(head, std::ios::trunc) << Sha256::of(as_bytes(line_before)).hex();
    ASSERT_TRUE(one.log.read()) << i;
    one.add("again " + std::to_string(i));
    ASSERT_TRUE(one.log.read()) << i;
  }
  EXPECT_EQ(one.log.read()->torn.size(), 5u);
}

// Book: KEYT-24
TEST(AuditLog, BringsItsHeadUpToDateBeforeItGoesOn) {
  Log one;
  one.add_some(2);
  const std::filesystem::path head = one.path.native() + ".head";
  std::vector<std::string> lines = one.lines();
  std::ofstream(head, std::ios::trunc) << Sha256::of(as_bytes(lines[0])).hex();  // one behind, as a cut leaves it
  one.add("mends it");
  lines = one.lines();
  EXPECT_EQ(as_text(*hsm::read_file(head, 64)), Sha256::of(as_bytes(lines[2])).hex());
  EXPECT_TRUE(one.log.read());
}

// Book: KEYT-24
TEST(AuditLog, TakesNoMoreWhenItsChainIsBroken) {
  Log one;
  one.add_some(2);
  std::vector<std::string> lines = one.lines();
  lines.erase(lines.begin());
  one.put_lines(lines);
  const std::string broken = one.content();
  EXPECT_EQ(one.log.append("more", {}, kNow).error().code, ErrorCode::kMismatch);
  EXPECT_EQ(one.content(), broken);
}

// Book: KEYT-14
TEST(AuditLog, IsNoSymlink) {
  Log one;
  one.put("");
  const std::filesystem::path link = one.folder.path() / "link.log";
  std::filesystem::create_symlink(one.path, link);
  EXPECT_EQ(AuditLog(link).append("x", {}, kNow).error().code, ErrorCode::kStorage);
  std::filesystem::create_symlink(one.folder.path() / "nowhere", one.folder.path() / "dangling.log");
  EXPECT_FALSE(AuditLog(one.folder.path() / "dangling.log").append("x", {}, kNow));
}

// Book: KEYT-06
TEST(AuditCommands, ShowNothingThatSteersATerminal) {
  tests::ScratchFolder folder;
  Home home = *Home::open(folder.path() / "home");
  json::Object data;
  data.set(kHostile, kHostile);
  ASSERT_TRUE(home.audit().append(kHostile, data, kNow));
  const Result<Report> shown = show_audit(home, 10);
  ASSERT_TRUE(shown);
  expect_safe(shown->text);
  expect_safe(verify_audit(home)->text);
}

TEST(AuditCommands, ShowTheLastEntriesAndTheHead) {
  tests::ScratchFolder folder;
  Home home = *Home::open(folder.path() / "home");
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(home.audit().append("e" + std::to_string(i), {}, kNow));
  const Result<Report> shown = show_audit(home, 2);
  ASSERT_TRUE(shown);
  EXPECT_EQ(shown->text.find("e2"), std::string::npos);
  EXPECT_LT(shown->text.find("e3"), shown->text.find("e4"));
  EXPECT_NE(shown->text.find("head " + home.audit().read()->head.hex()), std::string::npos);
}

}  // namespace
}  // namespace tenon::keyctl
