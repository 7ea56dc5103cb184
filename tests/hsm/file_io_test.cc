#include <tenon/hsm/file_io.h>

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <tests/hsm/temp_folder.h>

namespace tenon::hsm {
namespace {

unsigned mode_of(const std::filesystem::path& path) {
  struct stat status {};
  TENON_CHECK(::stat(path.c_str(), &status) == 0);
  return status.st_mode & 07777;
}

std::string content_of(const std::filesystem::path& path) {
  const Result<Bytes> content = read_file(path, 1024);
  TENON_CHECK(content.has_value());
  return std::string(as_text(*content));
}

ErrorCode code_of_private_read(const std::filesystem::path& path) {
  const Result<SecretBytes> content = read_private_file(path, 1024);
  TENON_CHECK(!content.has_value());
  return content.error().code;
}

// Book: KEYT-14
TEST(WriteNewFile, GivesExactlyTheModeThatWasAskedForUnderAnyUmask) {
  const TempFolder folder;
  const mode_t before = ::umask(0);
  const Result<void> written = write_new_file(folder / "key", as_bytes("x"), FileMode::kPrivate);
  ::umask(before);
  ASSERT_TRUE(written);
  EXPECT_EQ(mode_of(folder / "key"), 0600u);
}

// Book: KEYT-14
TEST(WriteNewFile, RefusesATakenNameAndLeavesTheFileAsItWas) {
  const TempFolder folder;
  folder.write("key", "old");
  const Result<void> written = write_new_file(folder / "key", as_bytes("new"), FileMode::kPrivate);
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, ErrorCode::kPolicy);
  EXPECT_EQ(content_of(folder / "key"), "old");
}

TEST(WriteNewFile, RefusesADanglingLinkInsteadOfWritingThroughIt) {
  const TempFolder folder;
  std::filesystem::create_symlink(folder / "elsewhere", folder / "key");
  EXPECT_FALSE(write_new_file(folder / "key", as_bytes("new"), FileMode::kPrivate));
  EXPECT_FALSE(std::filesystem::exists(folder / "elsewhere"));
}

TEST(WriteNewFile, LeavesNoTemporaryFileBehindWhenRefused) {
  const TempFolder folder;
  folder.write("key", "old");
  EXPECT_FALSE(write_new_file(folder / "key", as_bytes("new"), FileMode::kPrivate));
  const std::filesystem::directory_iterator entries(folder.path());
  EXPECT_EQ(std::distance(begin(entries), end(entries)), 1);
}

TEST(ReplaceFile, PutsTheWholeNewContentInPlaceOfTheOld) {
  const TempFolder folder;
  folder.write("root", "a longer old content");
  ASSERT_TRUE(replace_file(folder / "root", as_bytes("new"), FileMode::kPublic));
  EXPECT_EQ(content_of(folder / "root"), "new");
}

TEST(ReplaceFile, SaysWhichFolderIsMissing) {
  const TempFolder folder;
  const Result<void> written = replace_file(folder / "no/such/root", as_bytes("x"), FileMode::kPublic);
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, ErrorCode::kStorage);
}

TEST(ReadFile, RefusesMoreThanTheLimit) {
  const TempFolder folder;
  const Result<Bytes> content = read_file(folder.write("big", std::string(11, 'x')), 10);
  ASSERT_FALSE(content);
  EXPECT_EQ(content.error().code, ErrorCode::kLimit);
}

TEST(ReadFile, DoesNotHangOnAFifo) {
  const TempFolder folder;
  ASSERT_EQ(::mkfifo((folder / "fifo").c_str(), 0600), 0);
  EXPECT_FALSE(read_file(folder / "fifo", 10));
}

// Book: KEYT-14
TEST(ReadPrivateFile, RefusesAFileThatTheGroupCanRead) {
  const TempFolder folder;
  const std::filesystem::path path = folder.write("key", "x");
  ASSERT_EQ(::chmod(path.c_str(), 0640), 0);
  EXPECT_EQ(code_of_private_read(path), ErrorCode::kAuth);
}

// Book: KEYT-14
TEST(ReadPrivateFile, RefusesASymbolicLink) {
  const TempFolder folder;
  folder.write("key", "x");
  std::filesystem::create_symlink(folder / "key", folder / "link");
  EXPECT_EQ(code_of_private_read(folder / "link"), ErrorCode::kAuth);
}

// Book: KEYT-14
TEST(ReadPrivateFile, RefusesAFileWithASecondName) {
  const TempFolder folder;
  const std::filesystem::path path = folder.write("key", "x");
  std::filesystem::create_hard_link(path, folder / "second");
  EXPECT_EQ(code_of_private_read(path), ErrorCode::kAuth);
}

TEST(ReadPrivateFile, SaysHowToMakeItPrivate) {
  const TempFolder folder;
  const Result<SecretBytes> content = read_private_file(folder.write("key", "x", FileMode::kPublic), 10);
  ASSERT_FALSE(content);
  EXPECT_TRUE(content.error().hint.starts_with("chmod 600 ")) << content.error().hint;
}

}  // namespace
}  // namespace tenon::hsm
