// AppDataFolder and the tree below it: a copy is whole and like its original, what has no copy is refused, and what is not
// finished counts as nothing.
#include <tenon/client/store/app_data_folder.h>
#include <tenon/client/store/file_tree.h>

#include <fstream>
#include <iterator>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <tests/support/scratch_folder.h>
#include <unistd.h>

namespace tenon::client {
namespace {

namespace fs = std::filesystem;
constexpr std::uint64_t kNoLimit = ~std::uint64_t{0};

std::string content(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void write(const fs::path& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

struct stat status_at(const fs::path& path) {
  struct stat result = {};
  EXPECT_EQ(::lstat(path.c_str(), &result), 0) << path;
  return result;
}

class AppDataFolderTest : public testing::Test {
 protected:
  AppDataFolderTest() { seven = scratch.make_folder("data/7"); }

  AppDataFolder folder() const { return *AppDataFolder::open((scratch.path() / "data").string()); }
  fs::path copy() const { return folder().unfinished_path(); }
  Result<void> begin() const { return folder().begin(7, kNoLimit); }
  std::string error_of_begin() const {
    const Result<void> done = begin();
    EXPECT_FALSE(done);
    return done ? "" : done.error().message;
  }

  tests::ScratchFolder scratch;
  fs::path seven;
};

TEST_F(AppDataFolderTest, CopiesContentModesTimesLinksAndHoles) {
  write(seven / "plain", "text");
  write(seven / "secret", "key");
  ::chmod((seven / "secret").c_str(), 0400);
  ::chmod((scratch.make_folder("data/7/closed") / "").c_str(), 0711);
  write(seven / "closed/inner", std::string(300'000, 'x'));
  fs::create_symlink("../../outside", seven / "link");
  fs::create_hard_link(seven / "plain", seven / "closed/second-name");
  const std::string odd = "odd \n\xff name";
  write(seven / odd, "odd");
  ASSERT_EQ(::mkfifo((seven / "pipe").c_str(), 0620), 0);
  {
    const FileDescriptor sparse(::open((seven / "sparse").c_str(), O_RDWR | O_CREAT, 0644));
    ASSERT_TRUE(write_all(sparse, 10u << 20, Bytes(10, 7), ""));
    ASSERT_EQ(::ftruncate(sparse.get(), 20 << 20), 0);
  }
  const timespec times[2] = {{1'000'000'000, 123}, {1'100'000'000, 456}};
  for (const char* name : {"plain", "link", "closed"}) {
    ASSERT_EQ(::utimensat(AT_FDCWD, (seven / name).c_str(), times, AT_SYMLINK_NOFOLLOW), 0);
  }
  const Result<void> done = begin();
  ASSERT_TRUE(done) << done.error().message;

  EXPECT_EQ(content(copy() / "plain"), "text");
  EXPECT_EQ(content(copy() / odd), "odd");
  EXPECT_EQ(content(copy() / "closed/inner"), std::string(300'000, 'x'));
  EXPECT_EQ(fs::read_symlink(copy() / "link"), "../../outside");
  EXPECT_EQ(status_at(copy() / "secret").st_mode, status_at(seven / "secret").st_mode);
  EXPECT_EQ(status_at(copy() / "closed").st_mode & 07777, 0711u);
  EXPECT_EQ(status_at(copy() / "pipe").st_mode, status_at(seven / "pipe").st_mode);
  EXPECT_EQ(status_at(copy() / "plain").st_ino, status_at(copy() / "closed/second-name").st_ino);
  EXPECT_NE(status_at(copy() / "plain").st_ino, status_at(seven / "plain").st_ino);
  for (const char* name : {"plain", "link", "closed"}) {
    EXPECT_EQ(status_at(copy() / name).st_mtim.tv_sec, 1'100'000'000) << name;
    EXPECT_EQ(status_at(copy() / name).st_mtim.tv_nsec, 456) << name;
  }
  EXPECT_EQ(content(copy() / "sparse"), content(seven / "sparse"));
  EXPECT_LT(status_at(copy() / "sparse").st_blocks * 512, 1 << 20);
}

TEST_F(AppDataFolderTest, CopiesOwnersAndRightsThatAChangeOfOwnerTakesAway) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give files away";
  write(seven / "program", "x");
  ASSERT_EQ(::chown((seven / "program").c_str(), 1234, 5678), 0);
  ASSERT_EQ(::chmod((seven / "program").c_str(), 06755), 0);
  fs::create_symlink("x", seven / "link");
  ASSERT_EQ(::lchown((seven / "link").c_str(), 1234, 5678), 0);
  ASSERT_EQ(::chown(seven.c_str(), 4321, 8765), 0);
  ASSERT_TRUE(begin());
  for (const fs::path& name : {fs::path("program"), fs::path("link")}) {
    EXPECT_EQ(status_at(copy() / name).st_uid, 1234u) << name;
    EXPECT_EQ(status_at(copy() / name).st_gid, 5678u) << name;
  }
  EXPECT_EQ(status_at(copy() / "program").st_mode & 07777, 06755u);
  EXPECT_EQ(status_at(copy()).st_uid, 4321u);
}

TEST_F(AppDataFolderTest, CopiesExtendedAttributes) {
  write(seven / "file", "x");
  if (::setxattr((seven / "file").c_str(), "user.origin", "factory", 7, 0) != 0) GTEST_SKIP() << "not known here";
  ASSERT_TRUE(begin());
  char value[8] = {};
  EXPECT_EQ(::getxattr((copy() / "file").c_str(), "user.origin", value, sizeof value), 7);
  EXPECT_STREQ(value, "factory");
}

TEST_F(AppDataFolderTest, FollowsNoLinkOutOfTheData) {
  const fs::path outside = scratch.make_folder("outside");
  write(outside / "kept", "x");
  fs::create_directory_symlink(outside, seven / "way-out");
  ASSERT_TRUE(begin());
  EXPECT_TRUE(fs::is_symlink(copy() / "way-out"));
  ASSERT_TRUE(folder().discard());
  ASSERT_TRUE(folder().remove(7));
  EXPECT_EQ(content(outside / "kept"), "x");
}

TEST_F(AppDataFolderTest, RefusesADeviceBeforeAnythingIsCopied) {
  if (::mknod((seven / "zz-device").c_str(), S_IFCHR | 0600, makedev(1, 3)) != 0)
    GTEST_SKIP() << "only root makes devices";
  write(seven / "file", "x");
  EXPECT_NE(error_of_begin().find("7/zz-device: is a device"), std::string::npos);
  EXPECT_FALSE(fs::exists(copy()));
}

TEST_F(AppDataFolderTest, RefusesATreeThatIsTooDeep) {
  FileDescriptor inner(::open(seven.c_str(), O_RDONLY | O_DIRECTORY));
  for (std::size_t depth = 0; depth < kMostTreeDepth; ++depth) {
    ASSERT_EQ(::mkdirat(inner.get(), "d", 0755), 0);
    inner = FileDescriptor(::openat(inner.get(), "d", O_RDONLY | O_DIRECTORY));
  }
  const Result<void> done = begin();
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, ErrorCode::kLimit);
}

TEST_F(AppDataFolderTest, RemovesHoweverDeepFoldersLieInEachOther) {
  FileDescriptor inner(::open(seven.c_str(), O_RDONLY | O_DIRECTORY));
  ASSERT_EQ(::mkdirat(inner.get(), ".deep-1", 0755), 0);
  ASSERT_EQ(::mkdirat(inner.get(), ".deep-1/taken", 0755), 0);
  for (std::size_t depth = 0; depth < 5 * kMostTreeDepth; ++depth) {
    ASSERT_EQ(::mkdirat(inner.get(), "d", 0755), 0);
    inner = FileDescriptor(::openat(inner.get(), "d", O_RDONLY | O_DIRECTORY));
  }
  const Result<void> done = folder().remove(7);
  EXPECT_TRUE(done) << done.error().message;
  EXPECT_FALSE(fs::exists(seven));
  EXPECT_FALSE(fs::exists(copy()));
}

TEST_F(AppDataFolderTest, RefusesMoreThanTheLimitBeforeAnythingIsCopied) {
  write(seven / "file", std::string(3 << 20, 'x'));
  const Result<void> done = folder().begin(7, 2u << 20);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, ErrorCode::kLimit);
  EXPECT_NE(done.error().message.find("has 3 MiB, and 2 MiB may be copied"), std::string::npos) << done.error().message;
  EXPECT_FALSE(fs::exists(copy()));
}

TEST_F(AppDataFolderTest, KnowsWhatIsWholeAndLeavesAloneWhatIsNotItsOwn) {
  for (const char* name : {"data/12", "data/0", "data/012", "data/-1", "data/7x", "data/lost+found", "data/.unfinished",
                           "data/9999999999999999999"}) {
    scratch.make_folder(name);
  }
  write(scratch.path() / "data/8", "a file");
  fs::create_directory_symlink("7", scratch.path() / "data/9");
  const Result<Editions> editions = folder().look();
  ASSERT_TRUE(editions);
  EXPECT_EQ(editions->whole, (std::set<std::int64_t>{7, 12}));
  EXPECT_TRUE(editions->has_unfinished);
  EXPECT_EQ(editions->current, std::nullopt);
  for (const auto& [target, current] : std::map<std::string, std::optional<std::int64_t>>{
           {"7", 7}, {"12", 12}, {"../data/7", std::nullopt}, {"7/", std::nullopt}, {"", std::nullopt}}) {
    fs::remove(scratch.path() / "data/current");
    if (!target.empty()) fs::create_directory_symlink(target, scratch.path() / "data/current");
    EXPECT_EQ(folder().look()->current, current) << target;
  }
}

TEST_F(AppDataFolderTest, TheEditionOfAReleaseIsTheOneInUseOrElseTheNewestThatIsNotNewer) {
  const Editions editions{.whole = {3, 7, 9}, .current = {}};
  EXPECT_EQ(editions.of({.sequence = 12}), 9);
  EXPECT_EQ(editions.of({.sequence = 9}), 9);
  EXPECT_EQ(editions.of({.sequence = 8}), 7);
  EXPECT_EQ(editions.of({.sequence = 2}), std::nullopt);
  EXPECT_EQ(editions.of({.sequence = 12, .confirmed = 8}), 7);  // 9 was of a trial that failed
  EXPECT_EQ((Editions{.whole = {3, 7}, .current = 3}).of({.sequence = 8}), 3);
  EXPECT_EQ((Editions{.whole = {3, 7}, .current = 5}).of({.sequence = 8}), 7);  // where it leads is nothing
  EXPECT_EQ((Editions{.whole = {3, 9}, .current = 9}).of({.sequence = 8}), 3);
}

TEST_F(AppDataFolderTest, GivesAnEditionItsNameAndTheLink) {
  write(seven / "file", "x");
  ASSERT_TRUE(folder().use(7));
  ASSERT_TRUE(begin());
  EXPECT_EQ(folder().look()->whole, (std::set<std::int64_t>{7}));
  ASSERT_TRUE(folder().finish(9));
  ASSERT_TRUE(folder().use(9));
  EXPECT_EQ(folder().look()->current, 9);
  EXPECT_EQ(content(scratch.path() / "data/current/file"), "x");
  ASSERT_TRUE(folder().remove(7));
  EXPECT_EQ(scratch.entries(), (std::set<std::string>{"data", "data/9", "data/9/file", "data/current"}));
}

TEST_F(AppDataFolderTest, PutsALinkInThePlaceOfAnyOtherAndOfNoFolder) {
  fs::create_directory_symlink("/somewhere/else", scratch.path() / "data/current");
  fs::create_directory_symlink("old", scratch.path() / "data/.current.new");  // of a cut
  ASSERT_TRUE(folder().use(7));
  EXPECT_EQ(fs::read_symlink(scratch.path() / "data/current"), "7");
  fs::remove(scratch.path() / "data/current");
  scratch.make_folder("data/current/of-somebody");
  const Result<void> done = folder().use(7);
  ASSERT_FALSE(done);
  EXPECT_NE(done.error().hint.find("move it away"), std::string::npos) << done.error().hint;
  EXPECT_TRUE(fs::exists(scratch.path() / "data/current/of-somebody"));
}

}  // namespace
}  // namespace tenon::client
