#include <tenon/hsm/signer.h>
#include <tenon/hsm/software_key.h>

#include <set>

#include <gtest/gtest.h>

namespace tenon::hsm {
namespace {

using metadata::Envelope;
using metadata::KeyId;
using metadata::PublicKey;

Envelope draft() {
  json::Object object;
  object.set("_type", "root");
  return Envelope::unsigned_of(object);
}

KeyId keyid(std::string_view text) {
  return *KeyId::parse(text);
}

// A token that shows one key and signs with another, or signs nothing at all.
class FakeToken final : public Signer {
 public:
  FakeToken(PublicKey shown, Bytes signature) : shown_(std::move(shown)), signature_(std::move(signature)) {}
  const PublicKey& public_key() const override { return shown_; }
  Result<Bytes> sign(ByteView) override { return signature_; }

 private:
  PublicKey shown_;
  Bytes signature_;
};

class AddSignature : public testing::TestWithParam<KeyType> {};
INSTANTIATE_TEST_SUITE_P(BothTypes, AddSignature, testing::Values(KeyType::kEd25519, KeyType::kEcdsaP256),
                         [](const auto& type) { return type.param == KeyType::kEd25519 ? "ed25519" : "p256"; });

TEST_P(AddSignature, SignsUnderTheNameThatTheMetadataGivesTheKey) {
  SoftwareKey key = SoftwareKey::generate(GetParam());
  const Result<Envelope> with = add_signature(draft(), keyid("any name"), key.public_key(), key);
  ASSERT_TRUE(with);
  ASSERT_EQ(with->signatures().size(), 1u);
  EXPECT_EQ(with->signatures()[0].keyid, keyid("any name"));
  EXPECT_TRUE(key.public_key().verify(with->signed_bytes(), *with->signatures()[0].bytes()));
}

// Book: KEYT-13
TEST_P(AddSignature, RefusesASignerWithAnotherKeyThanTheListedOne) {
  SoftwareKey eve = SoftwareKey::generate(GetParam());
  const SoftwareKey alice = SoftwareKey::generate(GetParam());
  const Result<Envelope> with = add_signature(draft(), keyid("alice"), alice.public_key(), eve);
  ASSERT_FALSE(with);
  EXPECT_EQ(with.error().code, ErrorCode::kPolicy);
}

// Book: KEYT-12
TEST_P(AddSignature, ThrowsAwayASignatureMadeWithAnotherKey) {
  SoftwareKey eve = SoftwareKey::generate(GetParam());
  const SoftwareKey alice = SoftwareKey::generate(GetParam());
  FakeToken token(alice.public_key(), *eve.sign(draft().signed_bytes()));
  const Result<Envelope> with = add_signature(draft(), keyid("alice"), alice.public_key(), token);
  ASSERT_FALSE(with);
  EXPECT_EQ(with.error().code, ErrorCode::kSig);
}

// Book: KEYT-12
TEST_P(AddSignature, ThrowsAwayGarbageOfEveryLength) {
  const SoftwareKey alice = SoftwareKey::generate(GetParam());
  for (std::size_t size : {0u, 1u, 63u, 64u, 65u, 70u, 72u, 4096u}) {
    FakeToken token(alice.public_key(), Bytes(size, 0x30));
    EXPECT_FALSE(add_signature(draft(), keyid("alice"), alice.public_key(), token)) << size;
  }
}

// Book: KEYT-20
TEST(SoftwareKey, NeverUsesAnEcdsaNonceTwice) {
  SoftwareKey key = SoftwareKey::generate(KeyType::kEcdsaP256);
  std::set<Bytes> nonces;
  for (int i = 0; i < 500; ++i) {
    const Bytes signature = *key.sign(as_bytes("the same message"));
    const std::size_t size = signature[3];  // SEQUENCE, length, INTEGER, length, r
    nonces.emplace(signature.begin() + 4, signature.begin() + 4 + static_cast<std::ptrdiff_t>(size));
  }
  EXPECT_EQ(nonces.size(), 500u);
}

}  // namespace
}  // namespace tenon::hsm
