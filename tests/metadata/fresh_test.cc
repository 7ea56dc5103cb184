// The rungs of trust by themselves, where a refresh always comes by another check first.
#include <tenon/metadata/fresh.h>

#include <gtest/gtest.h>
#include <tests/support/scenario.h>

namespace tenon::tests {
namespace {

using metadata::Authentic;
using metadata::Envelope;
using metadata::Fresh;
using metadata::Snapshot;
using metadata::Timestamp;
using metadata::TopRole;
using metadata::VersionFloors;

// What a device has trusted on its way to the snapshot.
struct Chain {
  explicit Chain(const RepositorySimulator& repository)
      : root(*freshen(*metadata::embedded_root(repository.root_file(1)), {}, rules)),
        timestamp(*freshen(authentic<Timestamp>(repository, TopRole::kTimestamp), {}, rules)),
        snapshot(authentic<Snapshot>(repository, TopRole::kSnapshot)) {}

  template <class T>
  Authentic<T> authentic(const RepositorySimulator& repository, TopRole role) const {
    const Bytes file = repository.served(repository.path_of(to_string(role)));
    return *metadata::authenticate<T>(*Envelope::parse(file, file.size()), authority(root, role, rules));
  }

  metadata::Rules rules{.now = test_now()};
  Fresh<metadata::Root> root;
  Fresh<Timestamp> timestamp;
  Authentic<Snapshot> snapshot;
};

// Spec: 4.3d
TEST(FreshSnapshot, IsNotBelowItsOwnFloorWhateverTimestampPins) {
  RepositorySimulator repository;
  repository.publish_snapshot();
  const Chain chain(repository);
  EXPECT_EQ(code_of(freshen(chain.snapshot, chain.timestamp, {}, chain.rules)), "accepted");
  EXPECT_EQ(code_of(freshen(chain.snapshot, chain.timestamp, {.snapshot = metadata::Version::create(2).value()},
                            chain.rules)),
            "accepted");
  EXPECT_EQ(code_of(freshen(chain.snapshot, chain.timestamp, {.snapshot = metadata::Version::create(3).value()},
                            chain.rules)),
            "E_ROLLBACK");
}

// Book: META-15
TEST(FreshTimestamp, ListsLengthAndDigestWhereTheDeviceWantsThem) {
  for (const bool with_hashes : {true, false}) {
    for (const bool with_length : {true, false}) {
      RepositorySimulator repository;
      if (!with_hashes) repository.timestamp.snapshot.hashes.reset();
      if (!with_length) repository.timestamp.snapshot.length.reset();
      repository.publish_timestamp();
      const Chain chain(repository);
      const Authentic<Timestamp> timestamp = chain.authentic<Timestamp>(repository, TopRole::kTimestamp);
      metadata::Rules rules = chain.rules;
      EXPECT_EQ(code_of(freshen(timestamp, {}, rules)), "accepted");
      rules.require_snapshot_hashes = true;
      EXPECT_EQ(code_of(freshen(timestamp, {}, rules)), with_hashes && with_length ? "accepted" : "E_POLICY");
    }
  }
}

}  // namespace
}  // namespace tenon::tests
