#include <tenon/repo_tools/payload_writer.h>

#include <cstdlib>

#include <sys/stat.h>
#include <tests/repo_tools/workshop.h>

namespace tenon::repo_tools {
namespace {

class PayloadWriter : public ::testing::Test {
 protected:
  Result<ImageReader::Described> write(ByteView image, unsigned workers = 2, std::uint64_t segment_size = 64u << 10) {
    std::filesystem::remove(payload());
    temp_.write("image", as_text(image));
    return write_full_payload(temp_ / "image", label("rootfs"), {segment_size, 3, workers}, payload(), none_);
  }
  Result<PayloadIdentity> check(const ImageReader::Described& described) {
    TENON_TRY(const client::SegmentList list, client::SegmentList::read(described.segment_list, described.image));
    return check_full_payload(payload(), described.image, list, none_);
  }
  Bytes payload_bytes() const { return *hsm::read_file(payload(), 1u << 26); }
  fs::path payload() const { return temp_ / "image.full.zst"; }

  TempFolder temp_;
  NoProgress none_;
};

// Book: DELTA-05
TEST_F(PayloadWriter, MakesWhatTheDeviceDecodesForImagesOfEveryShape) {
  for (std::size_t size : {1u, 65535u, 65536u, 65537u, 131072u, 200'000u, 1'000'000u}) {
    const Bytes image = image_content(size);
    const Result<ImageReader::Described> described = write(image);
    ASSERT_TRUE(described) << size;
    EXPECT_EQ(described->image.sha256, Sha256::of(image));
    const Result<PayloadIdentity> identity = check(*described);
    ASSERT_TRUE(identity) << size << ": " << identity.error().message;
    EXPECT_EQ(identity->sha256, Sha256::of(payload_bytes()));
    EXPECT_EQ(identity->length, payload_bytes().size());
  }
}

TEST_F(PayloadWriter, MakesIncompressibleAndEmptyLookingImagesToo) {
  std::mt19937 random(3);
  Bytes noise(300'000);
  for (std::uint8_t& byte : noise) byte = static_cast<std::uint8_t>(random());
  for (const Bytes& image : {noise, Bytes(300'000, 0)}) {
    const Result<ImageReader::Described> described = write(image);
    ASSERT_TRUE(described);
    EXPECT_TRUE(check(*described));
  }
}

TEST_F(PayloadWriter, GivesTheSameBytesWhateverTheNumberOfWorkers) {
  const Bytes image = image_content(1'000'000);
  ASSERT_TRUE(write(image, 1));
  const Bytes one = payload_bytes();
  for (unsigned workers : {2u, 3u, 16u}) {
    ASSERT_TRUE(write(image, workers));
    EXPECT_EQ(payload_bytes(), one) << workers;
  }
}

TEST_F(PayloadWriter, IsOpenedByZstd) {
  const Bytes image = image_content(500'000);
  ASSERT_TRUE(write(image));
  const std::string command = "zstd -q -d -c " + payload().native() + " > " + (temp_ / "out").native();
  ASSERT_EQ(std::system(command.c_str()), 0);
  EXPECT_EQ(*hsm::read_file(temp_ / "out", 1u << 20), image);
}

TEST_F(PayloadWriter, RefusesWhatIsNoImage) {
  EXPECT_EQ(code_of(write({})), "E_PARSE");
  const auto from = [&](const fs::path& file) {
    return code_of(write_full_payload(file, label("rootfs"), {}, payload(), none_));
  };
  EXPECT_EQ(from(temp_ / "none"), "E_STORAGE");
  EXPECT_EQ(from(temp_.path()), "E_STORAGE");
  ASSERT_EQ(::mkfifo((temp_ / "pipe").c_str(), 0600), 0);
  EXPECT_EQ(from(temp_ / "pipe"), "E_STORAGE");
  EXPECT_EQ(from("/dev/zero"), "E_STORAGE");
}

TEST_F(PayloadWriter, RefusesSegmentSizesAndLevelsThatDevicesDoNotTake) {
  const Bytes image = image_content(1000);
  for (std::uint64_t segment_size :
       {std::uint64_t{0}, std::uint64_t{1000}, std::uint64_t{32u << 10}, std::uint64_t{32u << 20}}) {
    EXPECT_FALSE(write(image, 1, segment_size)) << segment_size;
  }
  temp_.write("image", as_text(image));
  for (int level : {0, 20}) {
    const EncodeOptions options{.level = level};
    EXPECT_EQ(code_of(write_full_payload(temp_ / "image", label("rootfs"), options, payload(), none_)), "E_USAGE");
  }
}

// Book: TGT-09
TEST_F(PayloadWriter, CountsBeyond4GiBAndRefusesMoreSegmentsThanDevicesTake) {
  temp_.write("image", "");
  fs::resize_file(temp_ / "image", (std::uint64_t{5} << 30) + 1);  // sparse
  Result<ImageReader> reader = ImageReader::open(temp_ / "image", label("rootfs"), 1u << 20);
  ASSERT_TRUE(reader);
  EXPECT_EQ(reader->size(), (std::uint64_t{5} << 30) + 1);
  EXPECT_EQ(reader->segment_count(), 5 * 1024 + 1u);
  fs::resize_file(temp_ / "image", (std::uint64_t{16} << 30) + 1);
  EXPECT_EQ(code_of(ImageReader::open(temp_ / "image", label("rootfs"), 64u << 10)), "E_LIMIT");
}

TEST_F(PayloadWriter, NoticesAnImageThatChangesWhileItIsRead) {
  const Bytes image = image_content(200'000);
  temp_.write("image", as_text(image));
  Result<ImageReader> reader = ImageReader::open(temp_ / "image", label("rootfs"), 64u << 10);
  ASSERT_TRUE(reader);
  Bytes segment;
  ASSERT_TRUE(reader->read(segment));
  fs::resize_file(temp_ / "image", 70'000);
  EXPECT_EQ(code_of(reader->read(segment)), "E_STORAGE");
}

// Book: DELTA-09
TEST_F(PayloadWriter, CheckNoticesEveryDamagedPart) {
  const Result<ImageReader::Described> described = write(image_content(150'000));
  ASSERT_TRUE(described);
  const Bytes whole = payload_bytes();
  for (std::size_t at = 0; at < whole.size(); at += 97) {
    Bytes damaged = whole;
    damaged[at] ^= 0x10;
    temp_.write("image.full.zst", as_text(damaged));
    EXPECT_FALSE(check(*described)) << at;
  }
  temp_.write("image.full.zst", as_text(ByteView(whole).first(whole.size() - 1)));
  EXPECT_FALSE(check(*described));
}

}  // namespace
}  // namespace tenon::repo_tools
