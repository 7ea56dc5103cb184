// TestKey: a signing key of the tests. The number is its seed, so that every run makes the same keys (RSA: one and the
// same key in one process); they protect nothing.
// Thread: immutable.
#pragma once

#include <tenon/metadata/envelope.h>
#include <tenon/metadata/public_key.h>
#include <tenon/metadata/role_header.h>

#include <cstdint>
#include <string>
#include <vector>

namespace tenon::tests {

enum class KeyKind { kEd25519, kP256, kP384, kRsa };

class TestKey {
 public:
  explicit TestKey(std::uint32_t number, KeyKind kind = KeyKind::kEd25519);

  const metadata::PublicKey& public_key() const { return public_key_; }
  const metadata::KeyId& keyid() const { return keyid_; }
  // named gives the same key under another keyid; it signs under that name.
  TestKey named(std::string_view keyid) const;
  // spelled gives the same key with another key object, under the hash of that object.
  TestKey spelled(const json::Value& key_object) const;

  // sign gives the raw signature: 64 bytes, DER, or PSS with a salt of 32 bytes.
  Bytes sign(ByteView message) const;
  metadata::Signature sign(const metadata::Envelope& envelope) const;

  bool operator==(const TestKey& other) const { return keyid_ == other.keyid_ && secret_ == other.secret_; }

 private:
  KeyKind kind_;
  Bytes secret_;
  metadata::PublicKey public_key_;
  metadata::KeyId keyid_;
};

// test_keys gives `count` Ed25519 keys, numbered from `first`.
std::vector<TestKey> test_keys(std::uint32_t first, std::size_t count);

std::vector<metadata::KeyId> keyids_of(const std::vector<TestKey>& keys);

// role_keys lists the keys with a threshold, as root and delegations do. Pre: threshold is above 0.
metadata::RoleKeys role_keys(const std::vector<TestKey>& keys, std::int64_t threshold);

// sign_file is the metadata file of a signed part, with one signature by each key.
Bytes sign_file(const json::Value& signed_part, const std::vector<TestKey>& keys);

}  // namespace tenon::tests
