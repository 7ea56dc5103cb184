// What clients see of a repository while it is copied to where it is served, and what becomes of it when several publish
// at once.
#include <algorithm>
#include <atomic>
#include <random>
#include <thread>

#include <tests/repo_tools/workshop.h>

namespace tenon::repo_tools {
namespace {

class Mirror : public Workshop {
 protected:
  // What a client with this state makes of the mirror: the current version, or the code of an error. It keeps what it
  // accepted.
  std::string look(ClientState& state) const {
    const Repository repo = *Repository::open(mirror());
    const RepositoryView view = RepositoryView::published(repo);
    CheckingClient client(view, *repo.initial_root(), state, kNow);
    const auto current = [&]() -> Result<CurrentRelease> {
      TENON_TRY_VOID(client.refresh());
      return check_channel_pin(client, policies::channel_path(label("demo"), label("stable")));
    }();
    state = client.state();
    return current ? current->release.version.text() : code_of(current);
  }
  fs::path mirror() const { return temp_ / "mirror"; }
};

// Book: SRV-03
TEST_F(Mirror, CopiedInAnyOrderIsTheOldTheNewOrToBeAskedAgain) {
  publish_release("1.0.0", 1, 1);
  fs::copy(folder(), mirror(), fs::copy_options::recursive);
  ClientState known_then;
  ASSERT_EQ(look(known_then), "1.0.0");
  const auto before = files_below("public");
  publish_release("1.1.0", 2, 2);
  std::vector<std::pair<std::string, Bytes>> changed;
  for (const auto& [name, content] : files_below("public")) {
    const auto old = before.find(name);
    if (old == before.end() || old->second != content) changed.emplace_back(name, content);
  }
  ASSERT_GE(changed.size(), 8u);

  fs::copy(mirror(), temp_ / "before", fs::copy_options::recursive);
  std::mt19937 random(1);
  for (int order = 0; order < 3; ++order) {
    std::ranges::shuffle(changed, random);
    fs::remove_all(mirror());
    fs::copy(temp_ / "before", mirror(), fs::copy_options::recursive);
    ClientState known = known_then;
    bool known_saw_new = false;
    for (const auto& [name, content] : changed) {
      ASSERT_TRUE(disk_.put(mirror() / name, content));
      ClientState nothing;
      const std::string fresh = look(nothing);
      EXPECT_TRUE(fresh == "1.0.0" || fresh == "1.1.0" || fresh == "E_NET") << fresh << " after " << name;
      const std::string seen = look(known);
      EXPECT_TRUE(seen == "1.1.0" || seen == "E_NET" || (seen == "1.0.0" && !known_saw_new))
          << seen << " after " << name;
      known_saw_new |= seen == "1.1.0";
    }
    EXPECT_EQ(look(known), "1.1.0");
  }
}

class Together : public Workshop {};

// Book: SRV-02
TEST_F(Together, EightPublishOneAfterTheOtherAndNothingIsLost) {
  constexpr int kPublishers = 8;
  constexpr int kRounds = 125;  // of each
  publish_release("1.0.0", 1);
  std::atomic<int> refused = 0;
  const auto refresh = [&]() -> Result<void> {
    const Repository repo = repository();
    TENON_TRY(const hsm::FileDescriptor lock, repo.lock());
    TENON_TRY(const OnlineRoles roles, sign_online(repo, timestamp_keys_, std::nullopt, kNow));
    TENON_TRY(const Publication publication, online_publication(roles));
    DiskWriter disk;
    return write_publication(repo, disk, publication, kNow, no_progress_);
  };
  std::vector<std::thread> publishers;
  for (int i = 0; i < kPublishers; ++i) {
    publishers.emplace_back([&] {
      for (int done = 0; done < kRounds;) {
        const Result<void> result = refresh();
        if (result) {
          ++done;
          continue;
        }
        ASSERT_EQ(result.error().code, ErrorCode::kBusy) << result.error().message;
        ++refused;
        std::this_thread::yield();
      }
    });
  }
  for (std::thread& publisher : publishers) publisher.join();
  EXPECT_GT(refused, 0);
  const auto timestamp = repository().published(RoleId::timestamp());
  EXPECT_EQ(header_of(**timestamp, RoleId::timestamp())->version.value(), 1 + kPublishers * kRounds);
  EXPECT_EQ(*current(), "1.0.0");
}

}  // namespace
}  // namespace tenon::repo_tools
