#include <tenon/hsm/open_signer.h>
#include <tenon/hsm/proof.h>
#include <tenon/hsm/token_key.h>
#include <tenon/hsm/token_signer.h>
#include <tenon/metadata/hex.h>

#include <gtest/gtest.h>
#include <tests/hsm/soft_token.h>

namespace tenon::hsm {
namespace {

constexpr std::string_view kMessage = "what the metadata says";

// One SoftHSM with a key of each kind, made by us: ids 01 (P-256), 02 (RSA), 03 (Ed25519), 04 (P-256 that wants the PIN
// for each signature).
class TokenTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    soft_ = new SoftToken();
    keys_ = new std::map<int, Token::Key>();
    make(1, KeyType::kEcdsaP256, "p256");
    make(2, KeyType::kRsa3072, "rsa");
    make(3, KeyType::kEd25519, "ed");
    make(4, KeyType::kEcdsaP256, "always", true);
  }
  static void TearDownTestSuite() {
    delete keys_;
    delete soft_;
  }
  static void make(std::uint8_t id, KeyType type, const std::string& label, bool always = false) {
    Result<Token::Key> key = soft_->generate(type, label, id, always);
    ASSERT_TRUE(key) << key.error().message;
    keys_->emplace(id, *std::move(key));
  }

  static std::string uri(int id) { return "pkcs11:token=ceremony;id=%0" + std::to_string(id); }
  static Result<std::unique_ptr<TokenSigner>> open(int id) { return open(id, soft_->options()); }
  static Result<std::unique_ptr<TokenSigner>> open(int id, const TokenOptions& options) {
    return TokenSigner::open(SoftToken::uri(uri(id)), options);
  }
  static const metadata::PublicKey& key(int id) { return keys_->at(id).public_key; }

  static SoftToken* soft_;
  static std::map<int, Token::Key>* keys_;
};
SoftToken* TokenTest::soft_ = nullptr;
std::map<int, Token::Key>* TokenTest::keys_ = nullptr;

TEST_F(TokenTest, SignsWithEveryKindOfKeySoThatItsPublicHalfVerifies) {
  for (int id : {1, 2, 3}) {
    const auto signer = open(id);
    ASSERT_TRUE(signer) << signer.error().message;
    EXPECT_EQ((*signer)->public_key(), key(id));
    for (int i = 0; i < 3; ++i) {
      const Result<Bytes> signature = (*signer)->sign(as_bytes(kMessage));
      ASSERT_TRUE(signature) << signature.error().message;
      EXPECT_TRUE(key(id).verify(as_bytes(kMessage), *signature));
    }
  }
}

TEST_F(TokenTest, RecordsWhatTheTokenSaysOfAKeyThatWasMadeInIt) {
  for (int id : {1, 2, 3}) {
    const TokenFacts& facts = keys_->at(id).facts;
    EXPECT_TRUE(facts.local);
    EXPECT_TRUE(facts.never_extractable);
    EXPECT_FALSE(facts.always_authenticate);
    EXPECT_EQ(facts.label, "ceremony");
    EXPECT_EQ(facts.model, "SoftHSM v2");
    EXPECT_EQ(facts.key_id, Bytes{static_cast<std::uint8_t>(id)});
  }
}

TEST_F(TokenTest, OpensThroughTheKeyFileThatNamesItsToken) {
  KeyFile file = KeyFile::of(*KeyName::parse("alice"), key(1));
  file.token = keys_->at(1).facts;
  const std::string path = soft_->folder().write("alice.tenon-key", file.to_text()).native();
  const auto signer = open_signer(path, {SecretSource::prompt(), soft_->options()});
  ASSERT_TRUE(signer) << signer.error().message;
  EXPECT_EQ((*signer)->public_key(), key(1));
}

}  // namespace
}  // namespace tenon::hsm
