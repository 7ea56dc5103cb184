#include <tenon/hsm/key_file.h>
#include <tenon/hsm/proof.h>
#include <tenon/hsm/software_key.h>
#include <tenon/metadata/envelope.h>

#include <gtest/gtest.h>

namespace tenon::hsm {
namespace {

using metadata::UtcTime;

const UtcTime kNow = *UtcTime::parse("2026-11-28T12:00:00Z");

Nonce nonce(std::string_view hex = "c0ffee00") {
  return *Nonce::parse(hex);
}

// A signer that shows one key and signs with another.
class TwoFaced final : public Signer {
 public:
  TwoFaced(metadata::PublicKey shown, SoftwareKey& used) : shown_(std::move(shown)), used_(used) {}
  const metadata::PublicKey& public_key() const override { return shown_; }
  Result<Bytes> sign(ByteView message) override { return used_.sign(message); }

 private:
  metadata::PublicKey shown_;
  SoftwareKey& used_;
};

TEST(ProofOfPossession, VerifiesWithTheKeyThatMadeItAndNoOther) {
  for (KeyType type : {KeyType::kEd25519, KeyType::kEcdsaP256}) {
    SoftwareKey key = SoftwareKey::generate(type);
    const Result<ProofOfPossession> proof = make_proof(key, nonce(), kNow);
    ASSERT_TRUE(proof) << proof.error().message;
    EXPECT_TRUE(proof->verify(key.public_key()));
    EXPECT_FALSE(proof->verify(SoftwareKey::generate(type).public_key()));
  }
}

TEST(ProofOfPossession, IsForOneNonceAndOneTimeOnly) {
  SoftwareKey key = SoftwareKey::generate(KeyType::kEd25519);
  const ProofOfPossession proof = *make_proof(key, nonce(), kNow);
  ProofOfPossession replayed = proof;
  replayed.nonce = nonce("c0ffee01");
  EXPECT_FALSE(replayed.verify(key.public_key()));
  ProofOfPossession younger = proof;
  younger.made = kNow.plus_seconds(1);
  EXPECT_FALSE(younger.verify(key.public_key()));
}

TEST(ProofOfPossession, SignsWhatNoTufClientTakesForMetadata) {
  SoftwareKey key = SoftwareKey::generate(KeyType::kEd25519);
  const ProofOfPossession proof = *make_proof(key, nonce(), kNow);
  const std::string signed_text = R"({"_type":"tenon-pop-1","keyid":")" + key.public_key().hash_keyid().text() +
                                  R"(","made":"2026-11-28T12:00:00Z","nonce":"c0ffee00"})";
  EXPECT_TRUE(key.public_key().verify(as_bytes(signed_text), proof.signature));
}

// Book: KEYT-12
TEST(ProofOfPossession, IsThrownAwayIfTheSignerUsedAnotherKeyThanItShows) {
  SoftwareKey used = SoftwareKey::generate(KeyType::kEd25519);
  TwoFaced token(SoftwareKey::generate(KeyType::kEd25519).public_key(), used);
  const Result<ProofOfPossession> proof = make_proof(token, nonce(), kNow);
  ASSERT_FALSE(proof);
  EXPECT_EQ(proof.error().code, ErrorCode::kSig);
}

TEST(Nonce, IsOneTo64BytesInLowerCaseHex) {
  EXPECT_TRUE(Nonce::parse(std::string(128, 'a')));
  for (const std::string& text : {std::string(), std::string(130, 'a'), std::string("abc"), std::string("AB")}) {
    EXPECT_FALSE(Nonce::parse(text)) << text;
  }
}

}  // namespace
}  // namespace tenon::hsm
