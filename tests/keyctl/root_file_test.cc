#include <gtest/gtest.h>
#include <tests/keyctl/root_keys.h>

namespace tenon::keyctl {
namespace {

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != text.npos;
}

// The draft with a change that only a text editor can make.
RootFile edited(const RootFile& file, const std::function<void(json::Object&)>& edit) {
  json::Object object = *file.envelope.signed_part().object();
  edit(object);
  return parsed(metadata::Envelope::unsigned_of(object));
}

TEST(DescribeRoot, SaysVersionExpiryThresholdsAndWhoIsMissing) {
  const Team team;
  const std::string text = describe(team.draft(), team.names(), kNow).text;
  EXPECT_TRUE(contains(text, "root version 1\n")) << text;
  EXPECT_TRUE(contains(text, "2027-11-22T00:00:00Z (in 365 days")) << text;
  EXPECT_TRUE(contains(text, "2 of 3 must sign")) << text;
  EXPECT_TRUE(contains(text, "missing alice (" + team.alice.file.keyid.brief() + ") or bob (")) << text;
}

TEST(DescribeRoot, NamesKeysByKeyidWhenNobodyGaveNames) {
  const Team team;
  const std::string text = describe(team.draft(), KeyNames(), kNow).text;
  EXPECT_TRUE(contains(text, team.alice.file.keyid.brief())) << text;
  EXPECT_FALSE(contains(text, "alice")) << text;
}

// Book: KEYT-06
TEST(DescribeRoot, ShowsNoControlCharacterOfTheFile) {
  const RootFile hostile = edited(
      Team().draft(), [](json::Object& root) { root.set("x-\x1b]52;c;cm0gLXJm\x07", "\x1b[2J\r\u202e\u009b31m"); });
  const Report report = describe(hostile, KeyNames(), kNow);
  for (const char* bad : {"\x1b", "\x07", "\r", "\u202e", "\u009b"}) EXPECT_FALSE(contains(report.text, bad));
  EXPECT_TRUE(contains(report.text, "x-\\x1b]52")) << report.text;
}

// Book: KEYT-05
TEST(DescribeRoot, DiffersForEveryDifferenceInWhatIsSigned) {
  const RootFile draft = Team().draft();
  const RootFile other = edited(draft, [](json::Object& root) { root.set("x-deep", json::Array{json::Value(1)}); });
  const RootFile another = edited(draft, [](json::Object& root) { root.set("x-deep", json::Array{json::Value(2)}); });
  EXPECT_NE(describe(other, KeyNames(), kNow).text, describe(another, KeyNames(), kNow).text);
}

TEST(DescribeRoot, SaysThatAnUnknownKindOfKeyCountsNothing) {
  const RootFile unknown = edited(Team().draft(), [](json::Object& root) {
    json::Object keyval;
    keyval.set("public", "00");
    json::Object key;
    key.set("keytype", "rot13");
    key.set("scheme", "rot13");
    key.set("keyval", keyval);
    json::Object keys = *root.find("keys")->object();
    keys.set("strange", key);
    root.set("keys", keys);
    json::Object roles = *root.find("roles")->object();
    json::Object role = *roles.find("root")->object();
    json::Array keyids = *role.find("keyids")->array();
    keyids.push_back("strange");
    role.set("keyids", keyids);
    roles.set("root", role);
    root.set("roles", roles);
  });
  const std::string text = describe(unknown, KeyNames(), kNow).text;
  EXPECT_TRUE(contains(text, "unknown kind of key: its signatures count nothing")) << text;
}

TEST(DescribeRoot, PointsOutASignatureThatCountsNothing) {
  const RootFile draft = Team().draft();
  const RootFile with = parsed(draft.envelope.with_signature({*metadata::KeyId::parse("feedface00"), "00"}));
  EXPECT_TRUE(contains(describe(with, KeyNames(), kNow).text, "a signature by feedface counts nothing here"));
}

TEST(DescribeRoot, SaysThatItHasExpired) {
  const metadata::UtcTime later = *metadata::UtcTime::parse("2027-11-25T00:00:01Z");
  EXPECT_TRUE(contains(describe(Team().draft(), KeyNames(), later).text, "(3 days ago"));
}

TEST(DescribeRoot, GivesTheSameAsData) {
  const Team team;
  const json::Object data = describe(team.draft(), team.names(), kNow).data;
  EXPECT_EQ(*data.find("version")->integer(), 1);
  EXPECT_EQ(*data.find("expires_in_days")->integer(), 365);
  EXPECT_EQ(*data.find("complete")->boolean(), false);
}

}  // namespace
}  // namespace tenon::keyctl
