// DiskWriter: what is gathered appears at the end, whole, and in the order of the calls.
#include <tenon/repo_tools/file_writer.h>

#include <filesystem>
#include <vector>

#include <gtest/gtest.h>
#include <tests/hsm/temp_folder.h>

namespace tenon::repo_tools {
namespace {

namespace fs = std::filesystem;

std::string content_of(const fs::path& path) {
  return std::string(as_text(hsm::read_file(path, 1024).value()));
}

std::size_t files_in(const fs::path& folder) {
  return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

// Few files are synced one by one, many by their file system.
class Gathered : public testing::TestWithParam<int> {};
INSTANTIATE_TEST_SUITE_P(FewAndMany, Gathered, testing::Values(3, 40));

TEST_P(Gathered, AppearsWhenItFinishesAndNotBefore) {
  const TempFolder folder;
  folder.write("goes", "old");
  DiskWriter writer;
  ManyFiles many(writer);
  for (int i = 0; i < GetParam(); ++i) {
    const std::string name = std::to_string(i);
    ASSERT_TRUE(writer.put(folder / "new" / name, as_bytes("content of " + name)));
    EXPECT_FALSE(fs::exists(folder / "new" / name));
  }
  ASSERT_TRUE(writer.remove(folder / "goes"));
  EXPECT_TRUE(fs::exists(folder / "goes"));
  ASSERT_TRUE(many.finish());
  EXPECT_EQ(files_in(folder / "new"), static_cast<std::size_t>(GetParam()));
  for (int i = 0; i < GetParam(); ++i) {
    EXPECT_EQ(content_of(folder / "new" / std::to_string(i)), "content of " + std::to_string(i));
  }
  EXPECT_FALSE(fs::exists(folder / "goes"));
}

TEST_P(Gathered, NeverTakesTheNameOfAFileThatCameMeanwhile) {
  const TempFolder folder;
  DiskWriter writer;
  ManyFiles many(writer);
  for (int i = 0; i < GetParam(); ++i) ASSERT_TRUE(writer.put_new(folder / std::to_string(i), as_bytes("ours")));
  folder.write("2", "theirs");
  const Result<void> finished = many.finish();
  ASSERT_FALSE(finished);
  EXPECT_EQ(finished.error().code, ErrorCode::kPolicy);
  EXPECT_EQ(content_of(folder / "2"), "theirs");
  EXPECT_EQ(content_of(folder / "1"), "ours");
  EXPECT_EQ(files_in(folder.path()), 3u);  // nothing half placed beside them
}

TEST(DiskWriter, WithoutGatheringEachCallIsDoneWhenItReturns) {
  const TempFolder folder;
  DiskWriter writer;
  ASSERT_TRUE(writer.put(folder / "a", as_bytes("1")));
  EXPECT_EQ(content_of(folder / "a"), "1");
  ASSERT_TRUE(writer.put(folder / "a", as_bytes("2")));
  EXPECT_EQ(content_of(folder / "a"), "2");
  EXPECT_FALSE(writer.put_new(folder / "a", as_bytes("3")));
  ASSERT_TRUE(writer.remove(folder / "a"));
  ASSERT_TRUE(writer.remove(folder / "a"));
  EXPECT_EQ(files_in(folder.path()), 0u);
}

}  // namespace
}  // namespace tenon::repo_tools
