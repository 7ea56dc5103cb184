// The traps of PKCS#11 that real tokens have shown, one test each; 11 and 15 are in pkcs11_uri_test.cc.
#include <tenon/hsm/key_file.h>
#include <tenon/hsm/token_key.h>
#include <tenon/metadata/hex.h>

#include <gtest/gtest.h>
#include <p11-kit/pkcs11.h>
#include <tests/hsm/soft_token.h>
#include <tests/support/places.h>

namespace tenon::hsm {
namespace {

using wire::Mechanism;

constexpr std::string_view kMessage = "what the metadata says";
const std::string kRoot = "pkcs11:token=ceremony;id=%01";

class Trap : public testing::Test {
 protected:
  Result<std::unique_ptr<TokenSigner>> open(const TokenOptions& options) const {
    return TokenSigner::open(SoftToken::uri(kRoot), options);
  }
  SoftToken soft_;
};

class Trap01 : public Trap {};
class Trap02 : public Trap {};
class Trap03 : public Trap {};
class Trap06 : public Trap {};
class Trap07 : public Trap {};
class Trap08 : public Trap {};
class Trap09 : public Trap {};
class Trap12 : public Trap {};
class Trap13 : public Trap {};
class Trap14 : public Trap {};
class Trap16 : public Trap {};

TEST_F(Trap01, EcdsaIsGivenADigestOf32BytesSinceTokensCutOffWhatIsLonger) {
  const Token::Key key = soft_.generate(KeyType::kEcdsaP256, "root", 1);
  const Bytes message(5000, 0x61);
  {
    const auto signer = open(soft_.faulty(""));
    const Result<Bytes> signature = (*signer)->sign(message);
    ASSERT_TRUE(signature) << signature.error().message;
    EXPECT_TRUE(key.public_key.verify(message, *signature));
  }
  EXPECT_EQ(soft_.calls()["C_Sign of 32"], 1);

  // The trap is real: the token takes all 5000 bytes without a word, and signs something else.
  TokenProcess process = *TokenProcess::start(soft_.options().module, std::nullopt);
  ASSERT_TRUE(process.open_session(*choose_token(SoftToken::uri(), process.tokens()), false));
  ASSERT_TRUE(process.login(SecretBytes::copy_of(as_bytes(SoftToken::kPin))));
  const KeyPair pair = *choose_key(SoftToken::uri(kRoot), *process.keys({}));
  const Result<Bytes> cut = process.sign(Mechanism::kEcdsa, pair.private_key, message, nullptr);
  ASSERT_TRUE(cut);
  EXPECT_EQ(cut->size(), 64u);
  EXPECT_FALSE(key.public_key.verify(message, *tuf_signature(Mechanism::kEcdsa, *cut)));
}

TEST_F(Trap02, Ed25519IsAskedForWithoutParametersSinceTokensIgnoreThemInSilence) {
  soft_.generate(KeyType::kEd25519, "root", 1);
  ASSERT_TRUE((*open(soft_.faulty("")))->sign(as_bytes(kMessage)));
  EXPECT_EQ(soft_.calls()["C_SignInit with parameters of 0"], 1);
}

TEST_F(Trap03, Ed25519SignsFourMebibytesInOneCallSinceTokensCannotInParts) {
  const Token::Key key = soft_.generate(KeyType::kEd25519, "root", 1);
  const Bytes message(4u << 20, 0x61);
  const Result<Bytes> signature = (*open(soft_.faulty("")))->sign(message);
  ASSERT_TRUE(signature) << signature.error().message;
  EXPECT_TRUE(key.public_key.verify(message, *signature));
  EXPECT_EQ(soft_.calls()["C_Sign of 4194304"], 1);
}

Bytes hex(std::string_view text) {
  return *from_hex(text);
}

TEST(Trap04, PublicKeysAreReadInEverySpellingOfCurveAndPoint) {
  const std::string point =
      "046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c2964fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315e"
      "cecbb6406837bf51f5";
  wire::KeyObject p256{.key_type = CKK_EC, .ec_params = hex("06082a8648ce3d030107"), .ec_point = hex(point)};
  const Result<metadata::PublicKey> raw = public_key_of(p256);
  ASSERT_TRUE(raw) << raw.error().message;
  p256.ec_point = hex("0441" + point);
  EXPECT_EQ(*public_key_of(p256), *raw);

  const std::string ed = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";  // RFC 8032, 7.1
  wire::KeyObject edwards{.key_type = CKK_EC_EDWARDS, .ec_params = hex("06032b6570"), .ec_point = hex(ed)};
  const Result<metadata::PublicKey> by_oid = public_key_of(edwards);
  ASSERT_TRUE(by_oid) << by_oid.error().message;
  edwards.ec_params = hex("130c656477617264733235353139");
  edwards.ec_point = hex("0420" + ed);
  EXPECT_EQ(*public_key_of(edwards), *by_oid);
}

TEST(Trap04, KeysThatAreNoneOrWeakAreRefused) {
  const wire::KeyObject off_curve{
      .key_type = CKK_EC, .ec_params = hex("06082a8648ce3d030107"), .ec_point = Bytes(65, 4)};
  EXPECT_FALSE(public_key_of(off_curve));
  const wire::KeyObject small_order{
      .key_type = CKK_EC_EDWARDS, .ec_params = hex("06032b6570"), .ec_point = Bytes(32, 0)};
  EXPECT_FALSE(public_key_of(small_order));
  const wire::KeyObject exponent_of_one{.key_type = CKK_RSA, .modulus = Bytes(384, 0xff), .exponent = {1}};
  EXPECT_FALSE(public_key_of(exponent_of_one));
  EXPECT_FALSE(public_key_of(wire::KeyObject{}));
}

TEST(Trap05, RawRAndSBecomeDerWithoutNeedlessZeros) {
  Bytes raw(64, 0);
  raw[31] = 0x7f;
  raw[32] = 0x80;
  const Bytes der = *tuf_signature(Mechanism::kEcdsa, raw);
  EXPECT_EQ(to_hex(der),
            "3026"
            "02017f"
            "022100"
            "80" +
                std::string(62, '0'));
}

TEST(Trap05, ARawSignatureOfAnotherLengthIsThrownAway) {
  for (std::size_t size : {0u, 1u, 63u, 65u, 70u, 8192u}) {
    EXPECT_EQ(tuf_signature(Mechanism::kEcdsa, Bytes(size, 1)).error().code, ErrorCode::kSig) << size;
  }
}

TEST_F(Trap06, ATokenThatTakesNoStrictTemplateGetsTheMinimalOneAndTheFactsAreReadBack) {
  Token token = *Token::find(SoftToken::uri(), soft_.faulty("C_GenerateKeyPair 1 return 5"), Token::Use::kWrite);
  ASSERT_TRUE(token.login());
  const Result<Token::Key> key = token.generate(KeyType::kEcdsaP256, "root", {1}, false);
  ASSERT_TRUE(key) << key.error().message;
  EXPECT_EQ(soft_.calls()["C_GenerateKeyPair"], 2);
  EXPECT_TRUE(key->facts.local);
}

TEST_F(Trap06, FactsAreWhatTheTokenSaysNotWhatWasAskedFor) {
  const std::string lies = "attribute 163 00\nattribute 164 00";  // CKA_LOCAL, CKA_NEVER_EXTRACTABLE
  Token token = *Token::find(SoftToken::uri(), soft_.faulty(lies), Token::Use::kWrite);
  ASSERT_TRUE(token.login());
  const Result<Token::Key> key = token.generate(KeyType::kEcdsaP256, "root", {1}, false);
  ASSERT_TRUE(key) << key.error().message;
  EXPECT_FALSE(key->facts.local);
  EXPECT_FALSE(key->facts.never_extractable);
}

// Book: KEYT-24
TEST_F(Trap06, AKeyThatDoesNotSignIsRemovedAgain) {
  Token token = *Token::find(SoftToken::uri(), soft_.faulty("C_Sign 0 flip"), Token::Use::kWrite);
  ASSERT_TRUE(token.login());
  const Result<Token::Key> key = token.generate(KeyType::kEcdsaP256, "root", {1}, false);
  ASSERT_FALSE(key);
  EXPECT_NE(key.error().message.find("removed again"), std::string::npos) << key.error().message;
  EXPECT_EQ(soft_.calls()["C_DestroyObject"], 2);
  EXPECT_TRUE(token.visible_keys()->empty());
}

// Book: KEYT-11
TEST_F(Trap07, AKeyThatWantsThePinForEachSignatureGetsItFromOneEntry) {
  soft_.generate(KeyType::kEcdsaP256, "root", 1, true);
  const auto signer = open(soft_.faulty(""));
  ASSERT_TRUE(signer) << signer.error().message;
  EXPECT_TRUE((*signer)->facts().always_authenticate);
  for (int i = 0; i < 3; ++i) {
    const Result<Bytes> signature = (*signer)->sign(as_bytes(kMessage));
    EXPECT_TRUE(signature) << signature.error().message;
  }
  EXPECT_EQ(soft_.calls()["C_Login"], 4);
}

// Book: KEYT-11
TEST_F(Trap07, APinThatIsRefusedForASignatureIsNotSentAgain) {
  soft_.generate(KeyType::kEcdsaP256, "root", 1, true);
  const auto signer = open(soft_.faulty("C_Login 2 return a0"));
  ASSERT_TRUE(signer) << signer.error().message;
  for (int i = 0; i < 3; ++i) EXPECT_EQ((*signer)->sign(as_bytes(kMessage)).error().code, ErrorCode::kAuth);
  EXPECT_EQ(soft_.calls()["C_Login"], 2);
}

// Book: KEYT-11
TEST_F(Trap07, ATokenThatHidesThatItWantsThePinIsNamed) {
  soft_.generate(KeyType::kEcdsaP256, "root", 1, true);
  const auto signer = open(soft_.faulty("attribute 202 00"));  // CKA_ALWAYS_AUTHENTICATE
  ASSERT_TRUE(signer) << signer.error().message;
  const Result<Bytes> signature = (*signer)->sign(as_bytes(kMessage));
  ASSERT_FALSE(signature);
  EXPECT_EQ(signature.error().code, ErrorCode::kAuth);
  EXPECT_NE(signature.error().message.find("CKR_USER_NOT_LOGGED_IN"), std::string::npos);
}

// Book: KEYT-09
TEST_F(Trap08, AWrongPinIsSentOnceAndTheTriesThatAreLeftAreNamed) {
  soft_.folder().write("wrong", "canary-0000");
  const auto signer = open(soft_.faulty("", "wrong"));
  ASSERT_FALSE(signer);
  EXPECT_EQ(signer.error().code, ErrorCode::kAuth);
  EXPECT_NE(signer.error().message.find("wrong PIN"), std::string::npos);
  EXPECT_NE(signer.error().message.find("few tries are left"), std::string::npos) << signer.error().message;
  EXPECT_EQ((signer.error().message + signer.error().hint).find("canary"), std::string::npos);
  EXPECT_EQ(soft_.calls()["C_Login"], 1);
}

// Book: KEYT-09
TEST_F(Trap08, TheLastTryIsRefusedBeforeThePinIsAskedForUnlessItIsWanted) {
  soft_.generate(KeyType::kEcdsaP256, "root", 1);
  TokenOptions options = soft_.faulty("flags 20000", "no such file");  // CKF_USER_PIN_FINAL_TRY
  const auto refused = open(options);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kAuth);
  EXPECT_NE(refused.error().hint.find("--last-try"), std::string::npos);
  EXPECT_EQ(soft_.calls()["C_Login"], 0);
  options = soft_.faulty("flags 20000");
  options.last_try = true;
  std::string warning;
  options.warn = [&](const std::string& text) { warning = text; };
  EXPECT_TRUE(open(options));
  EXPECT_NE(warning.find("last try"), std::string::npos) << warning;
}

// Book: KEYT-09
TEST_F(Trap08, ALockedTokenIsRefusedBeforeThePinIsAskedFor) {
  const auto signer = open(soft_.faulty("flags 40000", "no such file"));  // CKF_USER_PIN_LOCKED
  ASSERT_FALSE(signer);
  EXPECT_EQ(signer.error().code, ErrorCode::kAuth);
  EXPECT_NE(signer.error().message.find("locked"), std::string::npos) << signer.error().message;
  EXPECT_EQ(soft_.calls()["C_Login"], 0);
}

// Book: KEYT-09
TEST_F(Trap08, APinThatLocksTheTokenSaysSo) {
  const auto signer = open(soft_.faulty("C_Login 1 return a4"));
  ASSERT_FALSE(signer);
  EXPECT_NE(signer.error().message.find("CKR_PIN_LOCKED"), std::string::npos) << signer.error().message;
  EXPECT_FALSE(signer.error().hint.empty());
  EXPECT_EQ(soft_.calls()["C_Login"], 1);
}

// Book: KEYT-09
TEST_F(Trap08, FewTriesLeftAreWarnedOfBeforeThePinIsAskedFor) {
  TokenOptions options = soft_.faulty("flags 10000", "no such file");  // CKF_USER_PIN_COUNT_LOW
  std::string warning;
  options.warn = [&](const std::string& text) { warning = text; };
  EXPECT_FALSE(open(options));
  EXPECT_NE(warning.find("few tries"), std::string::npos) << warning;
}

// Book: KEYT-11
TEST_F(Trap08, ASessionThatIsLoggedInAlreadyIsLoggedOutFirstSoThatThePinIsChecked) {
  soft_.generate(KeyType::kEcdsaP256, "root", 1);
  const auto signer = open(soft_.faulty("C_Login 1 return 100"));
  ASSERT_FALSE(signer);
  EXPECT_EQ(signer.error().code, ErrorCode::kAuth);
  EXPECT_EQ(soft_.calls()["C_Login"], 1);
}

TEST_F(Trap09, AKeyThatWasImportedIsNotTakenForOneOfTheToken) {
  const std::string pem = (soft_.folder() / "imported.pem").native();
  SoftToken::run("openssl ecparam -name prime256v1 -genkey -noout -out " + pem);
  SoftToken::run("softhsm2-util --version");
  SoftToken::run("openssl pkcs8 -topk8 -nocrypt -in " + pem + " -out " + pem + ".p8");
  SoftToken::run(std::string("softhsm2-util --import ") + pem + ".p8 --token ceremony --label imported --id 01 --pin " +
                 SoftToken::kPin);
  const auto signer = open(soft_.options());
  ASSERT_TRUE(signer) << signer.error().message;
  EXPECT_FALSE((*signer)->facts().local);
  EXPECT_FALSE((*signer)->facts().never_extractable);
}

TEST(Trap10, TheIteratorOfP11KitWhichIsNoCppIsNotUsed) {
  for (const auto& entry : std::filesystem::directory_iterator(tests::source_dir() / "hsm")) {
    const Bytes source = *read_file(entry.path(), 1 << 20);
    EXPECT_EQ(as_text(source).find("p11-kit/iter.h"), std::string_view::npos) << entry.path();
  }
}

TEST_F(Trap12, ANewlineAtTheEndOfAPinFileIsNoPartOfThePin) {
  soft_.generate(KeyType::kEcdsaP256, "root", 1);
  soft_.folder().write("pin with newline", std::string(SoftToken::kPin) + "\n");
  const auto signer = open(soft_.faulty("", "pin with newline"));
  EXPECT_TRUE(signer) << signer.error().message;
  EXPECT_EQ(soft_.calls()["C_Login"], 1);
}

TEST_F(Trap13, AMissingReaderAsksForPcscd) {
  const auto signer = open(soft_.faulty("C_GetSlotList 0 return 30"));
  ASSERT_FALSE(signer);
  EXPECT_NE(signer.error().hint.find("pcscd"), std::string::npos) << signer.error().message << signer.error().hint;
}

TEST_F(Trap14, TheModuleIsFinalizedAfterSuccessAndAfterAnError) {
  soft_.generate(KeyType::kEcdsaP256, "root", 1);
  ASSERT_TRUE((*open(soft_.faulty("")))->sign(as_bytes(kMessage)));
  EXPECT_EQ(soft_.calls()["C_Finalize"], 1);
  EXPECT_EQ(soft_.calls()["C_CloseSession"], 1);
  EXPECT_EQ(soft_.calls()["C_Logout"], 1);
  EXPECT_FALSE(open(soft_.faulty("C_Login 1 return a0")));
  EXPECT_EQ(soft_.calls()["C_Finalize"], 1);
  EXPECT_EQ(soft_.calls()["C_CloseSession"], 1);
}

TEST_F(Trap16, ASoftwareTokenIsKnownByItsModelForPoliciesToRefuse) {
  const Token::Key key = soft_.generate(KeyType::kEcdsaP256, "root", 1);
  KeyFile file = KeyFile::of(*KeyName::parse("alice"), key.public_key);
  file.token = key.facts;
  EXPECT_EQ(KeyFile::parse(as_bytes(file.to_text()))->token->model, "SoftHSM v2");
}

}  // namespace
}  // namespace tenon::hsm
