#include <algorithm>

#include <tests/support/product_history.h>
#include <tests/support/zstd_payload.h>

namespace tenon::tests {

using metadata::TopRole;

ReleaseContent with_image(ReleaseContent release, Bytes image) {
  release.payload = full_payload_of(image, release.segment_size);
  release.image = std::move(image);
  return release;
}

ReleaseContent small_release(const std::string& version, std::int64_t sequence) {
  const std::string name = version + " " + std::to_string(sequence);
  Bytes image = random_image(kSmallImageBytes, static_cast<std::uint32_t>(sequence));
  std::copy_n(name.c_str(), name.size() + 1, image.begin());
  return with_image({.version = version, .sequence = sequence}, std::move(image));
}

ProductHistory::ProductHistory(std::uint32_t publisher) : now(test_now().plus_seconds(-4 * kDay)) {
  const std::uint32_t first_key = 1000 + 100 * publisher;
  repository.set_keys(TopRole::kRoot, test_keys(first_key, 3), 2);
  repository.set_keys(TopRole::kTargets, test_keys(first_key + 10, 3), 2);
  repository.set_keys(TopRole::kTimestamp, test_keys(first_key + 20, 1));
  repository.set_keys(TopRole::kSnapshot, test_keys(first_key + 30, 1));
  repository.write_root();
  note("root");
  std::uint32_t next_key = first_key + 40;
  for (const char* product : {"camera", "kettle"}) {
    for (const auto& [role, paths] :
         {std::pair(std::string("releases."), "/releases/*/*"), {"rollout.", "/channels/*"}}) {
      repository.add_delegation({.name = role + product,
                                 .paths = {product + std::string(paths)},
                                 .terminating = true,
                                 .keys = {TestKey(next_key++)}});
    }
  }
  ReleaseContent kettle = small_release("1.0.0", 1);
  kettle.product = "kettle";
  sign_release(kettle);
  set_channel(repository, {.product = "kettle", .release = "1.0.0", .serial = 1});
  publish_release("1.0.0", 1, 1);
  publish_release("1.1.0", 2, 2);
  publish_release("1.2.0", 3, 3);
  sign_release(small_release("1.3.0", 4));
  ReleaseContent for_others = small_release("1.3.1", 5);
  for_others.hardware = {"board-b"};
  sign_release(for_others);
  publish();
  publish_timestamp();
}

void ProductHistory::publish_timestamp() {
  repository.timestamp.issued = now;
  repository.timestamp.header.expires = now.plus_seconds(7 * kDay);
  repository.publish_timestamp();
  note_all();
}

void ProductHistory::publish() {
  repository.timestamp.issued = now;
  repository.timestamp.header.expires = now.plus_seconds(7 * kDay);
  repository.snapshot.header.expires = now.plus_seconds(30 * kDay);
  repository.targets.header.expires = now.plus_seconds(365 * kDay);
  for (auto& [name, role] : repository.delegated) {
    role.header.expires = now.plus_seconds((name.starts_with("rollout.") ? 90 : 365) * kDay);
  }
  repository.publish();
  note_all();
  now = now.plus_seconds(kDay);
}

void ProductHistory::publish_release(const std::string& version, std::int64_t sequence, std::int64_t serial) {
  sign_release(small_release(version, sequence));
  set_channel(repository, {.release = version, .serial = serial});
  publish();
}

void ProductHistory::publish_root() {
  repository.root.header.expires = now.plus_seconds(365 * kDay);
  repository.publish_root();
  note_all();
}

void ProductHistory::sign_release(const ReleaseContent& release) {
  add_release(repository, release);
  images_.insert(Sha256::of(release.image));
}

void ProductHistory::note(const std::string& role) {
  files_.emplace(role, Sha256::of(repository.served(repository.path_of(role))));
}

void ProductHistory::note_all() {
  for (const char* role : {"root", "timestamp", "snapshot", "targets"}) note(role);
  for (const auto& [name, role] : repository.delegated) note(name);
  published.push_back(repository);
}

bool ProductHistory::has_published(const std::string& role, ByteView file) const {
  return files_.contains({role, Sha256::of(file)});
}

bool ProductHistory::has_together(const metadata::Snapshot& snapshot) const {
  return std::ranges::any_of(published,
                             [&](const RepositorySimulator& at) { return at.snapshot.meta == snapshot.meta; });
}

}  // namespace tenon::tests
