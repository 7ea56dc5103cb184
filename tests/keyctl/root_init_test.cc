#include <tenon/keyctl/root_init.h>

#include <gtest/gtest.h>
#include <tests/hsm/temp_folder.h>
#include <tests/keyctl/root_keys.h>

namespace tenon::keyctl {
namespace {

using metadata::TopRole;

class InitRoot : public testing::Test {
 protected:
  InitRoot() {
    for (const Person* person : {&team_.alice, &team_.bob, &team_.online}) {
      folder_.write(person->file.name.text() + ".tenon-key", person->file.to_text());
    }
  }
  InitOptions options() const {
    const auto alice = folder_ / "alice.tenon-key";
    const auto online = folder_ / "online.tenon-key";
    return {folder_ / "1.root.json",
            {{TopRole::kRoot, {{alice, folder_ / "bob.tenon-key"}, 2}},
             {TopRole::kTargets, {{alice}, 1}},
             {TopRole::kSnapshot, {{online}, 1}},
             {TopRole::kTimestamp, {{online}, 1}}},
            kInAYear};
  }

  Team team_;
  TempFolder folder_;
};

TEST_F(InitRoot, WritesADraftThatTheKeysOfTheFilesCanSign) {
  ASSERT_TRUE(init_root(options(), kNow));
  const Result<RootFile> written = RootFile::parse(*hsm::read_file(folder_ / "1.root.json", 100'000));
  ASSERT_TRUE(written);
  EXPECT_EQ(written->root.role(TopRole::kRoot).keyids, (std::vector{team_.alice.file.keyid, team_.bob.file.keyid}));
}

TEST_F(InitRoot, WritesNothingInADryRun) {
  InitOptions dry = options();
  dry.dry_run = true;
  const Result<Report> report = init_root(dry, kNow);
  ASSERT_TRUE(report);
  EXPECT_FALSE(std::filesystem::exists(folder_ / "1.root.json"));
  EXPECT_TRUE(report->text.ends_with("nothing was written\n"));
}

TEST_F(InitRoot, DoesNotOverwriteARootUnlessTold) {
  folder_.write("1.root.json", "signed by five people");
  const Result<Report> report = init_root(options(), kNow);
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, ErrorCode::kPolicy);
  InitOptions forced = options();
  forced.overwrite = true;
  EXPECT_TRUE(init_root(forced, kNow));
}

TEST_F(InitRoot, RefusesAThresholdOfZero) {
  InitOptions zero = options();
  zero.roles.at(TopRole::kTargets).threshold = 0;
  const Result<Report> report = init_root(zero, kNow);
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, ErrorCode::kUsage);
}

}  // namespace
}  // namespace tenon::keyctl
