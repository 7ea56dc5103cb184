#include <tenon/repo_tools/file_streams.h>

#include <algorithm>

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <tests/support/scratch_folder.h>

namespace tenon::tests {
namespace {

using repo_tools::InputFile;
using repo_tools::OutputFile;

Bytes content_of(const std::filesystem::path& path) {
  Result<InputFile> file = InputFile::open(path);
  Bytes content(static_cast<std::size_t>(file->size()));
  EXPECT_EQ(*file->read(content), content.size());
  return content;
}

TEST(OutputFile, ThatLeavesHolesReadsAsWhatWasWritten) {
  const ScratchFolder folder;
  Bytes image(5u << 20);
  std::fill_n(image.begin() + 4096, 100, std::uint8_t{1});
  image[(2u << 20) + 4095] = 2;
  image[(4u << 20) - 1] = 3;
  for (const std::size_t length : {image.size(), image.size() - 1, std::size_t{3u << 20} + 1, std::size_t{4096}}) {
    const std::filesystem::path path = folder.path() / std::to_string(length);
    Result<OutputFile> file = OutputFile::create(path);
    ASSERT_TRUE(file->write_with_holes(ByteView(image).first(length / 2)));
    ASSERT_TRUE(file->write_with_holes(ByteView(image).subspan(length / 2, length - length / 2)));
    ASSERT_TRUE(file->finish());
    const Bytes content = content_of(path);
    EXPECT_TRUE(std::ranges::equal(content, ByteView(image).first(length))) << length;
  }
  struct stat status {};
  ASSERT_EQ(::stat((folder.path() / std::to_string(image.size())).c_str(), &status), 0);
  EXPECT_LE(status.st_blocks, 200);  // of 512 bytes; the whole file has 10240
}

}  // namespace
}  // namespace tenon::tests
