// Deltas of a release: from what they are built, which are worth it, and that nothing is believed of the bases.
#include <tenon/repo_tools/delta_builder.h>
#include <tenon/repo_tools/release_deltas.h>

#include <algorithm>
#include <random>

#include <tests/repo_tools/workshop.h>

namespace tenon::repo_tools {
namespace {

constexpr std::size_t kImageBytes = 200'000;  // a full payload of some 60,000

// The newest image, and what it was before: so many bytes of it were other ones, and those that came for them tell nothing of
// each other, so that a delta has them all.
Bytes with_noise(Bytes content, std::size_t bytes, std::uint32_t seed) {
  std::mt19937 random(seed);
  for (std::size_t i = 0; i < bytes; ++i) content[50'000 + i] = static_cast<std::uint8_t>(random());
  return content;
}
Bytes newest() {
  return with_noise(image_content(kImageBytes), 10'000, 0);
}
Bytes before(std::size_t changed_bytes) {
  return with_noise(newest(), changed_bytes, static_cast<std::uint32_t>(changed_bytes));
}

class OfferingDeltas : public Workshop {
 protected:
  fs::path image(const Bytes& content) {
    return temp_.write("image-" + Sha256::of(content).hex().substr(0, 8), as_text(content));
  }
  ReleaseRequest release_of(std::string_view version, std::int64_t sequence, const Bytes& content) {
    ReleaseRequest request = release(version, sequence);
    request.images.front().file = image(content);
    return request;
  }
  ImageFile base(const Bytes& content) { return {label("rootfs"), image(content)}; }

  // Three releases of which each resembles the newest image more than the one before.
  void add_three() {
    ASSERT_TRUE(add(release_of("1.0.0", 1, before(9'000))));
    ASSERT_TRUE(add(release_of("1.1.0", 2, before(6'000))));
    ASSERT_TRUE(add(release_of("1.2.0", 3, before(3'000))));
  }

  fs::path staged(const policies::Release& release, const policies::Payload& payload) const {
    const metadata::TargetPath path =
        policies::release_file_path(release.product, release.version, payload.file.text());
    const metadata::Targets targets = *repository().newest_targets(releases_role_of(label("demo")));
    const metadata::TargetEntry* entry = targets.find(path);
    if (entry != nullptr) return repository().staged_target(path.hash_prefixed(entry->hashes.sha256->hex()));
    ADD_FAILURE() << path.text() << " is not listed";
    return {};
  }

  static std::vector<std::string> bases_of(const ReleaseAdded& added) {
    std::vector<std::string> bases;
    for (const OfferedDelta& delta : added.deltas.offered) bases.push_back(delta.base.text());
    return bases;
  }
};

using Names = std::vector<std::string>;

TEST_F(OfferingDeltas, FromTheReleaseBeforeListsItsImageAndMakesTheNewOne) {
  ASSERT_TRUE(add(release_of("1.0.0", 1, before(3'000))));
  const Result<ReleaseAdded> added = add(release_of("1.1.0", 2, newest()));
  ASSERT_TRUE(added) << added.error().message;
  const std::vector<policies::Payload>& payloads = added->release.images.front().payloads;
  ASSERT_EQ(payloads.size(), 2u);
  EXPECT_EQ(payloads[0].kind, "full");
  EXPECT_EQ(payloads[1].kind, "delta");
  const Sha256 base = Sha256::of(before(3'000));
  EXPECT_EQ(payloads[1].file.text(), "rootfs.from-" + base.hex().substr(0, 16) + ".delta");
  EXPECT_EQ(payloads[1].delta->base_size, kImageBytes);
  EXPECT_EQ(payloads[1].delta->base_sha256, base);

  const fs::path delta = staged(added->release, payloads[1]);
  EXPECT_EQ(payloads[1].delta->memory, read_delta_header(delta)->memory_bytes());
  const fs::path out = temp_ / "out";
  const Result<AppliedDelta> applied = apply_delta(image(before(3'000)), delta, out, no_progress_);
  ASSERT_TRUE(applied) << applied.error().message;
  EXPECT_EQ(*hsm::read_file(out, 1u << 20), newest());
  EXPECT_EQ(applied->header.segment_size, added->release.images.front().segment_size);
}

TEST_F(OfferingDeltas, OfAPublishedReleaseIsWhatANewDeviceFindsToo) {
  ASSERT_TRUE(add(release_of("1.0.0", 1, before(3'000))));
  ASSERT_TRUE(set("1.0.0"));
  sign_all();
  ASSERT_TRUE(publish());
  const Result<ReleaseAdded> added = add(release_of("1.1.0", 2, newest()));
  ASSERT_TRUE(added) << added.error().message;
  EXPECT_EQ(bases_of(*added), Names{"1.0.0"});
  ASSERT_TRUE(set("1.1.0"));
  sign_all();
  ASSERT_TRUE(publish());
  EXPECT_EQ(*current(), "1.1.0");
}

TEST_F(OfferingDeltas, GoesToOlderReleasesAsFarAsTheBudgetGoes) {
  add_three();
  ReleaseRequest request = release_of("1.3.0", 4, newest());
  request.deltas.budget = 12'000;  // 3,000 bytes, 6,000, and little more
  const Result<ReleaseAdded> added = add(request);
  ASSERT_TRUE(added) << added.error().message;
  EXPECT_EQ(bases_of(*added), (Names{"1.2.0", "1.1.0"}));
  ASSERT_EQ(added->deltas.passed_over.size(), 1u);
  EXPECT_EQ(added->deltas.passed_over[0].base.text(), "1.0.0");
  EXPECT_NE(added->deltas.passed_over[0].why.find("budget"), std::string::npos);
}

TEST_F(OfferingDeltas, GivesThemHalfOfTheFullPayloadUnlessABudgetIsNamed) {
  add_three();
  const Result<ReleaseAdded> added = add(release_of("1.3.0", 4, newest()));
  ASSERT_TRUE(added) << added.error().message;
  EXPECT_EQ(bases_of(*added), (Names{"1.2.0", "1.1.0", "1.0.0"}));
  std::uint64_t bytes = 0;
  for (const OfferedDelta& delta : added->deltas.offered) bytes += delta.payload.length;
  EXPECT_LE(bytes, added->deltas.offered[0].full_bytes / 2);
}

TEST_F(OfferingDeltas, WithABudgetOfNothingBuildsNone) {
  add_three();
  ReleaseRequest request = release_of("1.3.0", 4, newest());
  request.deltas = {{base(before(1'000))}, 0};
  const Result<ReleaseAdded> added = add(request);
  ASSERT_TRUE(added);
  EXPECT_EQ(added->files.size(), 3u);
  EXPECT_EQ(added->release.images.front().payloads.size(), 1u);
  ASSERT_EQ(added->deltas.passed_over.size(), 1u) << "what was asked for and not done";
  EXPECT_EQ(added->deltas.passed_over[0].base.file, request.deltas.bases[0].file);
}

TEST_F(OfferingDeltas, StopsAtTheFirstReleaseThatHasLittleInCommon) {
  ASSERT_TRUE(add(release_of("1.0.0", 1, before(3'000))));
  ASSERT_TRUE(add(release_of("1.1.0", 2, image_content(kImageBytes, 7))));
  const Result<ReleaseAdded> added = add(release_of("1.2.0", 3, newest()));
  ASSERT_TRUE(added);
  EXPECT_EQ(bases_of(*added), Names());
  ASSERT_EQ(added->deltas.passed_over.size(), 1u);
  EXPECT_EQ(added->deltas.passed_over[0].base.text(), "1.1.0");
  EXPECT_EQ(added->files.size(), 3u);
}

TEST_F(OfferingDeltas, BuildsThoseOfTheNamedBasesFirst) {
  add_three();
  ReleaseRequest request = release_of("1.3.0", 4, newest());
  request.deltas = {{base(before(7'000)), base(image_content(kImageBytes, 7)), base(before(5'000))},
                    17'000};  // 7,000 bytes, 5,000 and 3,000
  const Result<ReleaseAdded> added = add(request);
  ASSERT_TRUE(added) << added.error().message;
  EXPECT_EQ(bases_of(*added), (Names{image(before(7'000)).native(), image(before(5'000)).native(), "1.2.0"}));
  EXPECT_EQ(added->deltas.passed_over[0].base.file, image(image_content(kImageBytes, 7))) << "dropped, and no error";
}

TEST_F(OfferingDeltas, CountsTheSameBaseOnce) {
  ASSERT_TRUE(add(release_of("1.0.0", 1, before(3'000))));
  ASSERT_TRUE(add(release_of("1.1.0", 2, before(3'000))));
  EXPECT_EQ(bases_of(*add(release_of("1.2.0", 3, before(2'000)))), Names{"1.1.0"});
  ReleaseRequest request = release_of("1.3.0", 4, newest());
  request.deltas.bases = {base(before(3'000)), {label("rootfs"), temp_.write("copy", as_text(before(3'000)))}};
  const Result<ReleaseAdded> added = add(request);
  ASSERT_TRUE(added) << added.error().message;
  EXPECT_EQ(bases_of(*added), (Names{image(before(3'000)).native(), "1.2.0"}));
}

TEST_F(OfferingDeltas, TakesTheNewImageForABaseToo) {
  ReleaseRequest request = release_of("1.0.0", 1, newest());
  request.deltas.bases = {base(newest())};
  const Result<ReleaseAdded> added = add(request);
  ASSERT_TRUE(added) << added.error().message;
  ASSERT_EQ(added->deltas.offered.size(), 1u);
  EXPECT_EQ(added->deltas.offered[0].listed.delta->base_sha256, added->release.images[0].sha256);
}

TEST_F(OfferingDeltas, StopsAtEight) {
  ReleaseRequest request = release_of("1.0.0", 1, newest());
  for (std::size_t i = 1; i <= kMaxDeltas + 1; ++i) request.deltas.bases.push_back(base(before(i)));
  const Result<ReleaseAdded> added = add(request);
  ASSERT_TRUE(added) << added.error().message;
  EXPECT_EQ(added->deltas.offered.size(), kMaxDeltas);
  EXPECT_EQ(added->deltas.passed_over.size(), 1u);
  EXPECT_EQ(added->release.images[0].payloads.size(), 1 + kMaxDeltas);
}

TEST_F(OfferingDeltas, NeverTakesADamagedPayloadForABase) {
  const Result<ReleaseAdded> first = add(release_of("1.0.0", 1, before(3'000)));
  const Result<ReleaseAdded> second = add(release_of("1.1.0", 2, before(2'000)));
  ASSERT_TRUE(first && second);
  const fs::path payload = staged(second->release, second->release.images[0].payloads[0]);
  const Bytes whole = *hsm::read_file(payload, 1u << 20);
  Bytes flipped = whole;
  flipped[flipped.size() / 2] ^= 1;
  Bytes cut = whole;
  cut.resize(cut.size() / 2);
  const Bytes another =
      *hsm::read_file(staged(first->release, first->release.images[0].payloads[0]), 1u << 20);  // sound, not this one
  std::int64_t sequence = 3;
  for (const Bytes& bad : {flipped, cut, another}) {
    ASSERT_TRUE(disk_.put(payload, bad));
    const std::string number = std::to_string(sequence);
    ReleaseRequest request =
        release_of("1." + number + ".0", sequence, before(10 * static_cast<std::size_t>(sequence)));
    const Result<ReleaseAdded> added = add(request);
    ASSERT_TRUE(added) << added.error().message;
    for (const OfferedDelta& delta : added->deltas.offered) {
      EXPECT_NE(delta.listed.delta->base_sha256, second->release.images[0].sha256);
    }
    EXPECT_TRUE(std::ranges::any_of(added->deltas.passed_over, [](const PassedOver& one) {
      return one.base.text() == "1.1.0" && one.why.find("damaged") != std::string::npos;
    }));
    ++sequence;
  }
}

TEST_F(OfferingDeltas, PassesOverAReleaseWhosePayloadIsNotHere) {
  const Result<ReleaseAdded> first = add(release_of("1.0.0", 1, before(3'000)));
  const Result<ReleaseAdded> second = add(release_of("1.1.0", 2, before(2'000)));
  ASSERT_TRUE(first && second);
  ASSERT_TRUE(fs::remove(staged(second->release, second->release.images[0].payloads[0])));
  const Result<ReleaseAdded> added = add(release_of("1.2.0", 3, newest()));
  ASSERT_TRUE(added) << added.error().message;
  EXPECT_EQ(bases_of(*added), Names{"1.0.0"});
  ASSERT_EQ(added->deltas.passed_over.size(), 1u);
  EXPECT_EQ(added->deltas.passed_over[0].base.text(), "1.1.0");
  EXPECT_NE(added->deltas.passed_over[0].why.find("--base rootfs=FILE"), std::string::npos);
}

TEST_F(OfferingDeltas, AreNotFromImagesForOtherHardware) {
  ReleaseRequest other = release_of("1.0.0", 1, before(3'000));
  other.hardware = {label("other-board")};
  ASSERT_TRUE(add(other));
  EXPECT_EQ(bases_of(*add(release_of("1.1.0", 2, newest()))), Names());
}

TEST_F(OfferingDeltas, IsForTheSlotClassThatTheBaseIsOf) {
  ReleaseRequest request = release_of("1.0.0", 1, image_content(kImageBytes, 7));
  request.images.push_back({label("boot"), image(newest())});
  request.deltas.bases = {{label("boot"), image(before(3'000))}};
  const Result<ReleaseAdded> added = add(request);
  ASSERT_TRUE(added) << added.error().message;
  EXPECT_EQ(added->release.images[0].payloads.size(), 1u);
  ASSERT_EQ(added->release.images[1].payloads.size(), 2u);
  EXPECT_TRUE(added->release.images[1].payloads[1].file.text().starts_with("boot.from-"));
}

TEST_F(OfferingDeltas, RefusesABaseThatIsNoImageOfASlotOfTheRelease) {
  const auto before_it = files_below("staging");
  const auto refused = [&](ImageFile bad) {
    ReleaseRequest request = release_of("1.0.0", 1, newest());
    request.deltas.bases = {std::move(bad)};
    return code_of(add(request));
  };
  EXPECT_EQ(refused({label("boot"), image(before(3'000))}), "E_USAGE");
  EXPECT_EQ(refused({label("rootfs"), temp_ / "no-such-image"}), "E_STORAGE");
  EXPECT_EQ(refused({label("rootfs"), temp_.write("empty", "")}), "E_PARSE");
  EXPECT_EQ(files_below("staging"), before_it);
}

TEST_F(OfferingDeltas, IsNoOtherContentWhenTheReleaseIsAddedAgain) {
  ReleaseRequest request = release_of("1.0.0", 1, newest());
  ASSERT_TRUE(add(request));
  ASSERT_TRUE(add(release_of("0.9.0", 2, before(10))));
  ReleaseRequest with_base = release_of("1.1.0", 3, before(100));
  with_base.deltas.bases = {base(before(3'000))};
  ASSERT_EQ(add(with_base)->deltas.offered.size(), 3u);
  const auto staged_before = files_below("staging");
  for (const ReleaseRequest& again : {with_base, release_of("1.1.0", 3, before(100))}) {
    const Result<ReleaseAdded> added = add(again);
    ASSERT_TRUE(added) << added.error().message;
    EXPECT_FALSE(added->draft.has_value());
  }
  EXPECT_EQ(code_of(add(release_of("1.1.0", 3, before(200)))), "E_POLICY");
  EXPECT_EQ(files_below("staging"), staged_before);
}

TEST_F(OfferingDeltas, RefusesAnAttachedFileOfTheirName) {
  ReleaseRequest request = release_of("1.0.0", 1, newest());
  request.deltas.bases = {base(before(3'000))};
  const std::string name = "rootfs.from-" + Sha256::of(before(3'000)).hex().substr(0, 16) + ".delta";
  request.attached = {{"sbom", temp_.write(name, "{}")}};
  EXPECT_EQ(code_of(add(request)), "E_USAGE");
}

TEST_F(OfferingDeltas, LeavesNoUnpackedImageBehind) {
  add_three();
  ASSERT_TRUE(add(release_of("1.3.0", 4, newest())));
  EXPECT_FALSE(fs::exists(repository().scratch()));
}

// --- looking at them again

class CheckingADelta : public OfferingDeltas {
 protected:
  CheckingADelta() {
    ReleaseRequest request = release_of("1.0.0", 1, newest());
    request.deltas.bases = {base(before(3'000))};
    const Result<ReleaseAdded> added = add(request);
    EXPECT_TRUE(added);
    image_ = added->release.images.front();
    listed_ = *image_->payloads[1].delta;
    file_ = staged(added->release, image_->payloads[1]);
  }
  std::string checked() const { return code_of(check_delta(file_, *image_, listed_)); }

  std::optional<policies::Image> image_;
  policies::Payload::Delta listed_;
  fs::path file_;
};

TEST_F(CheckingADelta, TakesWhatItsReleaseSays) {
  EXPECT_EQ(checked(), "no error");
  listed_.base_size += 1;  // its last bytes are of no use
  listed_.memory += 1;
  EXPECT_EQ(checked(), "no error");
}

TEST_F(CheckingADelta, RefusesALargerBaseThanItsRelease) {
  listed_.base_size = read_delta_header(file_)->base_size - 1;
  EXPECT_EQ(checked(), "E_MISMATCH");
}

TEST_F(CheckingADelta, RefusesMoreMemoryThanItsRelease) {
  listed_.memory -= 1;
  EXPECT_EQ(checked(), "E_MISMATCH");
}

TEST_F(CheckingADelta, RefusesAnotherImage) {
  image_->size += 1;
  EXPECT_EQ(checked(), "E_MISMATCH");
  image_->size -= 1;
  image_->segment_size *= 2;
  EXPECT_EQ(checked(), "E_MISMATCH");
  image_->segment_size /= 2;
  image_->sha256 = Sha256::of(before(3'000));
  EXPECT_EQ(checked(), "E_MISMATCH");
}

TEST_F(CheckingADelta, RefusesAFileThatWasCutOrIsNone) {
  const Bytes whole = *hsm::read_file(file_, 1u << 20);
  ASSERT_TRUE(disk_.put(file_, ByteView(whole).first(whole.size() - 1)));
  EXPECT_EQ(checked(), "E_MISMATCH");
  ASSERT_TRUE(disk_.put(file_, as_bytes("no delta")));
  EXPECT_EQ(checked(), "E_PARSE");
}

TEST_F(CheckingADelta, IsPartOfWhatAClientVerifies) {
  ASSERT_TRUE(set("1.0.0"));
  sign_all();
  ASSERT_TRUE(publish());
  ASSERT_EQ(*current(), "1.0.0");
  const fs::path served = repository().public_target(file_.lexically_relative(repository().staged_targets()).native());
  Bytes content = *hsm::read_file(served, 1u << 20);
  content.back() ^= 1;
  ASSERT_TRUE(disk_.put(served, content));
  EXPECT_EQ(code_of(current()), "E_MISMATCH");
  ASSERT_TRUE(disk_.remove(served));
  EXPECT_EQ(code_of(current()), "E_NET");
}

}  // namespace
}  // namespace tenon::repo_tools
