// A module that fails at any call, lies, sleeps or crashes: no wrong signature, a clear error, and the session closed.
#include <tenon/hsm/pkcs11_error.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <span>

#include <gtest/gtest.h>
#include <tests/hsm/soft_token.h>

namespace tenon::hsm {
namespace {

constexpr std::string_view kMessage = "what the metadata says";
const std::string kRoot = "pkcs11:token=ceremony;id=%01";

// TENON_TOKEN_SIGNATURES=1000 signs as often with each fault, and makes keys with every code of failure.
int signatures() {
  const char* wanted = std::getenv("TENON_TOKEN_SIGNATURES");
  return wanted == nullptr ? 25 : std::atoi(wanted);
}

class FaultyToken : public testing::Test {
 protected:
  FaultyToken() : key_(soft_.generate(KeyType::kEcdsaP256, "root", 1).public_key) {}

  Result<Bytes> sign_once(const TokenOptions& options) const {
    TENON_TRY(const std::unique_ptr<TokenSigner> signer, TokenSigner::open(SoftToken::uri(kRoot), options, key_));
    return signer->sign(as_bytes(kMessage));
  }
  bool is_right(const Bytes& signature) const { return key_.verify(as_bytes(kMessage), signature); }

  SoftToken soft_;
  const metadata::PublicKey key_;
};

// --- every call fails in every way

constexpr std::uint64_t kCodes[] = {0x2,  0x3,   0x5,   0x6,   0x7,   0x11,  0x12,  0x20,  0x21,  0x30,      0x31, 0x32,
                                    0x50, 0x54,  0x60,  0x68,  0x70,  0x82,  0x90,  0x91,  0xa0,  0xa4,      0xb0, 0xb3,
                                    0xe0, 0x100, 0x101, 0x102, 0x121, 0x150, 0x190, 0x200, 0x1c0, 0x80000001};
static_assert(std::size(kCodes) >= 20);

// What ends a session, and what a token may lack, is no reason to throw a good signature away.
bool may_fail(const std::string& call, std::uint64_t code) {
  if (call == "C_Logout" || call == "C_CloseSession" || call == "C_Finalize") return true;
  if (call == "C_GetAttributeValue") return code == 0x11 || code == 0x12;  // the attribute is hidden, or unknown
  return false;
}

class EveryCall : public FaultyToken, public testing::WithParamInterface<const char*> {};
INSTANTIATE_TEST_SUITE_P(Calls, EveryCall,
                         testing::Values("C_Initialize", "C_GetSlotList", "C_GetTokenInfo", "C_OpenSession",
                                         "C_GetSessionInfo", "C_Login", "C_FindObjectsInit", "C_FindObjects",
                                         "C_FindObjectsFinal", "C_GetAttributeValue", "C_SignInit", "C_Sign",
                                         "C_Logout", "C_CloseSession", "C_Finalize"),
                         [](const auto& call) { return std::string(call.param); });

// Book: KEYT-10
TEST_P(EveryCall, ThatFailsGivesNoSignatureAClearErrorAndAClosedSession) {
  const std::string call = GetParam();
  for (const std::uint64_t code : kCodes) {
    const std::string returned = wire::CallFailure{call, code}.text();
    const Result<Bytes> signature = sign_once(soft_.faulty(call + " 1 return " + returned.substr(call.size() + 3)));
    std::map<std::string, int> calls = soft_.calls();
    EXPECT_GE(calls[call], 1) << returned;
    if (calls["C_SignInit"] + calls["C_Login"] > 0) {
      EXPECT_EQ(calls["C_CloseSession"], 1) << returned;
    }
    EXPECT_LE(calls["C_Login"], 1) << returned;
    if (signature) {
      EXPECT_TRUE(is_right(*signature)) << returned;
      EXPECT_TRUE(may_fail(call, code)) << returned;
      continue;
    }
    const Error& error = signature.error();
    const bool names_it = error.message.find(call) != error.message.npos || code == 0xe0;  // no token: it is not listed
    EXPECT_TRUE(names_it) << returned << ": " << error.message;
    EXPECT_EQ((error.message + error.hint).find("canary"), std::string::npos);
    EXPECT_FALSE(error.hint.empty() && error.code == ErrorCode::kHw) << returned << ": " << error.message;
  }
}

class EveryCallOfGenerate : public FaultyToken, public testing::WithParamInterface<const char*> {};
INSTANTIATE_TEST_SUITE_P(Calls, EveryCallOfGenerate,
                         testing::Values("C_GenerateKeyPair 0", "C_GetAttributeValue 8", "C_GetAttributeValue 14",
                                         "C_SignInit 1", "C_Sign 1"),
                         [](const auto& call) {
                           std::string name(call.param);
                           name[name.find(' ')] = '_';
                           return name;
                         });

// Book: KEYT-10
// Book: KEYT-19
// Book: KEYT-24
TEST_P(EveryCallOfGenerate, ThatFailsLeavesNoKeyInTheToken) {
  const std::span<const std::uint64_t> all(kCodes);
  for (const std::uint64_t code : signatures() >= 1000 ? all : all.subspan(5, 4)) {  // making keys is slow
    const std::string number = wire::CallFailure{"x", code}.text().substr(4);
    const TokenOptions options = soft_.faulty(std::string(GetParam()) + " return " + number);
    {
      Token token = *Token::find(SoftToken::uri(), options, Token::Use::kWrite);
      ASSERT_TRUE(token.login());
      const Result<Token::Key> key = token.generate(KeyType::kEcdsaP256, "new", {9}, false);
      if (key) {  // an attribute that is hidden: the key is as good
        EXPECT_TRUE(may_fail("C_GetAttributeValue", code)) << number;
        ASSERT_TRUE(token.destroy_generated());
      } else {
        EXPECT_FALSE(key.error().message.empty());
      }
    }
    Token again = *Token::find(SoftToken::uri("pkcs11:token=ceremony;id=%09"), soft_.options(), Token::Use::kRead);
    ASSERT_TRUE(again.login());
    EXPECT_FALSE(again.find_key()) << number;
    EXPECT_TRUE(again.visible_keys()->empty()) << number;
  }
}

// --- wrong signatures

class EveryWrongSignature : public FaultyToken, public testing::WithParamInterface<const char*> {};
INSTANTIATE_TEST_SUITE_P(Faults, EveryWrongSignature,
                         testing::Values("flip", "truncate", "empty", "huge", "overrun", "crash", "return_30"),
                         [](const auto& fault) { return std::string(fault.param); });

// Book: KEYT-12
TEST_P(EveryWrongSignature, IsThrownAwayHoweverOftenItComes) {
  std::string fault = GetParam();
  std::ranges::replace(fault, '_', ' ');
  const TokenOptions options = soft_.faulty("C_Sign 0 " + fault);
  std::unique_ptr<TokenSigner> signer = *TokenSigner::open(SoftToken::uri(kRoot), options, key_);
  const bool ends_the_process = fault == "overrun" || fault == "crash";
  for (int i = 0; i < signatures(); ++i) {
    const Result<Bytes> signature = signer->sign(as_bytes(kMessage));
    ASSERT_FALSE(signature) << i;
    EXPECT_TRUE(signature.error().code == ErrorCode::kSig || signature.error().code == ErrorCode::kHw);
    if (ends_the_process) signer = *TokenSigner::open(SoftToken::uri(kRoot), options, key_);
  }
}

// Book: KEYT-12
TEST_F(FaultyToken, SignsRightInBetweenWrongSignatures) {
  std::string script;
  for (int i = 1; i <= signatures(); i += 2) script += "C_Sign " + std::to_string(i) + " flip\n";
  const auto signer = *TokenSigner::open(SoftToken::uri(kRoot), soft_.faulty(script), key_);
  for (int i = 1; i <= signatures(); ++i) {
    const Result<Bytes> signature = signer->sign(as_bytes(kMessage));
    ASSERT_EQ(signature.has_value(), i % 2 == 0) << i;
    if (signature) {
      EXPECT_TRUE(is_right(*signature));
    }
  }
}

TEST_F(FaultyToken, WithoutAFaultSignsRightEveryTime) {
  const auto signer = *TokenSigner::open(SoftToken::uri(kRoot), soft_.options(), key_);
  for (int i = 0; i < signatures(); ++i) {
    const Result<Bytes> signature = signer->sign(as_bytes(kMessage));
    ASSERT_TRUE(signature) << signature.error().message;
    ASSERT_TRUE(is_right(*signature));
  }
}

// --- lies

class EveryLie : public FaultyToken, public testing::WithParamInterface<const char*> {};
INSTANTIATE_TEST_SUITE_P(
    Lies, EveryLie,
    testing::Values("attribute 181 huge", "attribute 180 huge", "attribute 102 huge", "attribute 3 huge",
                    "attribute 100 huge", "attribute 181 -", "attribute 180 -", "attribute 100 0000000000000000",
                    "attribute 100 ff", "attribute 181 0441", "attribute 102 ffff", "C_GetSlotList 0 huge",
                    "C_FindObjects 0 huge", "C_Initialize 1 crash", "C_GetTokenInfo 1 crash", "C_FindObjects 1 crash",
                    "C_Login 1 crash",
                    "attribute 181 "
                    "0441046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c2964fe342e2"
                    "fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5"),
    [](const auto& lie) { return "number_" + std::to_string(lie.index); });

// Book: KEYT-12
TEST_P(EveryLie, GivesNoSignature) {
  const Result<Bytes> signature = sign_once(soft_.faulty(GetParam()));
  ASSERT_FALSE(signature) << GetParam();
  EXPECT_FALSE(signature.error().message.empty());
}

TEST_F(FaultyToken, ThatShowsAnotherPublicKeyMakesNoSignatureThatIsTakenForIts) {
  const auto lying = TokenSigner::open(
      SoftToken::uri(kRoot),
      soft_.faulty(
          "attribute 181 0441046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c2964fe342e2fe1a7f9b8e"
          "e7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5"));
  ASSERT_TRUE(lying) << lying.error().message;
  EXPECT_EQ((*lying)->sign(as_bytes(kMessage)).error().code, ErrorCode::kSig);
}

// --- time and crashes

class EverySleep : public FaultyToken, public testing::WithParamInterface<const char*> {};
INSTANTIATE_TEST_SUITE_P(Calls, EverySleep, testing::Values("C_Initialize", "C_GetTokenInfo", "C_Login", "C_Sign"),
                         [](const auto& call) { return std::string(call.param); });

// Book: KEYT-12
TEST_P(EverySleep, EndsWhenThePatienceDoes) {
  TokenOptions options = soft_.faulty(std::string(GetParam()) + " 1 sleep");
  options.module.patience = std::chrono::milliseconds(400);
  const auto before = std::chrono::steady_clock::now();
  const Result<Bytes> signature = sign_once(options);
  ASSERT_FALSE(signature);
  EXPECT_EQ(signature.error().code, ErrorCode::kBusy) << signature.error().message;
  EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::seconds(30));
}

// Book: KEYT-10
TEST_F(FaultyToken, ThatCrashesSaysSoAndStaysDead) {
  const auto signer = *TokenSigner::open(SoftToken::uri(kRoot), soft_.faulty("C_Sign 1 crash"), key_);
  const Result<Bytes> first = signer->sign(as_bytes(kMessage));
  ASSERT_FALSE(first);
  EXPECT_NE(first.error().message.find("crashed"), std::string::npos) << first.error().message;
  EXPECT_EQ(signer->sign(as_bytes(kMessage)).error().code, ErrorCode::kHw);
}

// Book: KEYT-10
TEST_F(FaultyToken, ThatIsPulledOutSaysWhatToDo) {
  const Result<Bytes> signature = sign_once(soft_.faulty("C_Sign 1 return 32"));
  ASSERT_FALSE(signature);
  EXPECT_NE(signature.error().message.find("pulled out"), std::string::npos);
  EXPECT_NE(signature.error().hint.find("plug the token in"), std::string::npos);
}

TEST(Pkcs11Error, NamesTheCodeAndHasAdviceForEveryFamily) {
  EXPECT_EQ(pkcs11_error({"C_Login", 0xa4}).code, ErrorCode::kAuth);
  EXPECT_EQ(pkcs11_error({"C_Sign", 0x68}).code, ErrorCode::kPolicy);
  EXPECT_EQ(pkcs11_error({"C_GetFunctionList", wire::CallFailure::kNotLoaded}).code, ErrorCode::kUsage);
  const Error unknown = pkcs11_error({"C_Sign", 0x80001234});
  EXPECT_EQ(unknown.code, ErrorCode::kHw);
  EXPECT_NE(unknown.message.find("vendor's code 0x80001234"), std::string::npos) << unknown.message;
}

}  // namespace
}  // namespace tenon::hsm
