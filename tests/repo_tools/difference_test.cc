// What publishing would change for clients, in words.
#include <tenon/repo_tools/difference.h>

#include <tests/repo_tools/workshop.h>

namespace tenon::repo_tools {
namespace {

class Differing : public Workshop {
 protected:
  std::vector<RoleDifference> staged() const {
    return difference(*published_contents(repository()), *staged_contents(repository()));
  }
};

TEST_F(Differing, IsNothingWhenNothingIsStaged) {
  publish_release("1.0.0", 1);
  EXPECT_TRUE(staged().empty());
  EXPECT_EQ(to_text(staged()), "");
}

TEST_F(Differing, IsAllOfAFirstPublication) {
  ASSERT_TRUE(add(release("1.0.0", 1)));
  const std::vector<RoleDifference> roles = staged();
  ASSERT_EQ(roles.size(), 3u);
  for (const RoleDifference& role : roles) {
    EXPECT_FALSE(role.before);
    EXPECT_EQ(role.after->value(), 1);
    EXPECT_FALSE(role.changes.empty()) << role.role;
  }
}

TEST_F(Differing, NamesTheRolesAndTargetsThatChange) {
  publish_release("1.0.0", 1);
  ASSERT_TRUE(add(release("1.1.0", 2, 2)));
  const std::vector<RoleDifference> roles = staged();
  ASSERT_EQ(roles.size(), 1u);
  EXPECT_EQ(roles.front().role, "releases.demo");
  EXPECT_EQ(roles.front().after->value(), roles.front().before->value() + 1);
  EXPECT_NE(to_text(roles).find("demo/releases/1.1.0/release.json"), std::string::npos);
  EXPECT_EQ(to_text(roles).find("demo/releases/1.0.0/release.json"), std::string::npos);
  EXPECT_NE(json::to_text(to_json(roles)).find("targets/demo/releases/1.1.0/release.json"), std::string::npos);
}

TEST_F(Differing, NamesARoleThatGoes) {
  publish_release("1.0.0", 1);
  metadata::Targets targets = *repository().newest_targets(RoleId::targets());
  std::erase_if(targets.delegations->roles, [](const auto& role) { return role.name.text() == "rollout.demo"; });
  ASSERT_TRUE(write_draft(repository(), disk_, RoleId::targets(), std::move(targets), days_later(100)));
  const std::vector<RoleDifference> roles = staged();
  ASSERT_EQ(roles.size(), 2u);
  EXPECT_EQ(roles.back().role, "rollout.demo");
  EXPECT_TRUE(roles.back().before && !roles.back().after);
  EXPECT_NE(to_text(roles).find("rollout.demo  v1 -> none"), std::string::npos);
}

TEST_F(Differing, SeesAStagedRoot) {
  publish_release("1.0.0", 1);
  ASSERT_TRUE(disk_.put(repository().draft("2.root.json"), signed_root(root(2))));
  const std::vector<RoleDifference> roles = staged();
  ASSERT_EQ(roles.size(), 1u);
  EXPECT_EQ(roles.front().role, "root");
  EXPECT_EQ(roles.front().before->value(), 1);
  EXPECT_EQ(roles.front().after->value(), 2);
}

}  // namespace
}  // namespace tenon::repo_tools
