// What an object store gets, and what a folder takes from it, where keys were rotated and folders went apart. The protocol of
// a store is tested by process tests (s3_*_test.py).
#include <tenon/repo_tools/catch_up.h>
#include <tenon/repo_tools/publish_log.h>
#include <tenon/repo_tools/upload.h>

#include <tests/repo_tools/workshop.h>

namespace tenon::repo_tools {
namespace {

// FolderStore keeps objects as files.
class FolderStore final : public ObjectStore {
 public:
  explicit FolderStore(fs::path folder) : folder_(std::move(folder)) {}

  std::string address() const override { return "s3://folder"; }
  Result<std::optional<Bytes>> read(const std::string& name, std::size_t max_bytes) override {
    return read_if_there(folder_ / name, max_bytes);
  }
  Result<Presence> compare(const std::string& name, const metadata::FileIdentity& identity) override {
    TENON_TRY(const std::optional<Bytes> there, read_if_there(folder_ / name, 1u << 24));
    if (!there) return Presence::kAbsent;
    return metadata::FileIdentity::of(*there) == identity ? Presence::kSame : Presence::kOther;
  }
  Result<bool> create(const std::string& name, const Content& content) override {
    TENON_TRY(const Presence there, compare(name, content.identity));
    if (there != Presence::kAbsent) return false;
    ++created;
    if (const auto* bytes = std::get_if<Bytes>(&content.from)) {
      TENON_TRY_VOID(disk_.put_new(folder_ / name, *bytes));
    } else {
      TENON_TRY_VOID(disk_.copy_new(std::get<fs::path>(content.from), folder_ / name, content.identity.sha256));
    }
    return true;
  }
  Result<bool> replace(const std::string& name, const Bytes& content, const std::optional<Bytes>& old) override {
    TENON_TRY(const std::optional<Bytes> there, read(name, 1u << 24));
    if (there != old) return false;
    TENON_TRY_VOID(disk_.put(folder_ / name, content));
    return true;
  }

  std::size_t created = 0;

 private:
  fs::path folder_;
  DiskWriter disk_;
};

class Uploading : public Workshop {
 protected:
  // publish_to does what `tenon-repo publish --to` does.
  Result<void> publish_to(metadata::UtcTime now = kNow) {
    TENON_TRY_VOID(catch_up(repository(), disk_, store_, now));
    const Repository repo = repository();
    TENON_TRY(const Publication publication, staged_publication(repo, now));
    return write(repo, publication, now);
  }
  // refresh_to does what `tenon-repo refresh --to` does, with the keys of timestamp that are given.
  Result<void> refresh_to(const Keys& keys, metadata::UtcTime now = kNow) {
    TENON_TRY_VOID(catch_up(repository(), disk_, store_, now));
    return refresh(keys, true, now);
  }
  Result<void> refresh(const Keys& keys, bool with_store = false, metadata::UtcTime now = kNow) {
    const Repository repo = repository();
    TENON_TRY(const OnlineRoles roles, sign_online(repo, keys, std::nullopt, now));
    TENON_TRY(const Publication publication, online_publication(roles));
    return write(repo, publication, now, with_store);
  }
  Result<void> write(const Repository& repo, const Publication& publication, metadata::UtcTime now,
                     bool with_store = true) {
    TENON_TRY_VOID(check_publication(repo, publication, now, no_progress_));
    const auto send = [&]() -> Result<void> {
      if (!with_store) return {};
      TENON_TRY_VOID(upload(repo, view_of(repo, publication), store_, now, 2, no_progress_));
      return {};
    };
    return write_publication(repo, disk_, publication, now, no_progress_, send);
  }

  fs::path copy(const std::string& name) const {
    fs::copy(folder(), temp_ / name, fs::copy_options::recursive);
    return temp_ / name;
  }
  // Works in another folder for the length of a block.
  template <class Work>
  void in(const fs::path& other, Work work) {
    fs::rename(folder(), temp_ / "aside");
    fs::rename(other, folder());
    work();
    fs::rename(folder(), other);
    fs::rename(temp_ / "aside", folder());
  }

  // The copy of the folder that knows the first release alone.
  fs::path publish_two_and_keep_the_first() {
    stage_release("1.0.0", 1, 1);
    EXPECT_TRUE(publish_to());
    fs::path other = copy("other");
    stage_release("1.1.0", 2, 2);
    EXPECT_TRUE(publish_to());
    return other;
  }

  // The same, but that the second release waits, with a root that gives timestamp another key; and the old key.
  std::pair<fs::path, Keys> publish_one_and_stage_a_rotation() {
    stage_release("1.0.0", 1, 1);
    EXPECT_TRUE(publish_to());
    fs::path other = copy("other");
    Keys old_keys = std::exchange(timestamp_keys_, new_keys(1));
    EXPECT_TRUE(disk_.put(repository().draft("2.root.json"), signed_root(root(2))));
    stage_release("1.1.0", 2, 2);
    return {std::move(other), std::move(old_keys)};
  }

  std::int64_t version_in_store() {
    const Bytes file = **store_.read("metadata/timestamp.json", 1u << 16);
    const metadata::Envelope envelope = *metadata::Envelope::parse(file, file.size());
    return metadata::Timestamp::parse(envelope.signed_part())->header.version.value();
  }

  FolderStore store_{temp_ / "store"};
};

TEST_F(Uploading, SendsWhatIsNewAndNothingTwice) {
  stage_release("1.0.0", 1, 1);
  ASSERT_TRUE(publish_to());
  const std::size_t first = store_.created;
  EXPECT_GT(first, 6u);
  ASSERT_TRUE(upload(repository(), RepositoryView::published(repository()), store_, kNow, 2, no_progress_));
  EXPECT_EQ(store_.created, first);
  ASSERT_TRUE(refresh_to(timestamp_keys_));
  EXPECT_EQ(store_.created, first);  // but for timestamp
  EXPECT_EQ(version_in_store(), 2);
}

// Root is signed anew each year, and nothing else changes with it.
TEST_F(Uploading, SendsARootThatComesAlone) {
  stage_release("1.0.0", 1, 1);
  ASSERT_TRUE(publish_to());
  ASSERT_TRUE(disk_.put(repository().draft("2.root.json"), signed_root(root(2))));
  const Result<void> published = publish_to();
  ASSERT_TRUE(published) << published.error().message;
  EXPECT_EQ(*store_.read("metadata/2.root.json", 1u << 20), signed_root(root(2)));
  EXPECT_EQ(version_in_store(), 1);
}

// A rotation of timestamp's key is under way: root is in the store, its timestamp is not yet, and somebody with a copy of the
// folder has published with the old key meanwhile. Devices of the store accept nothing until the new timestamp is there.
// Book: KEY-04
TEST_F(Uploading, AfterARotationReplacesATimestampOfTheOldKeyWhateverItsVersion) {
  const auto rotation = publish_one_and_stage_a_rotation();
  const fs::path& other = rotation.first;
  const Keys& old_keys = rotation.second;
  ASSERT_TRUE(
      store_.create("metadata/2.root.json", {signed_root(root(2)), metadata::FileIdentity::of(signed_root(root(2)))}));
  in(other, [&] {
    ASSERT_TRUE(refresh(old_keys));
    ASSERT_TRUE(refresh(old_keys));
    fs::copy(folder() / "public/metadata/timestamp.json", temp_ / "store/metadata/timestamp.json",
             fs::copy_options::overwrite_existing);
  });
  EXPECT_EQ(version_in_store(), 3);
  const Result<void> published = publish_to();
  ASSERT_TRUE(published) << published.error().message;
  EXPECT_EQ(version_in_store(), 2);  // of the new key, for which devices begin anew
  EXPECT_EQ(*current(), "1.1.0");
}

// Book: KEY-04
TEST_F(Uploading, OfAFolderThatDoesNotKnowTheNewestRootIsRefused) {
  const auto rotation = publish_one_and_stage_a_rotation();
  const fs::path& other = rotation.first;
  const Keys& old_keys = rotation.second;
  ASSERT_TRUE(publish_to());
  in(other, [&] {
    EXPECT_EQ(code_of(refresh_to(old_keys)), "E_SIG");
    EXPECT_EQ(code_of(refresh(old_keys, true)), "E_SIG");
    EXPECT_TRUE(fs::exists(folder() / "public/metadata/2.root.json"));
  });
  EXPECT_EQ(version_in_store(), 2);
}

TEST_F(Uploading, TakesOverEveryRoleThatTheStoreHasAndLogsIt) {
  const fs::path other = publish_two_and_keep_the_first();
  in(other, [&] {
    const Result<std::optional<metadata::Version>> taken = catch_up(repository(), disk_, store_, kNow);
    ASSERT_TRUE(taken) << taken.error().message;
    EXPECT_EQ((*taken)->value(), 2);
    EXPECT_EQ(repository().published_version(RoleId::snapshot())->value().value(), 2);
    const std::vector<LogEntry> log = *read_log(repository());
    ASSERT_EQ(log.size(), 2u);
    EXPECT_EQ(log.back().timestamp, 2);
    EXPECT_EQ(log.back().roles.size(), 2u);  // releases and rollout of demo
    EXPECT_FALSE(*catch_up(repository(), disk_, store_, kNow));
  });
}

// The keys of snapshot and timestamp are online, and may be stolen: with them alone nobody gives a folder what the releases'
// keys did not sign, for that would be the next draft's beginning.
// Book: SRV-05
TEST_F(Uploading, DoesNotTakeOverARoleThatItsOwnKeysDidNotSign) {
  const fs::path other = publish_two_and_keep_the_first();

  const auto file_of = [&](const std::string& name) { return **store_.read("metadata/" + name, 1u << 20); };
  const auto parsed = [](const Bytes& file) { return *metadata::Envelope::parse(file, file.size()); };
  metadata::Targets stolen = *metadata::Targets::parse(parsed(file_of("2.releases.demo.json")).signed_part());
  stolen.targets.clear();
  const Bytes role = signed_by(snapshot_keys_, stolen.to_json());
  metadata::Snapshot snapshot = *metadata::Snapshot::parse(parsed(file_of("2.snapshot.json")).signed_part());
  metadata::MetaEntry& pin = snapshot.meta.at("releases.demo.json");
  pin.length = role.size();
  pin.hashes->sha256 = Sha256::of(role);
  const Bytes snapshot_file = signed_by(snapshot_keys_, snapshot.to_json());
  metadata::Timestamp timestamp = *metadata::Timestamp::parse(parsed(file_of("timestamp.json")).signed_part());
  timestamp.snapshot.length = snapshot_file.size();
  timestamp.snapshot.hashes->sha256 = Sha256::of(snapshot_file);
  const fs::path place = temp_ / "store/metadata";
  ASSERT_TRUE(disk_.put(place / "2.releases.demo.json", role));
  ASSERT_TRUE(disk_.put(place / "2.snapshot.json", snapshot_file));
  ASSERT_TRUE(disk_.put(place / "timestamp.json", signed_by(timestamp_keys_, timestamp.to_json())));
  in(other, [&] {
    const auto before = files_below("public");
    EXPECT_EQ(code_of(catch_up(repository(), disk_, store_, kNow)), "E_SIG");
    EXPECT_EQ(files_below("public"), before);
  });
}

// Book: SRV-07
TEST_F(Uploading, NeverTakesDevicesOfTheStoreBack) {
  const fs::path other = publish_two_and_keep_the_first();
  in(other, [&] {
    ASSERT_TRUE(refresh(timestamp_keys_));
    ASSERT_TRUE(refresh(timestamp_keys_));
    EXPECT_EQ(code_of(refresh_to(timestamp_keys_)), "E_ROLLBACK");
  });
  EXPECT_EQ(version_in_store(), 2);
}

}  // namespace
}  // namespace tenon::repo_tools
