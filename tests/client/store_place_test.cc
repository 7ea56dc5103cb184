// Where the device keeps what it must not forget, and who else may write there.
#include <tenon/client/store/file_store.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <tests/support/scratch_folder.h>

namespace tenon::tests {
namespace {

namespace fs = std::filesystem;
using client::FileStore;
using client::Record;

void save_everything(FileStore& store) {
  EXPECT_TRUE(store.save("timestamp.json", as_bytes("{}")));
  for (const Record record :
       {Record::kFloors, Record::kJournal, Record::kCheckpoint, Record::kStamps, Record::kDeferral}) {
    EXPECT_TRUE(store.save(record, as_bytes("content")));
  }
}

// Book: LOC-07
TEST(DataFolder, HoldsTheLockAndAllElseThatTheStoreWrites) {
  const ScratchFolder scratch;
  const fs::path data = scratch.make_folder("data");
  const fs::path temporary = scratch.make_folder("tmp");
  const char* before = std::getenv("TMPDIR");
  ::setenv("TMPDIR", temporary.c_str(), 1);
  {
    const auto store = FileStore::open(data);
    ASSERT_TRUE(store) << store.error().message;
    save_everything(**store);
  }
  before == nullptr ? ::unsetenv("TMPDIR") : ::setenv("TMPDIR", before, 1);
  EXPECT_TRUE(fs::exists(data / "lock"));
  for (const std::string& entry : scratch.entries()) {
    EXPECT_TRUE(entry.starts_with("data") || entry == "tmp") << entry;
  }
}

// Book: LOC-07
TEST(DataFolder, HasNoFileThatOthersMayWriteUnderAnyUmask) {
  const ScratchFolder scratch;
  const fs::path data = scratch.make_folder("data");
  const mode_t before = ::umask(0);
  {
    const auto store = FileStore::open(data);
    ASSERT_TRUE(store) << store.error().message;
    save_everything(**store);
  }
  ::umask(before);
  for (const auto& entry : fs::recursive_directory_iterator(data)) {
    const fs::perms mode = entry.status().permissions();
    EXPECT_EQ(mode & (fs::perms::group_write | fs::perms::others_write), fs::perms::none) << entry.path();
  }
}

// Book: LOC-07
TEST(DataFolder, ThatEverybodyMayWriteToIsRefused) {
  const ScratchFolder scratch;
  const fs::path data = scratch.make_folder("data");
  for (const mode_t mode : {0777u, 01777u, 0702u}) {
    ASSERT_EQ(::chmod(data.c_str(), mode), 0);
    const auto store = FileStore::open(data);
    ASSERT_FALSE(store) << mode;
    EXPECT_EQ(store.error().code, ErrorCode::kStorage);
    EXPECT_FALSE(FileStore::open_for_reading(data)) << mode;
    EXPECT_TRUE(fs::is_empty(data)) << mode;
  }
  ASSERT_EQ(::chmod(data.c_str(), 0775), 0);
  EXPECT_TRUE(FileStore::open(data));
}

// Book: LOC-07, TGT-13
TEST(DataFolder, WhoseLockIsALinkIsRefusedAndTheVictimKept) {
  const ScratchFolder scratch;
  const fs::path data = scratch.make_folder("data");
  std::ofstream(scratch.path() / "victim") << "precious";
  fs::create_symlink(scratch.path() / "victim", data / "lock");
  EXPECT_FALSE(FileStore::open(data));
  EXPECT_EQ(fs::file_size(scratch.path() / "victim"), 8U);
}

// Book: TGT-13
TEST(DataFolder, WithAHardLinkInPlaceOfAFileLeavesTheOtherNameAlone) {
  const ScratchFolder scratch;
  const fs::path data = scratch.make_folder("data");
  std::ofstream(scratch.path() / "victim") << "precious";
  const auto store = FileStore::open(data);
  ASSERT_TRUE(store);
  for (const char* name : {"metadata/timestamp.json", "metadata/.new"}) {
    fs::create_hard_link(scratch.path() / "victim", data / name);
  }
  EXPECT_TRUE((*store)->save("timestamp.json", as_bytes("{}")));
  std::ifstream victim(scratch.path() / "victim");
  std::string content;
  victim >> content;
  EXPECT_EQ(content, "precious");
}

}  // namespace
}  // namespace tenon::tests
