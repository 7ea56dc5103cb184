// The one count of signatures, and the step from one root to the next.
#include <tenon/metadata/authentic.h>
#include <tenon/metadata/hex.h>

#include <gtest/gtest.h>
#include <tests/support/json_edit.h>
#include <tests/support/scenario.h>

namespace tenon::tests {
namespace {

using metadata::Authentic;
using metadata::Root;
using metadata::TopRole;

// A root of that version whose root role has these keys.
Root root_with(std::int64_t version, const std::vector<TestKey>& keys, std::int64_t threshold) {
  static const RepositorySimulator repository;
  Root root = repository.root;
  root.header.version = *metadata::Version::create(version);
  for (const TestKey& key : keys) root.keys.emplace(key.keyid(), key.public_key());
  root.roles.at(TopRole::kRoot) = role_keys(keys, threshold);
  return root;
}

// Keys are numbers; key k of the old root is k, the new root begins at the first number that overlaps.
struct Rotation {
  std::size_t old_keys, new_keys, overlap;
  std::int64_t old_threshold, new_threshold;

  std::set<std::size_t> old_set() const { return range(0, old_keys); }
  std::set<std::size_t> new_set() const { return range(old_keys - overlap, new_keys); }
  std::set<std::size_t> only_old() const { return range(0, old_keys - overlap); }
  std::set<std::size_t> only_new() const { return range(old_keys, new_keys - overlap); }
  std::set<std::size_t> both() const { return range(old_keys - overlap, overlap); }
  std::string text() const {
    return std::to_string(old_threshold) + " of " + std::to_string(old_keys) + " to " + std::to_string(new_threshold) +
           " of " + std::to_string(new_keys) + ", " + std::to_string(overlap) + " stay";
  }

 private:
  static std::set<std::size_t> range(std::size_t first, std::size_t count) {
    std::set<std::size_t> numbers;
    for (std::size_t i = 0; i < count; ++i) numbers.insert(first + i);
    return numbers;
  }
};

std::vector<Rotation> all_rotations() {
  std::vector<Rotation> rotations;
  for (std::size_t old_keys = 1; old_keys <= 4; ++old_keys) {
    for (std::size_t new_keys = 1; new_keys <= 4; ++new_keys) {
      for (std::size_t overlap = 0; overlap <= std::min(old_keys, new_keys); ++overlap) {
        for (std::int64_t t1 = 1; t1 <= std::min<std::int64_t>(3, static_cast<std::int64_t>(old_keys)); ++t1) {
          for (std::int64_t t2 = 1; t2 <= std::min<std::int64_t>(3, static_cast<std::int64_t>(new_keys)); ++t2) {
            rotations.push_back({old_keys, new_keys, overlap, t1, t2});
          }
        }
      }
    }
  }
  return rotations;
}

const TestKey& key_number(std::size_t number) {
  static const std::vector<TestKey> keys = test_keys(2000, 8);
  return keys.at(number);
}
std::vector<TestKey> keys_of(const std::set<std::size_t>& numbers) {
  std::vector<TestKey> keys;
  for (std::size_t number : numbers) keys.push_back(key_number(number));
  return keys;
}
std::set<std::size_t> first_of(const std::set<std::size_t>& numbers, std::int64_t count) {
  std::set<std::size_t> first;
  for (std::size_t number : numbers) {
    if (static_cast<std::int64_t>(first.size()) < count) first.insert(number);
  }
  return first;
}
std::int64_t common(const std::set<std::size_t>& a, const std::set<std::size_t>& b) {
  return std::count_if(a.begin(), a.end(), [&](std::size_t number) { return b.contains(number); });
}

// What a new root signed by these keys meets.
std::string verdict(const Rotation& rotation, const std::set<std::size_t>& signers) {
  const std::vector<TestKey> old_keys = keys_of(rotation.old_set());
  const Root old_root = root_with(1, old_keys, rotation.old_threshold);
  const Root new_root = root_with(2, keys_of(rotation.new_set()), rotation.new_threshold);
  const Authentic<Root> trusted = *metadata::embedded_root(sign_file(old_root.to_json(), old_keys));
  return code_of(metadata::next_root(trusted, sign_file(new_root.to_json(), keys_of(signers))));
}

// Book: ROOT-04
// Spec: 5.3.4b
TEST(NextRoot, IsRefusedWhenOnlyTheOldThresholdIsMet) {
  std::size_t rows = 0;
  for (const Rotation& rotation : all_rotations()) {
    const std::set<std::size_t> signers = first_of(rotation.old_set(), rotation.old_threshold);
    if (common(signers, rotation.new_set()) >= rotation.new_threshold) continue;
    EXPECT_EQ(verdict(rotation, signers), "E_SIG") << rotation.text();
    ++rows;
  }
  EXPECT_GE(rows, 100U);
}

// Book: ROOT-05
// Spec: 5.3.4a
TEST(NextRoot, IsRefusedWhenOnlyTheNewThresholdIsMet) {
  std::size_t rows = 0;
  for (const Rotation& rotation : all_rotations()) {
    // Keys that are only in the new root first.
    std::set<std::size_t> signers = first_of(rotation.only_new(), rotation.new_threshold);
    const auto missing = rotation.new_threshold - static_cast<std::int64_t>(signers.size());
    signers.merge(first_of(rotation.both(), missing));
    if (common(signers, rotation.old_set()) >= rotation.old_threshold) continue;
    EXPECT_EQ(verdict(rotation, signers), "E_SIG") << rotation.text();
    ++rows;
  }
  EXPECT_GE(rows, 100U);
}

// Book: ROOT-06
// Spec: 5.3.4a
TEST(NextRoot, IsRefusedWhenKeysOfTheNewRootFillUpTheOldThreshold) {
  std::size_t rows = 0;
  for (const Rotation& rotation : all_rotations()) {
    // One old key short, and every key that only the new root lists.
    std::set<std::size_t> signers = first_of(rotation.old_set(), rotation.old_threshold - 1);
    signers.merge(rotation.only_new());
    if (static_cast<std::int64_t>(signers.size()) < rotation.old_threshold) continue;
    EXPECT_EQ(verdict(rotation, signers), "E_SIG") << rotation.text();
    ++rows;
  }
  EXPECT_GE(rows, 50U);
}

// Book: ROOT-07
// Spec: 1.5a, 5.3.4a, 5.3.4b
TEST(NextRoot, IsAcceptedWhenBothThresholdsAreMetAlsoByTheSameKeys) {
  std::size_t rows = 0;
  for (const Rotation& rotation : all_rotations()) {
    std::set<std::size_t> signers = rotation.both();
    signers.merge(first_of(rotation.only_old(), rotation.old_threshold - static_cast<std::int64_t>(rotation.overlap)));
    signers.merge(first_of(rotation.only_new(), rotation.new_threshold - static_cast<std::int64_t>(rotation.overlap)));
    EXPECT_EQ(verdict(rotation, signers), "accepted") << rotation.text();
    ++rows;
  }
  EXPECT_GE(rows, 200U);
}

// Book: SIG-03, SIG-01
// Spec: 5.3.4c
TEST(NextRoot, IsRefusedWhenOneKeyUnderTwoNamesMeetsTheThreshold) {
  const TestKey twin = key_number(0).named("twin");
  const std::vector<TestKey> keys = {key_number(0), twin, key_number(1)};
  const Root root = root_with(1, keys, 2);
  EXPECT_EQ(code_of(metadata::embedded_root(sign_file(root.to_json(), {key_number(0), twin}))), "E_SIG");
  EXPECT_EQ(code_of(metadata::embedded_root(sign_file(root.to_json(), {key_number(0), key_number(1)}))), "accepted");
}

// Book: SIG-08
TEST(Root, WithAThresholdAboveItsKeysIsNeverMet) {
  const std::vector<TestKey> keys = keys_of({0, 1});
  EXPECT_EQ(code_of(metadata::embedded_root(sign_file(root_with(1, keys, 3).to_json(), keys))), "E_SIG");
}

// Book: SIG-10
TEST(Root, SkipsBadAndUnknownSignaturesBesideEnoughGoodOnes) {
  const std::vector<TestKey> keys = keys_of({0, 1, 2});
  const json::Value root = root_with(1, keys, 2).to_json();
  metadata::Envelope envelope = metadata::Envelope::unsigned_of(root);
  envelope = envelope.with_signature({keys[0].keyid(), "no hex"})
                 .with_signature({*metadata::KeyId::parse("unknown"), "00"})
                 .with_signature({*metadata::KeyId::parse("empty"), ""});
  envelope = envelope.with_signature(keys[1].sign(envelope));
  EXPECT_EQ(code_of(metadata::embedded_root(as_bytes(envelope.to_text()))), "E_SIG");
  envelope = envelope.with_signature(keys[2].sign(envelope));
  EXPECT_EQ(code_of(metadata::embedded_root(as_bytes(envelope.to_text()))), "accepted");
}

// Book: SIG-24
TEST(Root, CountsUnsupportedKeysAsNothingAndTheRestAsUsual) {
  json::Value odd = with(key_number(3).public_key().value(), {"scheme"}, "ml-dsa-65/1");
  odd = with(odd, {"keytype"}, "ml-dsa");
  const TestKey unsupported = key_number(3).spelled(odd);
  const std::vector<TestKey> keys = {key_number(0), key_number(1), unsupported};
  const json::Value root = root_with(1, keys, 2).to_json();
  EXPECT_EQ(code_of(metadata::embedded_root(sign_file(root, {key_number(0), unsupported}))), "E_SIG");
  EXPECT_EQ(code_of(metadata::embedded_root(sign_file(root, {key_number(0), key_number(1), unsupported}))), "accepted");
}

// Book: SIG-11
TEST(Root, IgnoresASchemeInTheSignatureObject) {
  const std::vector<TestKey> keys = keys_of({0});
  const std::string text(as_text(sign_file(root_with(1, keys, 1).to_json(), keys)));
  const std::string with_scheme =
      replaced(text, "\"keyid\": \"" + keys[0].keyid().text() + "\"",
               "\"keyid\": \"" + keys[0].keyid().text() + "\", \"method\": \"none\", \"scheme\": \"rsa\"");
  EXPECT_EQ(code_of(metadata::embedded_root(as_bytes(with_scheme))), "accepted");
}

// Book: SIG-12
TEST(Root, SignedByP256KeysIsCountedLikeAnyOther) {
  std::vector<TestKey> keys;
  for (std::uint32_t number = 2100; number < 2103; ++number) keys.emplace_back(number, KeyKind::kP256);
  const json::Value root = root_with(1, keys, 2).to_json();
  EXPECT_EQ(code_of(metadata::embedded_root(sign_file(root, {keys[0]}))), "E_SIG");
  EXPECT_EQ(code_of(metadata::embedded_root(sign_file(root, {keys[0], keys[2]}))), "accepted");
}

// Book: SIG-21
// Spec: 4.2.1d
TEST(Root, SignedOverAnyOtherBytesThanTheCanonicalOnesIsRefused) {
  const TestKey& key = key_number(0);
  const json::Value root = root_with(1, {key}, 1).to_json();
  const metadata::Envelope unsigned_envelope = metadata::Envelope::unsigned_of(root);
  const std::string canonical = json::canonical(root);
  const Sha256 digest = Sha256::of(as_bytes(canonical));
  const Bytes messages[] = {to_bytes(json::to_text(root, 1)), to_bytes(unsigned_envelope.to_text()),
                            to_bytes(canonical + "\n"), Bytes(digest.bytes.begin(), digest.bytes.end()),
                            to_bytes(digest.hex())};
  for (const Bytes& message : messages) {
    const metadata::Envelope envelope = unsigned_envelope.with_signature({key.keyid(), to_hex(key.sign(message))});
    EXPECT_EQ(code_of(metadata::embedded_root(as_bytes(envelope.to_text()))), "E_SIG");
  }
}

// Book: SIG-20, SIG-19
TEST(Tally, VerifiesOnlySignaturesOfListedKeys) {
  metadata::Envelope envelope = metadata::Envelope::unsigned_of(json::Object{});
  for (int i = 0; i < 60; ++i) {
    envelope = envelope.with_signature({*metadata::KeyId::parse("unknown" + std::to_string(i)), "00"});
  }
  envelope = envelope.with_signature(key_number(0).sign(envelope));
  envelope = envelope.with_signature(key_number(1).sign(envelope));
  metadata::KeyMap keys;
  for (std::size_t i = 0; i < 2; ++i) keys.emplace(key_number(i).keyid(), key_number(i).public_key());
  // Key 1 is in the map and not in the role.
  const metadata::Tally count = tally(envelope, keys, role_keys({key_number(0)}, 1));
  EXPECT_EQ(count.signers, std::vector<metadata::KeyId>{key_number(0).keyid()});
}

}  // namespace
}  // namespace tenon::tests
