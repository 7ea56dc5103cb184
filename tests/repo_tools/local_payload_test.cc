// Local payloads: what is written is what a device reads, and what it finds of an image that moved.
#include <tenon/repo_tools/local_payload.h>

#include <algorithm>
#include <random>

#include <tests/repo_tools/workshop.h>

namespace tenon::repo_tools {
namespace {

constexpr std::size_t kBlock = client::kLocalBlockBytes;

Bytes random_blocks(std::size_t blocks, std::uint32_t seed) {
  std::mt19937 random(seed);
  Bytes content(blocks * kBlock);
  for (std::uint8_t& byte : content) byte = static_cast<std::uint8_t>(random() % 64);
  return content;
}

class LocalPayloads : public Workshop {
 protected:
  client::LocalIndex write(const Bytes& image) {
    image_ = temp_.write("image", as_text(image));
    fs::remove(payload());
    Result<client::LocalIndex> index = write_local_payload(image_, options_, payload(), no_progress_);
    EXPECT_TRUE(index) << index.error().message;
    return *std::move(index);
  }
  fs::path payload() const { return temp_ / "payload"; }

  std::string check(const client::LocalIndex& index) {
    const Result<ImageReader::Described> described =
        describe_image(image_, label("rootfs"), options_.segment_size, no_progress_);
    const auto segments = client::SegmentList::read(described->segment_list, described->image);
    const auto checked = check_local_payload(payload(), index, described->image, *segments, no_progress_);
    return checked ? "" : std::string(to_string(checked.error().code));
  }

  LocalFetch fetch(const client::LocalIndex& index, const Bytes& base) {
    const Result<LocalFetch> fetch = local_fetch(index, payload(), temp_.write("base", as_text(base)));
    EXPECT_TRUE(fetch) << fetch.error().message;
    return *fetch;
  }

  EncodeOptions options_{.segment_size = 64u << 10, .level = 3};
  fs::path image_;
};

TEST_F(LocalPayloads, AreReadBackAsTheImage) {
  for (const std::size_t cut : {0u, 1u, 4095u}) {
    Bytes image = random_blocks(70, 1);
    std::fill_n(image.begin() + 20 * kBlock, 9 * kBlock, std::uint8_t{0});
    EXPECT_EQ(check(write(Bytes(image.begin(), image.end() - static_cast<std::ptrdiff_t>(cut)))), "");
  }
  EXPECT_EQ(check(write(Bytes(100'000, 0))), "") << "nothing but zeros";
  EXPECT_EQ(check(write(Bytes(1, 7))), "");
}

TEST_F(LocalPayloads, ThatAreDamagedAreNotTheImage) {
  const client::LocalIndex index = write(random_blocks(40, 1));
  const Bytes good = *hsm::read_file(payload(), 1u << 20);
  for (std::size_t at = 0; at < good.size(); at += 1 + good.size() / 50) {
    Bytes damaged = good;
    damaged[at] ^= 0x20;
    temp_.write("payload", as_text(damaged));
    EXPECT_NE(check(index), "") << at;
  }
  temp_.write("payload", as_text(ByteView(good).first(good.size() - 1)));
  EXPECT_EQ(check(index), "E_MISMATCH");
}

TEST_F(LocalPayloads, LeaveADeviceToFetchWhatIsNew) {
  const Bytes base = random_blocks(600, 1);
  EXPECT_EQ(fetch(write(base), base).frame_bytes, 0u);
  EXPECT_EQ(fetch(write(base), random_blocks(600, 2)).frame_bytes + 600 * client::kLocalRecordBytes,
            fs::file_size(payload()));

  Bytes image = base;  // all of it moves by three blocks, and two are new
  image.insert(image.begin() + 100 * kBlock, 3 * kBlock, 0x11);
  std::ranges::copy(random_blocks(2, 3), image.begin() + 300 * kBlock);
  const LocalFetch moved = fetch(write(image), base);
  EXPECT_LT(moved.frame_bytes, 8 * kBlock);
  EXPECT_LT(moved.record_bytes, 4 * 64 * client::kLocalRecordBytes);
  EXPECT_LE(moved.requests, 6u);
}

TEST_F(LocalPayloads, OfAReleaseAreListedAndVerified) {
  ReleaseRequest request = release("1.0.0", 1);
  request.local = true;
  const Result<ReleaseAdded> added = add(request);
  ASSERT_TRUE(added) << added.error().message;
  const std::vector<policies::Payload>& payloads = added->release.images.front().payloads;
  ASSERT_EQ(payloads.size(), 2u);
  EXPECT_EQ(payloads[1].kind, "local");
  EXPECT_EQ(payloads[1].index->text(), "rootfs.index");
  request.local = false;
  EXPECT_TRUE(add(request)->files.empty()) << "the release is there already";
  ASSERT_TRUE(set("1.0.0"));
  sign_all();
  ASSERT_TRUE(publish());
  EXPECT_EQ(*current(), "1.0.0");
}

}  // namespace
}  // namespace tenon::repo_tools
