// The cheap walk over what roles say goes where the device's search goes.
#include <tenon/repo_tools/delegation_editor.h>
#include <tenon/repo_tools/target_routes.h>

#include <tests/repo_tools/workshop.h>

namespace tenon::repo_tools {
namespace {

class Routes : public Workshop {
 protected:
  Routes() { publish_release("1.0.0", 1); }

  void delegate(const char* role, const char* path, const RoleId& by, bool terminating) {
    const Result<DelegationEdited> added = add_delegation(repository(), disk_,
                                                          {by,
                                                           *metadata::RoleName::parse_delegated(role),
                                                           {*metadata::PathPattern::parse(path)},
                                                           {public_keys(team_keys_), 1},
                                                           terminating,
                                                           true},
                                                          kNow);
    ASSERT_TRUE(added) << added.error().message;
  }
  void list(const char* role, const char* path) {
    metadata::Targets targets = *repository().newest_targets(*RoleId::parse(role));
    ASSERT_TRUE(stage_target(repository(), disk_, *metadata::TargetPath::parse(path), as_bytes("x"), targets));
    ASSERT_TRUE(write_draft(repository(), disk_, *RoleId::parse(role), std::move(targets), days_later(100)));
  }

  Keys team_keys_ = new_keys(1);
};

TEST_F(Routes, AreThoseOfTheDevicesSearch) {
  delegate("first", "a/*", RoleId::targets(), false);
  delegate("second", "a/*", RoleId::targets(), true);
  delegate("third", "a/*", RoleId::targets(), false);  // behind a terminating one
  delegate("below", "a/b*", *RoleId::parse("first"), true);
  delegate("second-below", "a/*", *RoleId::parse("second"), false);
  const char* const lists[][2] = {{"first", "a/1"},  {"second", "a/1"}, {"second", "a/2"},       {"third", "a/3"},
                                  {"below", "a/b1"}, {"third", "a/b2"}, {"second-below", "a/4"}, {"second", "a/b3"}};
  for (const auto& [role, path] : lists) list(role, path);
  sign_all();
  ASSERT_TRUE(sign(team_keys_));
  sign_all();
  // Published without the check, which refuses what no client finds.
  const Repository repo = repository();
  const Publication publication = *staged_publication(repo, kNow);
  ASSERT_TRUE(write_publication(repo, disk_, publication, kNow, no_progress_));

  const RepositoryView view = RepositoryView::published(repo);
  CheckingClient client(view, *repo.initial_root(), {}, kNow);
  ASSERT_TRUE(client.refresh());
  TargetRoutes routes(repo);
  for (const char* name : {"a/1", "a/2", "a/3", "a/4", "a/b1", "a/b2", "a/b3", "a/none", "none",
                           "demo/releases/1.0.0/release.json", "demo/channels/stable.json"}) {
    const metadata::TargetPath path = *metadata::TargetPath::parse(name);
    const CheckingClient::Walk walk = *client.walk(path);
    const TargetRoutes::Route route = *routes.route(path);
    EXPECT_EQ(route.asked, walk.asked) << name;
    ASSERT_EQ(route.entry.has_value(), walk.found.has_value()) << name;
    EXPECT_TRUE(!walk.found || route.entry->hashes == walk.found->hashes()) << name;
  }
}

}  // namespace
}  // namespace tenon::repo_tools
