// Workshop: a repository in a temporary folder, its keys, and the calls that the tests make most. Nothing is encrypted,
// so nothing is slow; time is given.
#pragma once

#include <tenon/hsm/software_key.h>
#include <tenon/repo_tools/catalog.h>
#include <tenon/repo_tools/channel_editor.h>
#include <tenon/repo_tools/client_check.h>
#include <tenon/repo_tools/drafts.h>
#include <tenon/repo_tools/init.h>
#include <tenon/repo_tools/publication_check.h>
#include <tenon/repo_tools/publish_policy.h>
#include <tenon/repo_tools/publisher.h>
#include <tenon/repo_tools/release_builder.h>
#include <tenon/repo_tools/signing.h>

#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <tests/hsm/temp_folder.h>

namespace tenon::repo_tools {

namespace fs = std::filesystem;
using Keys = std::vector<std::unique_ptr<hsm::Signer>>;

inline const metadata::UtcTime kNow = *metadata::UtcTime::parse("2026-11-22T00:00:00Z");
inline metadata::UtcTime days_later(std::int64_t days) {
  return kNow.plus_seconds(days * 86'400);
}

inline policies::Label label(std::string_view text) {
  return *policies::Label::parse(text);
}

// code_of gives the code of an error; of a value something that no test wants.
template <class T>
std::string code_of(const Result<T>& result) {
  return result ? "no error" : std::string(to_string(result.error().code));
}

// An image that compresses somewhat, another one for every number.
inline Bytes image_content(std::size_t size, std::uint32_t number = 1) {
  std::mt19937 random(number);
  Bytes content(size);
  for (std::size_t i = 0; i < size; ++i) content[i] = static_cast<std::uint8_t>(i % 999 < 700 ? i / 300 : random());
  return content;
}

class Workshop : public ::testing::Test {
 protected:
  Workshop() { EXPECT_TRUE(init_repository(folder(), signed_root(root()), product(), {.is_lab = true}, kNow)); }

  static Keys new_keys(std::size_t count) {
    Keys keys;
    for (std::size_t i = 0; i < count; ++i) {
      keys.push_back(std::make_unique<hsm::SoftwareKey>(hsm::SoftwareKey::generate(hsm::KeyType::kEd25519)));
    }
    return keys;
  }

  static std::vector<metadata::PublicKey> public_keys(const Keys& keys) {
    std::vector<metadata::PublicKey> all;
    for (const auto& key : keys) all.push_back(key->public_key());
    return all;
  }

  // root lists the keys of the workshop; two of two must sign it.
  metadata::Root root(std::int64_t version = 1) const {
    metadata::Root root;
    root.header.version = *metadata::Version::create(version);
    root.header.expires = days_later(1000);
    const auto list = [&](metadata::TopRole role, const Keys& keys) {
      std::vector<metadata::KeyId> keyids;
      for (const metadata::PublicKey& key : public_keys(keys)) {
        keyids.push_back(key.hash_keyid());
        root.keys.insert_or_assign(keyids.back(), key);
      }
      const auto threshold = *metadata::Threshold::create(static_cast<std::int64_t>(keys.size()));
      root.roles.insert_or_assign(role, metadata::RoleKeys{keyids, threshold});
    };
    list(metadata::TopRole::kRoot, root_keys_);
    list(metadata::TopRole::kTargets, targets_keys_);
    list(metadata::TopRole::kSnapshot, snapshot_keys_);
    list(metadata::TopRole::kTimestamp, timestamp_keys_);
    return root;
  }

  Bytes signed_root(const metadata::Root& content, std::size_t signatures = 2) const {
    metadata::Envelope envelope = metadata::Envelope::unsigned_of(content.to_json());
    for (std::size_t i = 0; i < signatures; ++i) {
      const metadata::PublicKey& key = root_keys_[i]->public_key();
      envelope = *hsm::add_signature(envelope, key.hash_keyid(), key, *root_keys_[i]);
    }
    return to_bytes(envelope.to_text());
  }

  ProductRequest product(std::string_view name = "demo") const {
    return {label(name), {public_keys(releases_keys_), 2}, {public_keys(rollout_keys_), 1}};
  }

  fs::path folder() const { return temp_ / "repo"; }
  Repository repository() const { return *Repository::open(folder()); }

  ReleaseRequest release(std::string_view version, std::int64_t sequence, std::uint32_t image_number = 1) const {
    const Bytes image = image_content(200'000, image_number);
    const fs::path file = temp_.write("image" + std::to_string(image_number), as_text(image));
    ReleaseRequest request{label("demo"), label(version), *policies::Sequence::create(sequence)};
    request.hardware = {label("demo-board")};
    request.images = {{label("rootfs"), file}};
    request.encode = {.segment_size = 64u << 10, .level = 3};
    return request;
  }

  Result<ReleaseAdded> add(const ReleaseRequest& request) {
    return add_release(repository(), disk_, request, {kNow}, no_progress_);
  }

  Result<ChannelEdited> set(std::string_view version, std::vector<policies::Label> withdraw = {}) {
    return edit_channel(repository(), disk_, {label("demo"), label("stable"), label(version), std::move(withdraw)},
                        kNow);
  }

  Result<SignReport> sign(const Keys& keys, metadata::UtcTime now = kNow) {
    return sign_staged(repository(), disk_, keys, std::nullopt, now);
  }

  // sign_all signs with every key that there is.
  void sign_all(metadata::UtcTime now = kNow) {
    for (const Keys* keys : {&targets_keys_, &releases_keys_, &rollout_keys_, &snapshot_keys_, &timestamp_keys_}) {
      const Result<SignReport> report = sign(*keys, now);
      ASSERT_TRUE(report) << report.error().message;
    }
  }

  Result<void> publish(FileWriter& writer, metadata::UtcTime now = kNow) {
    const Repository repo = repository();
    TENON_TRY(const RoleTree tree, RoleTree::read(repo));
    TENON_TRY(const Publication publication, staged_publication(repo, now));
    TENON_TRY_VOID(check_publication(repo, publication, now, no_progress_));
    TENON_TRY_VOID(judge_publication(repo, publication, now));
    TENON_TRY_VOID(write_publication(repo, writer, publication, now, no_progress_));
    return clear_staging(repo, tree, writer);
  }
  Result<void> publish() { return publish(disk_); }

  // stage_release makes it the channel's release, with every signature.
  void stage_release(std::string_view version, std::int64_t sequence, std::uint32_t image_number = 1) {
    ASSERT_TRUE(add(release(version, sequence, image_number)));
    ASSERT_TRUE(set(version));
    sign_all();
  }
  void publish_release(std::string_view version, std::int64_t sequence, std::uint32_t image_number = 1) {
    stage_release(version, sequence, image_number);
    const Result<void> published = publish();
    ASSERT_TRUE(published) << published.error().message;
  }

  // current gives the version that a new device installs, every byte of it checked.
  Result<std::string> current(metadata::UtcTime now = kNow) {
    const Repository repo = repository();
    TENON_TRY(const Bytes embedded_root, repo.initial_root());
    TENON_TRY(const ClientReport report,
              verify_as_client(RepositoryView::published(repo), embedded_root, {now}, no_progress_));
    if (std::optional<Error> error = report.first_error()) return *std::move(error);
    if (report.channels.empty()) return std::string("nothing");
    return report.channels.front().release->version.text();
  }

  // files_below gives every file below a folder of the repository, by its path there.
  std::map<std::string, Bytes> files_below(std::string_view place) const {
    std::map<std::string, Bytes> files;
    for (const auto& entry : fs::recursive_directory_iterator(folder() / place)) {
      if (!entry.is_regular_file()) continue;
      files.emplace(entry.path().lexically_relative(folder()).native(), *hsm::read_file(entry.path(), 1u << 24));
    }
    return files;
  }

  fs::path staged_file_ending(std::string_view ending) const {
    for (const auto& entry : fs::recursive_directory_iterator(folder() / "staging/targets")) {
      if (entry.path().native().ends_with(ending)) return entry.path();
    }
    ADD_FAILURE() << "no staged file ends with " << ending;
    return {};
  }

  static Bytes signed_by(const Keys& keys, const json::Value& signed_part) {
    metadata::Envelope envelope = metadata::Envelope::unsigned_of(signed_part);
    const metadata::PublicKey& key = keys[0]->public_key();
    return to_bytes(hsm::add_signature(envelope, key.hash_keyid(), key, *keys[0])->to_text());
  }
  // restage_online puts a snapshot, rightly signed, and a timestamp of it in place of those that are staged.
  void restage_online(const metadata::Snapshot& snapshot) {
    const Repository repo = repository();
    const Bytes file = signed_by(snapshot_keys_, snapshot.to_json());
    metadata::Timestamp timestamp = *metadata::Timestamp::parse((*repo.staged(RoleId::timestamp()))->signed_part());
    timestamp.snapshot.length = file.size();
    timestamp.snapshot.hashes->sha256 = Sha256::of(file);
    ASSERT_TRUE(disk_.put(repo.draft("snapshot.json"), file));
    ASSERT_TRUE(disk_.put(repo.draft("timestamp.json"), signed_by(timestamp_keys_, timestamp.to_json())));
  }

  TempFolder temp_;
  Keys root_keys_ = new_keys(2);
  Keys targets_keys_ = new_keys(1);
  Keys snapshot_keys_ = new_keys(1);
  Keys timestamp_keys_ = new_keys(1);
  Keys releases_keys_ = new_keys(2);
  Keys rollout_keys_ = new_keys(1);
  DiskWriter disk_;
  NoProgress no_progress_;
};

}  // namespace tenon::repo_tools
