// Bundles: what a device needs and nothing else, proved before the file takes its name.
#include <tenon/client/bundle/bundle_file.h>
#include <tenon/repo_tools/bundle_check.h>
#include <tenon/repo_tools/bundle_plan.h>
#include <tenon/repo_tools/bundle_writer.h>
#include <tenon/repo_tools/delegation_editor.h>
#include <tenon/repo_tools/target_list.h>

#include <algorithm>
#include <fstream>

#include <tests/repo_tools/workshop.h>
#include <unistd.h>

namespace tenon::repo_tools {
namespace {

class Bundle : public Workshop {
 protected:
  fs::path out() const { return temp_ / "update.tar"; }

  // write_bundle does what `tenon-repo export` does.
  Result<BundlePlan> write_bundle(const BundleRequest& request = {}, metadata::UtcTime now = kNow) {
    const Repository repo = repository();
    TENON_TRY(BundlePlan plan, plan_bundle(repo, request, now));
    TENON_TRY(UnplacedOutput bundle, repo_tools::write_bundle(repo, plan, out(), no_progress_));
    TENON_TRY_VOID(prove_bundle(bundle.temporary(), *repo.initial_root(), plan, now, no_progress_));
    TENON_TRY_VOID(bundle.move_to_its_place());
    return plan;
  }

  // The members in the order of the file, with their digests out of the way.
  std::vector<std::string> members() const {
    const client::BundleFile bundle = *client::BundleFile::open(out().native());
    std::vector<client::BundleIndex::Member> members = bundle.index().members();
    std::ranges::sort(members, {}, &client::BundleIndex::Member::offset);
    std::vector<std::string> names;
    for (const auto& member : members) {
      const std::size_t file = member.name.rfind('/') + 1;
      const bool has_digest = member.name.starts_with("targets/");
      names.push_back(has_digest ? member.name.substr(0, file) + member.name.substr(file + 65) : member.name);
    }
    return names;
  }

  // What else lies beside the bundle: a temporary file that was left.
  std::size_t files_beside() const {
    return static_cast<std::size_t>(std::ranges::count_if(fs::directory_iterator(temp_.path()), [](const auto& entry) {
      return entry.path().filename().native().starts_with(".update.tar.");
    }));
  }

  void sign_and_publish() {
    sign_all();
    const Result<void> published = publish();
    ASSERT_TRUE(published) << published.error().message;
  }

  void set_channel(std::string_view channel, std::string_view version) {
    ASSERT_TRUE(edit_channel(repository(), disk_, {label("demo"), label(channel), label(version)}, kNow));
  }

  // A role of a team, apps/*, which signs with the key of targets.
  void add_team() {
    ASSERT_TRUE(add_delegation(repository(), disk_,
                               {RoleId::targets(),
                                *metadata::RoleName::parse_delegated("apps"),
                                {*metadata::PathPattern::parse("apps/*")},
                                {public_keys(targets_keys_), 1}},
                               kNow));
  }

  static metadata::TargetPath path(std::string_view text) { return *metadata::TargetPath::parse(text); }

  const std::vector<std::string> whole_ = {"metadata/timestamp.json",
                                           "metadata/1.snapshot.json",
                                           "metadata/1.releases.demo.json",
                                           "metadata/1.rollout.demo.json",
                                           "metadata/1.targets.json",
                                           "targets/demo/channels/stable.json",
                                           "targets/demo/releases/1.0.0/release.json",
                                           "targets/demo/releases/1.0.0/rootfs.full.zst",
                                           "targets/demo/releases/1.0.0/rootfs.segments"};
};

// The members of targets/ are sorted by their names with the digests.
std::vector<std::string> sorted(std::vector<std::string> names) {
  std::ranges::sort(names);
  return names;
}

TEST_F(Bundle, CarriesWhatANewDeviceNeedsAndNothingElse) {
  publish_release("1.0.0", 1);
  const Result<BundlePlan> plan = write_bundle();
  ASSERT_TRUE(plan) << plan.error().message;
  EXPECT_EQ(sorted(members()), sorted(whole_));
  EXPECT_EQ(fs::file_size(out()), plan->file_bytes);
  EXPECT_EQ(files_beside(), 0u);

  publish_release("1.1.0", 2, 2);
  ASSERT_TRUE(write_bundle());
  for (const std::string& name : members()) {
    EXPECT_EQ(name.find("1.0.0"), std::string::npos) << name;
    EXPECT_FALSE(name.starts_with("metadata/1.") && !name.ends_with("targets.json")) << name;
  }
  EXPECT_EQ(members().size(), whole_.size());
}

TEST_F(Bundle, CarriesEveryReleaseOnTheWayToTheChannels) {
  publish_release("1.0.0", 1, 1);
  publish_release("1.4.0", 6, 2);
  ReleaseRequest next = release("2.0.0", 9, 9);
  next.bridges = {{*policies::Sequence::create(5), label("1.4.0")}};
  ASSERT_TRUE(add(next));
  set_channel("stable", "2.0.0");
  sign_and_publish();
  const Result<BundlePlan> plan = write_bundle();
  ASSERT_TRUE(plan) << plan.error().message;
  const auto carried = [&](std::string_view version) {
    return std::ranges::count_if(members(), [&](const std::string& name) { return name.find(version) != name.npos; });
  };
  EXPECT_EQ(carried("/2.0.0/"), 3);
  EXPECT_EQ(carried("/1.4.0/"), 3);
  EXPECT_EQ(carried("/1.0.0/"), 0);
}

TEST_F(Bundle, LeavesDeltasOutAsItIsForDevicesThatRunAnything) {
  ReleaseRequest request = release("1.0.0", 1);
  request.deltas.bases = {request.images.front()};
  ASSERT_EQ(add(request)->deltas.offered.size(), 1u);
  set_channel("stable", "1.0.0");
  sign_and_publish();
  const Result<BundlePlan> plan = write_bundle();
  ASSERT_TRUE(plan) << plan.error().message;
  EXPECT_EQ(sorted(members()), sorted(whole_));
}

TEST_F(Bundle, HasItsMembersInTheOrderInWhichADeviceAsks) {
  publish_release("1.0.0", 1);
  ASSERT_TRUE(disk_.put(repository().draft("2.root.json"), signed_root(root(2))));
  sign_and_publish();
  ASSERT_TRUE(write_bundle());
  const std::vector<std::string> names = members();
  ASSERT_EQ(names.size(), whole_.size() + 1);
  EXPECT_EQ(names[0], "metadata/2.root.json");
  EXPECT_EQ(names[1], "metadata/timestamp.json");
  EXPECT_TRUE(names[2].ends_with(".snapshot.json")) << names[2];
  for (std::size_t i = 3; i < 6; ++i) EXPECT_TRUE(names[i].starts_with("metadata/")) << names[i];
  for (std::size_t i = 6; i < names.size(); ++i) EXPECT_TRUE(names[i].starts_with("targets/")) << names[i];
}

TEST_F(Bundle, HasRolesByTheirNamesAndNotByTheirVersions) {
  publish_release("1.0.0", 1);
  set_channel("beta", "1.0.0");
  sign_and_publish();
  ASSERT_TRUE(write_bundle());
  const std::vector<std::string> names = members();
  const std::vector<std::string> roles(names.begin() + 2, names.begin() + 5);
  EXPECT_EQ(roles, (std::vector<std::string>{"metadata/1.releases.demo.json", "metadata/2.rollout.demo.json",
                                             "metadata/1.targets.json"}));
}

TEST_F(Bundle, RemovesWhatAKilledExportToItsNameLeftAndNothingElse) {
  publish_release("1.0.0", 1);
  for (const char* name :
       {".update.tar.tenon-a1B2c3", ".other.tar.tenon-a1B2c3", ".update.tar.notes", ".update.tar.sha256"}) {
    std::ofstream(temp_ / name) << "left";
  }
  fs::create_symlink("nothing", temp_ / ".update.tar.tenon-Z9y8X7");
  ASSERT_TRUE(write_bundle());
  EXPECT_FALSE(fs::exists(temp_ / ".update.tar.tenon-a1B2c3"));
  for (const char* name :
       {".other.tar.tenon-a1B2c3", ".update.tar.notes", ".update.tar.sha256", ".update.tar.tenon-Z9y8X7"}) {
    EXPECT_NE(fs::symlink_status(temp_ / name).type(), fs::file_type::not_found) << name;
  }
}

TEST_F(Bundle, OfTheSameRepositoryIsTheSameToTheLastByte) {
  publish_release("1.0.0", 1);
  ASSERT_TRUE(write_bundle());
  const Bytes first = *hsm::read_file(out(), 1u << 24);
  ASSERT_TRUE(write_bundle({}, days_later(1)));
  EXPECT_EQ(*hsm::read_file(out(), 1u << 24), first);
}

TEST_F(Bundle, CarriesWhatIsPublishedAndNotWhatIsStaged) {
  publish_release("1.0.0", 1);
  stage_release("1.1.0", 2, 2);
  ASSERT_TRUE(write_bundle());
  EXPECT_EQ(sorted(members()), sorted(whole_));
}

TEST_F(Bundle, IsNarrowedToAProductAndAChannel) {
  publish_release("1.0.0", 1);
  ASSERT_TRUE(add(release("2.0.0", 2, 2)));
  set_channel("beta", "2.0.0");
  sign_and_publish();
  ASSERT_TRUE(write_bundle());
  EXPECT_EQ(members().size(), whole_.size() + 4);
  ASSERT_TRUE(write_bundle({.product = label("demo"), .channel = label("beta")}));
  EXPECT_EQ(members().size(), whole_.size());
  EXPECT_EQ(std::ranges::count(members(), "targets/demo/channels/stable.json"), 0);
  EXPECT_EQ(std::ranges::count(members(), "targets/demo/channels/beta.json"), 1);

  const Result<BundlePlan> unknown = write_bundle({.product = label("demo"), .channel = label("nightly")});
  ASSERT_EQ(code_of(unknown), "E_USAGE");
  EXPECT_NE(unknown.error().hint.find("demo/channels/beta.json"), std::string::npos) << unknown.error().hint;
  EXPECT_EQ(code_of(write_bundle({.product = label("dem")})), "E_USAGE");
}

TEST_F(Bundle, CarriesAReleaseOfTwoChannelsOnce) {
  publish_release("1.0.0", 1);
  set_channel("beta", "1.0.0");
  sign_and_publish();
  ASSERT_TRUE(write_bundle());
  EXPECT_EQ(members().size(), whole_.size() + 1);
}

TEST_F(Bundle, CarriesSingleTargetsWithTheRolesThatASearchForThemVisits) {
  publish_release("1.0.0", 1);
  add_team();
  const fs::path file = temp_.write("editor.bin", "an editor");
  const RoleId apps = *RoleId::parse("apps");
  const Result<TargetsChanged> added = add_target_files(repository(), disk_, apps, file, "apps/", kNow, no_progress_);
  ASSERT_TRUE(added) << added.error().message;
  sign_and_publish();
  const Result<BundlePlan> plan = write_bundle({.targets = {path("apps/editor.bin")}});
  ASSERT_TRUE(plan) << plan.error().message;
  const std::vector<std::string> names = members();
  ASSERT_EQ(names.size(), 5u);
  EXPECT_TRUE(names[2].ends_with(".apps.json")) << names[2];
  EXPECT_TRUE(names[3].ends_with(".targets.json")) << names[3];
  EXPECT_EQ(names[4], "targets/apps/editor.bin");
  EXPECT_EQ(code_of(write_bundle({.targets = {path("apps/nothing")}})), "E_USAGE");
}

TEST_F(Bundle, CannotCarryAFileThatOtherServersHaveAndSaysSo) {
  publish_release("1.0.0", 1);
  add_team();
  const std::string line = Sha256::of(as_bytes("x")).hex() + " 7 apps/map.tar\n";
  ASSERT_TRUE(
      add_target_manifest(repository(), disk_, *RoleId::parse("apps"), temp_.write("list", line), kNow, no_progress_));
  sign_and_publish();
  const Result<BundlePlan> plan = write_bundle({.targets = {path("apps/map.tar")}});
  ASSERT_EQ(code_of(plan), "E_POLICY");
  EXPECT_NE(plan.error().message.find("served elsewhere"), std::string::npos) << plan.error().message;
  EXPECT_TRUE(write_bundle());  // the channels are here
}

TEST_F(Bundle, IsNotMadeOfNothing) {
  EXPECT_EQ(code_of(write_bundle()), "E_USAGE");
  sign_and_publish();  // the delegations alone
  EXPECT_EQ(code_of(write_bundle()), "E_USAGE");
}

TEST_F(Bundle, IsNotMadeOfWhatDevicesWouldRefuseAsExpired) {
  publish_release("1.0.0", 1);
  const Result<BundlePlan> plan = write_bundle({}, days_later(30));
  ASSERT_EQ(code_of(plan), "E_EXPIRED");
  EXPECT_NE(plan.error().hint.find("tenon-repo refresh"), std::string::npos);
}

TEST_F(Bundle, SaysUntilWhenDevicesTakeIt) {
  publish_release("1.0.0", 1);
  const metadata::UtcTime until = write_bundle()->valid_until;
  EXPECT_TRUE(write_bundle({}, until.plus_seconds(-1)));
  EXPECT_EQ(code_of(write_bundle({}, until)), "E_EXPIRED");
}

// What lies in public/ may be damaged: then the last good bundle stays.
TEST_F(Bundle, OfADamagedRepositoryDoesNotTakeItsPlace) {
  publish_release("1.0.0", 1);
  ASSERT_TRUE(write_bundle());
  const Bytes good = *hsm::read_file(out(), 1u << 24);
  for (const auto& [name, content] : files_below("public")) {
    const bool is_asked_for = !name.ends_with("root.json");
    for (const bool is_shorter : {false, true}) {
      Bytes damaged = content;
      if (is_shorter) {
        damaged.resize(damaged.size() - 2);  // a timestamp without its last newline would do
      } else {
        damaged[content.size() / 2] ^= 1;
      }
      ASSERT_TRUE(disk_.put(folder() / name, damaged));
      EXPECT_EQ(write_bundle().has_value(), !is_asked_for) << name;
      EXPECT_EQ(files_beside(), 0u);
      EXPECT_EQ(*hsm::read_file(out(), 1u << 24), good) << name;
    }
    ASSERT_TRUE(disk_.put(folder() / name, content));
  }
  EXPECT_TRUE(write_bundle());
}

TEST_F(Bundle, IsProvedAsItLiesOnTheDisk) {
  publish_release("1.0.0", 1);
  const BundlePlan plan = *write_bundle();
  const Bytes root = *repository().initial_root();
  const auto prove = [&] { return code_of(prove_bundle(out(), root, plan, kNow, no_progress_)); };
  EXPECT_EQ(prove(), "no error");
  const Bytes good = *hsm::read_file(out(), 1u << 24);
  const client::BundleFile bundle = *client::BundleFile::open(out().native());
  for (const auto& member : bundle.index().members()) {
    for (const std::uint64_t at : {std::uint64_t{0}, member.size / 2, member.size - 1}) {
      Bytes changed = good;
      changed[member.offset + at] ^= 1;
      ASSERT_TRUE(disk_.put(out(), changed));
      EXPECT_NE(prove(), "no error") << member.name << " at " << at;
    }
  }
  ASSERT_TRUE(disk_.put(out(), ByteView(good).first(good.size() - 512)));
  EXPECT_EQ(prove(), "E_PARSE");
}

TEST_F(Bundle, TakesThePlaceOfABundleAloneAndOfNothingElse) {
  publish_release("1.0.0", 1);
  fs::create_directory(out());
  EXPECT_EQ(code_of(write_bundle()), "E_USAGE");
  fs::remove(out());
  ASSERT_EQ(::symlink("/dev/null", out().c_str()), 0);
  EXPECT_EQ(code_of(write_bundle()), "E_USAGE");
}

}  // namespace
}  // namespace tenon::repo_tools
