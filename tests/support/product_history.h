// ProductHistory: an honest publisher of product camera, and all that was ever published. Root and targets want two of
// their three keys; every other role has one. Images are small, and their first line is their release file.
//
//   1.0.0 (sequence 1), 1.1.0 (2), 1.2.0 (3)   each was the release of channel stable in its time
//   1.3.0 (4)                                  signed, but no channel ever named it
//   1.3.1 (5)                                  signed, for board-b alone
//
// A second product, kettle, has roles, a release and a channel of its own.
// Thread: one.
#pragma once

#include <set>
#include <string>
#include <utility>
#include <vector>

#include <tests/support/product_repository.h>

namespace tenon::tests {

inline constexpr std::int64_t kDay = 86'400;  // seconds

inline constexpr std::size_t kSmallImageBytes = 300;

// small_release is a release of camera for board-a. Its image has kSmallImageBytes and begins with "VERSION SEQUENCE",
// as a release file.
ReleaseContent small_release(const std::string& version, std::int64_t sequence);
// with_image is that release with another image.
ReleaseContent with_image(ReleaseContent release, Bytes image);

class ProductHistory {
 public:
  // Everything above was published, a day apart; the last of it, a new timestamp, at test_now(). Another number is
  // another publisher: one who has no key in common with the first.
  explicit ProductHistory(std::uint32_t publisher = 0);

  // publish raises and signs all roles but root, and notes what is then served. Timestamps last for a week, snapshots
  // for a month, channels for three months, the rest for a year.
  void publish();
  // publish_release signs a release, makes it the one of channel stable and publishes.
  void publish_release(const std::string& version, std::int64_t sequence, std::int64_t serial);
  void publish_root();
  void publish_timestamp();

  metadata::UtcTime now;
  RepositorySimulator repository;              // as it is served now
  std::vector<RepositorySimulator> published;  // after each publishing, oldest first

  // has_published tells whether the bytes were ever the honest file of a role: "root", "targets", "releases.camera".
  bool has_published(const std::string& role, ByteView file) const;
  // has_released tells whether an image was ever part of a release that was signed.
  bool has_released(ByteView image) const { return images_.contains(Sha256::of(image)); }
  // has_together tells whether a snapshot with these entries was ever published.
  bool has_together(const metadata::Snapshot& snapshot) const;

 private:
  void note(const std::string& role);
  void note_all();

  void sign_release(const ReleaseContent& release);

  std::set<std::pair<std::string, Sha256>> files_;  // by role
  std::set<Sha256> images_;
};

}  // namespace tenon::tests
