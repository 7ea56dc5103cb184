// RecordPair and the form of its records: whatever a power cut leaves is the old content or the new.
#include <tenon/client/store/record_format.h>
#include <tenon/client/store/record_pair.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

namespace tenon::client {
namespace {

constexpr std::size_t kSectorBytes = 512;

class RecordPairTest : public testing::Test {
 protected:
  RecordPairTest()
      : path_(std::filesystem::path(testing::TempDir()) /
              ("tenon_records_" + std::to_string(::getpid()) + "_" +
               testing::UnitTest::GetInstance()->current_test_info()->name())) {
    std::filesystem::remove_all(path_);
    std::filesystem::create_directories(path_);
    folder_.emplace(*Folder::open(path_));
  }
  ~RecordPairTest() override { std::filesystem::remove_all(path_); }

  RecordPair pair() const { return RecordPair(*folder_, "floors"); }
  void save(std::string_view content) const {
    const auto saved = pair().save(as_bytes(content));
    ASSERT_TRUE(saved) << saved.error().message;
  }
  // What a process that starts now reads; "absent", "damaged" or the content.
  std::string loaded() const {
    auto content = pair().load();
    if (!content) return "error: " + content.error().message;
    if (std::holds_alternative<Absent>(*content)) return "absent";
    if (std::holds_alternative<Damaged>(*content)) return "damaged";
    return std::string(as_text(std::get<Bytes>(*content)));
  }
  Bytes file() const {
    std::ifstream in(path_ / "floors", std::ios::binary);
    return Bytes(std::istreambuf_iterator<char>(in), {});
  }
  void put_file(const Bytes& bytes) const {
    std::ofstream(path_ / "floors", std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  }

  std::filesystem::path path_;
  std::optional<Folder> folder_;
};

TEST(RecordFormat, GivesBackWhatWasEncoded) {
  for (const std::size_t length : {std::size_t{0}, std::size_t{1}, std::size_t{100}, kRecordCapacity}) {
    const Bytes content(length, 0xA5);
    const auto block = encode_record(7, content);
    ASSERT_TRUE(block);
    EXPECT_EQ(decode_record(*block), (StoredRecord{7, content}));
  }
}

TEST(RecordFormat, RefusesMoreThanFits) {
  const auto block = encode_record(1, Bytes(kRecordCapacity + 1));
  ASSERT_FALSE(block);
  EXPECT_EQ(block.error().code, ErrorCode::kLimit);
}

TEST(RecordFormat, HasTheCrcOfCastagnoli) {
  const std::array<ByteView, 2> parts = {as_bytes("1234"), as_bytes("56789")};
  EXPECT_EQ(crc32c(parts), 0xE3069283u);  // RFC 3720, B.4
}

TEST(RecordFormat, NoticesEveryFlippedBitOfHeaderAndContent) {
  const auto content = to_bytes("{\"root\": 7}");
  const RecordBlock whole = *encode_record(3, content);
  for (std::size_t bit = 0; bit < 8 * (kRecordHeaderBytes + content.size()); ++bit) {
    RecordBlock block = whole;
    block[bit / 8] = static_cast<std::uint8_t>(block[bit / 8] ^ (1u << (bit % 8)));
    EXPECT_FALSE(decode_record(block)) << bit;
  }
}

TEST(RecordFormat, IsNoRecordWhenZeroedErasedOrShort) {
  RecordBlock block = {};
  EXPECT_FALSE(decode_record(block));
  block.fill(0xFF);
  EXPECT_FALSE(decode_record(block));
  block = *encode_record(1, as_bytes("x"));
  EXPECT_FALSE(decode_record(ByteView(block).first(kRecordBytes - 1)));
  EXPECT_FALSE(decode_record({}));
}

TEST_F(RecordPairTest, IsAbsentBeforeTheFirstSave) {
  EXPECT_EQ(loaded(), "absent");
}

TEST_F(RecordPairTest, GivesBackWhatWasSavedLast) {
  for (int i = 0; i < 5; ++i) {
    save("content " + std::to_string(i));
    EXPECT_EQ(loaded(), "content " + std::to_string(i));
  }
}

TEST_F(RecordPairTest, HasItsSizeFromTheFirstSaveOn) {
  save("one");
  EXPECT_EQ(file().size(), 2 * kRecordBytes);
  save("two");
  EXPECT_EQ(file().size(), 2 * kRecordBytes);
}

TEST_F(RecordPairTest, WritesTheTwoRecordsInTurnAndLeavesTheNewestAlone) {
  save("one");
  for (std::size_t i = 2; i < 8; ++i) {
    const Bytes before = file();
    save("content " + std::to_string(i));
    const Bytes after = file();
    const auto newest_before = static_cast<std::ptrdiff_t>((i % 2) * kRecordBytes);
    EXPECT_TRUE(std::equal(before.begin() + newest_before,
                           before.begin() + newest_before + static_cast<std::ptrdiff_t>(kRecordBytes),
                           after.begin() + newest_before));
  }
}

TEST_F(RecordPairTest, RefusesContentAboveItsCapacityAndKeepsTheOld) {
  save("old");
  const auto saved = pair().save(Bytes(kRecordCapacity + 1));
  ASSERT_FALSE(saved);
  EXPECT_EQ(saved.error().code, ErrorCode::kLimit);
  EXPECT_EQ(loaded(), "old");
}

// Crash point 2 of design/installing.md.
// Book: DEV-01
TEST_F(RecordPairTest, LeavesOldOrNewWhenASaveIsCutAtAnySector) {
  // "other" is longer, so that a torn record also differs from both in its later sectors.
  const std::string other(3000, 'o');
  const std::string old_content(2500, 'a');
  const std::string new_content(3500, 'b');
  for (const bool second_record_is_old : {false, true}) {
    std::filesystem::remove(path_ / "floors");
    if (second_record_is_old) save("shift");
    save(other);
    save(old_content);
    const Bytes before = file();
    save(new_content);
    const Bytes after = file();
    for (std::size_t subset = 0; subset < (1u << (kRecordBytes / kSectorBytes)); ++subset) {
      Bytes torn = before;
      for (std::size_t sector = 0; sector < 2 * kRecordBytes / kSectorBytes; ++sector) {
        const bool written = ((subset >> (sector % 8)) & 1) != 0;
        const auto at = static_cast<std::ptrdiff_t>(sector * kSectorBytes);
        if (written) std::copy_n(after.begin() + at, kSectorBytes, torn.begin() + at);
      }
      put_file(torn);
      const std::string found = loaded();
      EXPECT_TRUE(found == old_content || found == new_content) << subset << ": " << found.substr(0, 20);
      if (subset == 0) {
        EXPECT_EQ(found, old_content);
      }
      if (subset == 255) {
        EXPECT_EQ(found, new_content);
      }
    }
  }
}

TEST_F(RecordPairTest, TakesTheOtherRecordWhenTheNewestIsZeroed) {
  save("one");
  save("two");
  Bytes bytes = file();
  std::fill(bytes.begin() + kRecordBytes, bytes.end(), std::uint8_t{0});
  put_file(bytes);
  EXPECT_EQ(loaded(), "one");
}

TEST_F(RecordPairTest, IsDamagedAndNotAbsentWhenNeitherRecordIsWhole) {
  save("one");
  save("two");
  Bytes bytes = file();
  bytes[30] ^= 1;
  bytes[0] ^= 1;
  bytes[kRecordBytes + 20] ^= 1;
  put_file(bytes);
  EXPECT_EQ(loaded(), "damaged");
  put_file({});
  EXPECT_EQ(loaded(), "damaged");
}

TEST_F(RecordPairTest, CanBeSavedAgainAfterDamage) {
  put_file(Bytes(100, 0xFF));
  EXPECT_EQ(loaded(), "damaged");
  save("new");
  EXPECT_EQ(loaded(), "new");
}

TEST_F(RecordPairTest, FollowsTheSequenceAndNotThePlace) {
  const RecordBlock low = *encode_record(9, as_bytes("low"));
  const RecordBlock high = *encode_record(256, as_bytes("high"));
  Bytes bytes(high.begin(), high.end());
  bytes.insert(bytes.end(), low.begin(), low.end());
  put_file(bytes);
  EXPECT_EQ(loaded(), "high");
  save("higher");
  EXPECT_EQ(decode_record(ByteView(file()).subspan(kRecordBytes))->sequence, 257u);
  EXPECT_EQ(loaded(), "higher");
}

TEST_F(RecordPairTest, TakesAnUnfinishedFirstSaveForNoneAtAll) {
  std::ofstream(path_ / ".new") << "half a rec";
  EXPECT_EQ(loaded(), "absent");
  save("one");
  EXPECT_EQ(loaded(), "one");
}

TEST_F(RecordPairTest, FollowsNoSymbolicLink) {
  std::ofstream(path_ / "elsewhere") << "precious";
  std::filesystem::create_symlink("elsewhere", path_ / "floors");
  const auto saved = pair().save(as_bytes("x"));
  ASSERT_FALSE(saved);
  EXPECT_EQ(saved.error().code, ErrorCode::kStorage);
  EXPECT_EQ(std::filesystem::file_size(path_ / "elsewhere"), 8u);
}

// FileSizeLimit makes every write behind an offset fail, as a full or broken disk does, for root too.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit = {bytes, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;
  ~FileSizeLimit() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }

 private:
  rlimit before_ = {};
  void (*handler_)(int);
};

TEST_F(RecordPairTest, KeepsTheOldContentWhenTheDiskFailsAtAnyByteOfTheNew) {
  for (const std::size_t written : {0u, 1u, 20u, 512u, 4095u}) {
    std::filesystem::remove(path_ / "floors");
    RecordPair pair = this->pair();
    ASSERT_TRUE(pair.save(as_bytes("old")));
    const Bytes first_record = file();
    {
      const FileSizeLimit limit(kRecordBytes + written);
      const auto saved = pair.save(as_bytes("new"));
      ASSERT_FALSE(saved);
      EXPECT_EQ(saved.error().code, ErrorCode::kStorage);
    }
    EXPECT_EQ(as_text(std::get<Bytes>(*pair.load())), "old");
    ASSERT_TRUE(pair.save(as_bytes("newer")));
    EXPECT_EQ(loaded(), "newer");
    // The record that alone was whole all the time has not been touched.
    const Bytes now = file();
    EXPECT_TRUE(std::equal(first_record.begin(), first_record.begin() + kRecordBytes, now.begin()));
  }
}

TEST_F(RecordPairTest, IsStillAbsentWhenTheFirstSaveFails) {
  {
    const FileSizeLimit limit(100);
    EXPECT_FALSE(pair().save(as_bytes("one")));
  }
  EXPECT_EQ(loaded(), "absent");
  EXPECT_TRUE(std::filesystem::is_empty(path_));
}

}  // namespace
}  // namespace tenon::client
