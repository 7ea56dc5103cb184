#include <tenon/keyctl/home.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <tests/keyctl/ceremony_builder.h>
#include <tests/support/scratch_folder.h>

namespace tenon::keyctl {
namespace {

namespace fs = std::filesystem;

struct House {
  tests::ScratchFolder folder;
  fs::path path = folder.path() / "home";
  Label repository = *Label::parse("acme-fw");

  fs::path of(const std::string& name) const { return path / "repositories" / "acme-fw" / name; }
};

Memory sample() {
  return {to_bytes("root"), to_bytes("policy"), {{"root", {2, Sha256()}}, {"targets", {7, Sha256::of(as_bytes("x"))}}}};
}

TEST(Home, RemembersWhatItWasTold) {
  House house;
  {
    Home home = *Home::open(house.path);
    EXPECT_EQ(*home.recall(house.repository), Memory());
    ASSERT_TRUE(home.remember(house.repository, sample()));
  }
  EXPECT_EQ(*Home::open(house.path)->recall(house.repository), sample());
  EXPECT_EQ(*Home::open(house.path)->recall(*Label::parse("other")), Memory());
}

// Book: KEYT-14
TEST(Home, IsForItsOwnerAloneWhateverTheUmask) {
  House house;
  const mode_t before = ::umask(0);
  {
    Home home = *Home::open(house.path);
    ASSERT_TRUE(home.remember(house.repository, sample()));
    ASSERT_TRUE(home.audit().append("x", {}, kNow));
  }
  ::umask(before);
  for (const auto& entry : fs::recursive_directory_iterator(house.path)) {
    const auto others = fs::status(entry.path()).permissions() & (fs::perms::group_all | fs::perms::others_all);
    EXPECT_EQ(others, fs::perms::none) << entry.path();
  }
}

// Book: KEYT-14
TEST(Home, RefusesAFolderThatOthersCanWriteTo) {
  for (const auto mode : {0777, 0770, 0702}) {
    House house;
    fs::create_directory(house.path);
    fs::permissions(house.path, static_cast<fs::perms>(mode));
    const Result<Home> home = Home::open(house.path);
    ASSERT_FALSE(home);
    EXPECT_EQ(home.error().code, ErrorCode::kAuth);
    EXPECT_NE(home.error().hint.find("chmod 700"), std::string::npos);
  }
}

TEST(Home, RefusesAFileInPlaceOfAFolder) {
  House house;
  std::ofstream(house.path) << "x";
  EXPECT_EQ(Home::open(house.path).error().code, ErrorCode::kStorage);
  EXPECT_EQ(Home::open(house.folder.path() / "not" / "there").error().code, ErrorCode::kStorage);
}

TEST(Home, TellsASecondProcessThatItIsBusy) {
  House house;
  const Home first = *Home::open(house.path);
  const Result<Home> second = Home::open(house.path);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::kBusy);
}

TEST(Home, IsFreeAgainWhenTheFirstIsDone) {
  House house;
  { const Home first = *Home::open(house.path); }
  EXPECT_TRUE(Home::open(house.path));
}

// No file of this process may grow beyond that, for as long as it lives: a disk that is full for large files.
class SmallFiles {
 public:
  explicit SmallFiles(rlim_t bytes) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit small{bytes, before_.rlim_max};
    handler_ = std::signal(SIGXFSZ, SIG_IGN);
    ::setrlimit(RLIMIT_FSIZE, &small);
  }
  ~SmallFiles() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }
  SmallFiles(const SmallFiles&) = delete;

 private:
  rlimit before_{};
  void (*handler_)(int);
};

// What was signed is never forgotten, wherever the writing ends.
// Book: KEYT-24
TEST(Home, WritesMarksBeforeAnythingElse) {
  House house;
  Home home = *Home::open(house.path);
  Memory memory = sample();
  memory.root = Bytes(100'000, 'r');
  {
    const SmallFiles full(10'000);
    const Result<void> remembered = home.remember(house.repository, memory);
    ASSERT_FALSE(remembered);
    EXPECT_EQ(remembered.error().code, ErrorCode::kStorage);
  }
  EXPECT_EQ(*home.recall(house.repository), (Memory{{}, {}, memory.marks}));
  EXPECT_EQ(house.folder.entries(),
            (std::set<std::string>{"home", "home/lock", "home/repositories", "home/repositories/acme-fw",
                                   "home/repositories/acme-fw/signed.json"}));
}

// Book: KEYT-24
TEST(Home, KeepsTheOldLogWhenTheDiskIsFull) {
  House house;
  Home home = *Home::open(house.path);
  ASSERT_TRUE(home.audit().append("before", {}, kNow));
  {
    const SmallFiles full(300);
    json::Object data;
    data.set("text", std::string(500, 'x'));
    ASSERT_FALSE(home.audit().append("too long", data, kNow));
  }
  ASSERT_TRUE(home.audit().append("after", {}, kNow));
  const Result<AuditState> state = home.audit().read();
  ASSERT_TRUE(state) << state.error().message;
  EXPECT_EQ(state->entries.front().event, "before");
  EXPECT_EQ(state->entries.back().event, "after");
  EXPECT_EQ(state->torn, std::vector<std::uint64_t>{2});
}

// Unreadable is damaged, never empty: an empty memory would begin again with any root.
// Book: KEYT-02
TEST(Home, TakesWhatItCannotReadForDamagedAndNotForAbsent) {
  House house;
  Home home = *Home::open(house.path);
  for (const char* name : {"root.json", "policy.json", "signed.json"}) {
    fs::remove_all(house.path / "repositories");
    ASSERT_TRUE(home.remember(house.repository, sample()));
    fs::remove(house.of(name));
    fs::create_symlink("nowhere", house.of(name));
    const Result<Memory> memory = home.recall(house.repository);
    ASSERT_FALSE(memory) << name;
    EXPECT_EQ(memory.error().code, ErrorCode::kStorage);
    fs::remove(house.of(name));
    fs::create_directory(house.of(name));
    EXPECT_FALSE(home.recall(house.repository)) << name;
  }
}

// Book: KEYT-02
TEST(Home, RefusesMarksThatItCannotUnderstand) {
  House house;
  Home home = *Home::open(house.path);
  ASSERT_TRUE(home.remember(house.repository, sample()));
  const std::string digest(64, '0');
  for (const std::string& marks :
       {std::string(""), std::string("{}"), std::string("{\"format\":\"tenon-signed-2\",\"roles\":{}}"),
        "{\"format\":\"tenon-signed-1\",\"roles\":{\"root\":{\"version\":0,\"payload_sha256\":\"" + digest + "\"}}}",
        std::string("{\"format\":\"tenon-signed-1\",\"roles\":{\"root\":{\"version\":1}}}"),
        "{\"format\":\"tenon-signed-1\",\"roles\":{\"root\":{\"version\":1,\"payload_sha256\":\"" + digest +
            "\",\"x\":1}}}"}) {
    std::ofstream(house.of("signed.json"), std::ios::trunc) << marks;
    const Result<Memory> memory = home.recall(house.repository);
    ASSERT_FALSE(memory) << marks;
    EXPECT_EQ(memory.error().code, ErrorCode::kParse) << marks;
  }
}

TEST(Home, NoticesALogThatIsGoneWhenSomethingWasSigned) {
  tests::ScratchFolder folder;
  Home home = *Home::open(folder.path() / "home");
  EXPECT_EQ(home.read_log()->lines, 0u);
  ASSERT_TRUE(home.remember(*policies::Label::parse("acme"), {{}, {}, {{"root", {1, Sha256()}}}}));
  EXPECT_EQ(home.read_log().error().code, ErrorCode::kMismatch);
}

}  // namespace
}  // namespace tenon::keyctl
