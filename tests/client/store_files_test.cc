// FileStore: the folder of trusted state, its lock, and files that are replaced whole or not at all.
#include <tenon/client/store/file_store.h>

#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace tenon::client {
namespace {

namespace fs = std::filesystem;

class FileStoreTest : public testing::Test {
 protected:
  FileStoreTest()
      : path_(fs::path(testing::TempDir()) / ("tenon_store_" + std::to_string(::getpid()) + "_" +
                                              testing::UnitTest::GetInstance()->current_test_info()->name())) {
    fs::remove_all(path_);
    fs::create_directories(path_);
  }
  ~FileStoreTest() override { fs::remove_all(path_); }

  std::unique_ptr<FileStore> open() const {
    auto store = FileStore::open(path_);
    EXPECT_TRUE(store) << store.error().message;
    return *std::move(store);
  }
  std::unique_ptr<FileStore> open_for_reading() const {
    auto store = FileStore::open_for_reading(path_);
    EXPECT_TRUE(store) << store.error().message;
    return *std::move(store);
  }
  static std::string text(const std::optional<Bytes>& content) {
    return content ? std::string(as_text(*content)) : "nothing";
  }

  fs::path path_;
};

TEST_F(FileStoreTest, GivesBackMetadataAsItWasReceived) {
  Bytes every_byte;
  for (int i = 0; i < 256; ++i) every_byte.push_back(static_cast<std::uint8_t>(i));
  ASSERT_TRUE(open()->save("root.json", every_byte));
  EXPECT_EQ(open()->load("root.json"), every_byte);
}

TEST_F(FileStoreTest, ReplacesAFileWhole) {
  const auto store = open();
  ASSERT_TRUE(store->save("timestamp.json", as_bytes("a long old content")));
  ASSERT_TRUE(store->save("timestamp.json", as_bytes("new")));
  EXPECT_EQ(text(store->load("timestamp.json")), "new");
  EXPECT_FALSE(fs::exists(path_ / "metadata" / ".new"));
}

TEST_F(FileStoreTest, KeepsTheOldFileWhenPowerWasCutBeforeTheRename) {
  ASSERT_TRUE(open()->save("root.json", as_bytes("old")));
  std::ofstream(path_ / "metadata" / ".new") << "half of the ne";
  const auto store = open();
  EXPECT_EQ(text(store->load("root.json")), "old");
  ASSERT_TRUE(store->save("root.json", as_bytes("new")));
  EXPECT_EQ(text(store->load("root.json")), "new");
}

TEST_F(FileStoreTest, KeepsTheOldFileWhenTheNewOneCannotBeWritten) {
  const auto store = open();
  ASSERT_TRUE(store->save("root.json", as_bytes("old")));
  fs::create_directory(path_ / "metadata" / ".new");
  const auto saved = store->save("root.json", as_bytes("new"));
  ASSERT_FALSE(saved);
  EXPECT_EQ(saved.error().code, ErrorCode::kStorage);
  EXPECT_EQ(text(store->load("root.json")), "old");
}

TEST_F(FileStoreTest, GivesNothingForAFileThatIsNotThere) {
  EXPECT_EQ(text(open()->load("root.json")), "nothing");
}

TEST_F(FileStoreTest, RefusesNamesThatAreNotOnePlainComponent) {
  const auto store = open();
  for (const std::string& name :
       {std::string(), std::string("."), std::string(".."), std::string(".new"), std::string("../root.json"),
        std::string("a/b"), std::string("/etc/passwd"), std::string("a\0b", 3), std::string(256, 'x')}) {
    const auto saved = store->save(name, as_bytes("x"));
    ASSERT_FALSE(saved) << name;
    EXPECT_EQ(saved.error().code, ErrorCode::kStorage) << name;
    EXPECT_EQ(text(store->load(name)), "nothing") << name;
  }
  EXPECT_TRUE(store->save(std::string(255, 'x'), as_bytes("x")));
  EXPECT_TRUE(store->save("targets%2Fone.json", as_bytes("x")));
}

// Book: TGT-13
TEST_F(FileStoreTest, FollowsNoSymbolicLink) {
  const auto store = open();
  std::ofstream(path_ / "secret") << "precious";
  fs::create_symlink(path_ / "secret", path_ / "metadata" / "root.json");
  EXPECT_EQ(text(store->load("root.json")), "nothing");
  ASSERT_TRUE(store->save("root.json", as_bytes("new")));  // replaces the link, not what it leads to
  EXPECT_EQ(text(store->load("root.json")), "new");
  EXPECT_EQ(fs::file_size(path_ / "secret"), 8u);
}

// Book: TGT-13
TEST_F(FileStoreTest, RefusesAFolderThatIsASymbolicLink) {
  fs::create_directory(path_ / "elsewhere");
  fs::create_directory_symlink("elsewhere", path_ / "records");
  const auto store = FileStore::open(path_);
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().code, ErrorCode::kStorage);
}

TEST_F(FileStoreTest, DoesNotHangOnAPipe) {
  const auto store = open();
  ASSERT_EQ(::mkfifo((path_ / "metadata" / "root.json").c_str(), 0600), 0);
  EXPECT_EQ(text(store->load("root.json")), "nothing");
}

TEST_F(FileStoreTest, NeverReadsAFileLargerThanAnyMetadata) {
  const auto store = open();
  std::ofstream(path_ / "metadata" / "root.json") << "x";
  fs::resize_file(path_ / "metadata" / "root.json", (16u << 20) + 1);
  EXPECT_EQ(text(store->load("root.json")), "nothing");
  const auto saved = store->save("root.json", Bytes((16u << 20) + 1));
  ASSERT_FALSE(saved);
  EXPECT_EQ(saved.error().code, ErrorCode::kStorage);
}

TEST_F(FileStoreTest, KeepsEachRecordInAFileOfItsOwn) {
  const auto store = open();
  const std::array records = {Record::kFloors, Record::kJournal, Record::kCheckpoint, Record::kStamps,
                              Record::kDeferral};
  for (const Record record : records) {
    EXPECT_TRUE(std::holds_alternative<Absent>(*store->load(record)));
    ASSERT_TRUE(store->save(record, as_bytes("record " + std::to_string(static_cast<int>(record)))));
  }
  for (const Record record : records) {
    const auto content = store->load(record);
    ASSERT_TRUE(content);
    EXPECT_EQ(as_text(std::get<Bytes>(*content)), "record " + std::to_string(static_cast<int>(record)));
  }
  for (const char* name : {"floors", "journal", "checkpoint", "stamps", "deferral"}) {
    EXPECT_TRUE(fs::exists(path_ / "records" / name)) << name;
  }
}

TEST_F(FileStoreTest, NeverBeginsAnewWhereTheDataFolderIsMissing) {
  fs::remove_all(path_);
  for (const auto& store : {FileStore::open(path_), FileStore::open_for_reading(path_)}) {
    ASSERT_FALSE(store);
    EXPECT_EQ(store.error().code, ErrorCode::kStorage);
    EXPECT_NE(store.error().hint.find("install -d"), std::string::npos);
  }
  EXPECT_FALSE(fs::exists(path_));
}

// Crash point 34 of design/installing.md.
TEST_F(FileStoreTest, IsBusyForASecondProcess) {
  const auto store = open();
  const pid_t child = ::fork();
  if (child == 0) {
    const auto second = FileStore::open(path_);
    ::_exit(!second && second.error().code == ErrorCode::kBusy && !second.error().hint.empty() ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST_F(FileStoreTest, IsBusyForASecondUseInTheSameProcess) {
  {
    const auto store = open();
    const auto second = FileStore::open(path_);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, ErrorCode::kBusy);
  }
  EXPECT_TRUE(FileStore::open(path_));
}

TEST_F(FileStoreTest, IsFreeAgainAfterItsProcessWasKilled) {
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const auto store = FileStore::open(path_);
    static_cast<void>(!::write(ready[1], "x", 1));
    for (;;) ::pause();
  }
  char c = 0;
  ASSERT_EQ(::read(ready[0], &c, 1), 1);
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  EXPECT_TRUE(FileStore::open(path_));
  ::close(ready[0]);
  ::close(ready[1]);
}

TEST_F(FileStoreTest, ShowsItsStateBesideTheProcessThatWrites) {
  const auto writer = open();
  ASSERT_TRUE(writer->save("root.json", as_bytes("root")));
  ASSERT_TRUE(writer->save(Record::kFloors, as_bytes("floors")));
  const auto reader = open_for_reading();
  EXPECT_EQ(text(reader->load("root.json")), "root");
  EXPECT_EQ(as_text(std::get<Bytes>(*reader->load(Record::kFloors))), "floors");
}

TEST_F(FileStoreTest, ChangesNothingWhenOpenedForReading) {
  const auto reader = open_for_reading();
  EXPECT_TRUE(fs::is_empty(path_));
  EXPECT_EQ(text(reader->load("root.json")), "nothing");
  EXPECT_TRUE(std::holds_alternative<Absent>(*reader->load(Record::kFloors)));
  for (const auto& saved : {reader->save("root.json", as_bytes("x")), reader->save(Record::kFloors, as_bytes("x"))}) {
    ASSERT_FALSE(saved);
    EXPECT_EQ(saved.error().code, ErrorCode::kStorage);
  }
  EXPECT_TRUE(fs::is_empty(path_));
}

}  // namespace
}  // namespace tenon::client
