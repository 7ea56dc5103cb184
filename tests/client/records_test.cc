// The records of the updater: what is written is read again, whatever is damaged is an error, and all fits 4 KiB.
#include <tenon/client/updater/records.h>

#include <gtest/gtest.h>

namespace tenon::client {
namespace {

constexpr std::size_t kRecordBytes = 4000;  // 4 KiB less the header of a RecordPair, generously

Journal full_journal() {
  Journal journal;
  journal.state = UpdateState::kTrial;
  journal.release_digest = Sha256::of(as_bytes("release"));
  journal.version = std::string(64, 'v');
  journal.sequence = 1;
  journal.floor = 1;
  journal.images = {Sha256::of(as_bytes("rootfs"))};
  journal.boot_id = "a9f0d0de-0000-4000-8000-000000000001";
  return journal;
}

TEST(Journal, ReadsWhatItWrote) {
  const Journal journal = full_journal();
  EXPECT_EQ(*read_journal(write_journal(journal)), journal);
}

TEST(Journal, FitsItsRecordWithAFullQuarantineAndLongReasons) {
  Journal journal = full_journal();
  for (int i = 0; i < 50; ++i) {
    journal.images = {Sha256::of(as_bytes(std::to_string(i)))};
    journal.add_to_quarantine(std::string(5000, '"'));
  }
  journal.reason = std::string(5000, 'r');
  EXPECT_EQ(journal.quarantine.size(), Journal::kMaxQuarantined);
  EXPECT_LE(write_journal(journal).size(), kRecordBytes);
}

TEST(Journal, KeepsTheNewestOfAFullQuarantine) {
  Journal journal = full_journal();
  for (std::size_t i = 0; i <= Journal::kMaxQuarantined; ++i) {
    journal.images = {Sha256::of(as_bytes(std::to_string(i)))};
    journal.add_to_quarantine("failed");
  }
  EXPECT_EQ(journal.quarantine.back().image, Sha256::of(as_bytes(std::to_string(Journal::kMaxQuarantined))));
}

TEST(Journal, IsRefusedWhenStateAndReleaseDoNotFit) {
  Journal journal = full_journal();
  journal.release_digest.reset();
  EXPECT_FALSE(read_journal(write_journal(journal)));
}

TEST(Checkpoint, ReadsWhatItWrote) {
  const Checkpoint checkpoint{Sha256::of(as_bytes("release")), "rootfs", 17};
  EXPECT_EQ(*read_checkpoint(write_checkpoint(checkpoint)), checkpoint);
}

TEST(Stamps, ReadWhatTheyWrote) {
  const Stamps stamps = {{SlotGroup::kA, {.content = Stamp::Content::kValid, .version = "1.0.0", .sequence = 1}},
                         {SlotGroup::kB, {.content = Stamp::Content::kPartial}}};
  EXPECT_EQ(*read_stamps(write_stamps(stamps)), stamps);
}

TEST(Stamps, FitTheirRecordWithAllTheImagesOfTwoReleases) {
  Stamp stamp{.content = Stamp::Content::kValid,
              .release_digest = Sha256::of(as_bytes("release")),
              .version = std::string(64, 'v'),
              .sequence = 9'007'199'254'740'991,
              .images = std::vector(16, Sha256::of(as_bytes("rootfs")))};
  const Stamps stamps = {{SlotGroup::kA, stamp}, {SlotGroup::kB, stamp}};
  EXPECT_LE(write_stamps(stamps).size(), kRecordBytes);
  EXPECT_EQ(*read_stamps(write_stamps(stamps)), stamps);
}

TEST(Floors, ReadWhatTheyWrote) {
  Floors floors;
  floors.versions.timestamp = *metadata::Version::create(9'007'199'254'740'993);
  floors.versions.targets.emplace("targets.json", metadata::Version::first());
  floors.versions.learned_under = {Sha256::of(as_bytes("key"))};
  floors.versions.issued = *metadata::UtcTime::parse("2026-11-01T00:00:00Z");
  floors.sequence = {.confirmed = *policies::Sequence::create(3), .signed_floor = {}, .channel_serial = 8};
  EXPECT_EQ(*read_floors(write_floors(floors)), floors);
}

TEST(Records, RefuseEveryTruncation) {
  const Bytes record = write_journal(full_journal());
  for (std::size_t length = 0; length < record.size(); ++length) {
    EXPECT_FALSE(read_journal(ByteView(record).first(length))) << length;
  }
}

}  // namespace
}  // namespace tenon::client
