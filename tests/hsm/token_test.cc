#include <tenon/hsm/open_signer.h>
#include <tenon/hsm/software_key.h>

#include <algorithm>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <tests/hsm/soft_token.h>

namespace tenon::hsm {
namespace {

constexpr std::string_view kMessage = "what the metadata says";

class TokenTest : public testing::Test {
 protected:
  Error error_of_open(const std::string& uri, const TokenOptions& options,
                      const std::optional<metadata::PublicKey>& expected = {}) const {
    const auto signer = TokenSigner::open(SoftToken::uri(uri), options, expected);
    EXPECT_FALSE(signer) << uri;
    return signer ? Error{ErrorCode::kParse, "opened"} : signer.error();
  }
  std::unique_ptr<TokenSigner> open(const std::string& uri) const {
    return *TokenSigner::open(SoftToken::uri(uri), soft_.options());
  }

  SoftToken soft_;
};

class EveryKindOfKey : public TokenTest, public testing::WithParamInterface<KeyType> {};
INSTANTIATE_TEST_SUITE_P(Kinds, EveryKindOfKey,
                         testing::Values(KeyType::kEd25519, KeyType::kEcdsaP256, KeyType::kRsa3072),
                         [](const auto& kind) {
                           std::string name(to_string(kind.param));
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

TEST_P(EveryKindOfKey, SignsSoThatItsPublicHalfVerifies) {
  const Token::Key made = soft_.generate(GetParam(), "root", 1);
  const auto signer = TokenSigner::open(SoftToken::uri("pkcs11:token=ceremony;object=root"), soft_.options());
  ASSERT_TRUE(signer) << signer.error().message;
  EXPECT_EQ((*signer)->public_key(), made.public_key);
  for (int i = 0; i < 3; ++i) {
    const Result<Bytes> signature = (*signer)->sign(as_bytes(kMessage));
    ASSERT_TRUE(signature) << signature.error().message;
    EXPECT_TRUE(made.public_key.verify(as_bytes(kMessage), *signature));
  }
}

// A script has one line with the PIN, a person types it once, however many keys of the token sign.
TEST_F(TokenTest, IsAskedForItsPinOnce) {
  soft_.generate(KeyType::kEd25519, "releases", 1);
  soft_.generate(KeyType::kEd25519, "online", 2);
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  const FileDescriptor reader(ends[0]);
  const std::string line = std::string(SoftToken::kPin) + "\nof another token\n";
  ASSERT_EQ(::write(ends[1], line.data(), line.size()), static_cast<ssize_t>(line.size()));
  ASSERT_EQ(::close(ends[1]), 0);
  TokenOptions options = soft_.options();
  options.pin = *SecretSource::parse("fd:" + std::to_string(reader.get()));
  for (const char* label : {"releases", "online", "releases"}) {
    const auto signer =
        TokenSigner::open(SoftToken::uri(std::string("pkcs11:token=ceremony;object=") + label), options);
    ASSERT_TRUE(signer) << label << ": " << signer.error().message;
    EXPECT_TRUE((*signer)->sign(as_bytes(kMessage)));
  }
  EXPECT_EQ(options.pin->read("what follows")->text(RevealSecret()), "of another token");
}

TEST_P(EveryKindOfKey, GivesAKeyFileThatIsReadBack) {
  const Token::Key made = soft_.generate(GetParam(), "root", 1);
  KeyFile file = KeyFile::of(*KeyName::parse("alice"), made.public_key);
  file.token = made.facts;
  const Result<KeyFile> read = KeyFile::parse(as_bytes(file.to_text()));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(*read, file);
}

TEST_F(TokenTest, IsOpenedThroughAKeyFileThatNamesIt) {
  const Token::Key made = soft_.generate(KeyType::kEcdsaP256, "root", 1);
  KeyFile file = KeyFile::of(*KeyName::parse("alice"), made.public_key);
  file.token = made.facts;
  const std::string path = soft_.folder().write("alice.tenon-key", file.to_text()).native();
  const auto signer = open_signer(path, {SecretSource::prompt(), soft_.options()});
  ASSERT_TRUE(signer) << signer.error().message;
  EXPECT_EQ((*signer)->public_key(), made.public_key);
}

TEST_F(TokenTest, IsNotOpenedThroughAKeyFileThatNamesNone) {
  const KeyFile file = KeyFile::of(*KeyName::parse("alice"), SoftwareKey::generate(KeyType::kEd25519).public_key());
  const std::string path = soft_.folder().write("alice.tenon-key", file.to_text()).native();
  const auto signer = open_signer(path, {SecretSource::prompt(), soft_.options()});
  ASSERT_FALSE(signer);
  EXPECT_EQ(signer.error().code, ErrorCode::kUsage);
}

// Book: KEYT-13
TEST_F(TokenTest, IsRefusedBeforeThePinIfItShowsAnotherKeyThanTheExpectedOne) {
  soft_.generate(KeyType::kEcdsaP256, "root", 1);
  const auto expected = SoftwareKey::generate(KeyType::kEcdsaP256).public_key();
  const Error error = error_of_open("pkcs11:token=ceremony;id=%01", soft_.faulty(""), expected);
  EXPECT_EQ(error.code, ErrorCode::kPolicy);
  EXPECT_EQ(soft_.calls()["C_Login"], 0);
}

// Book: KEYT-13
TEST_F(TokenTest, IsRefusedAfterThePinIfItHidTheKeyBefore) {
  soft_.generate(KeyType::kEcdsaP256, "root", 1);
  SoftToken::tool("--delete-object --type pubkey --id 01");
  const auto expected = SoftwareKey::generate(KeyType::kEcdsaP256).public_key();
  const Error error = error_of_open("pkcs11:token=ceremony;id=%01", soft_.faulty(""), expected);
  EXPECT_NE(error.code, ErrorCode::kAuth) << error.message;
  EXPECT_EQ(soft_.calls()["C_Sign"], 0);
}

// Book: KEYT-13
TEST_F(TokenTest, OfTwoAlikeIsRefusedBeforeAnyPin) {
  SoftToken::add_token("ceremony");
  const Error error = error_of_open("pkcs11:token=ceremony", soft_.faulty("", "no such file"));
  EXPECT_EQ(error.code, ErrorCode::kPolicy);
  EXPECT_NE(error.message.find("2 tokens fit"), std::string::npos) << error.message;
  EXPECT_EQ(soft_.calls()["C_OpenSession"], 0);
}

// Book: KEYT-13
TEST_F(TokenTest, OfTwoAlikeIsToldApartByItsSerial) {
  soft_.generate(KeyType::kEcdsaP256, "root", 1);
  const std::string serial = open("pkcs11:token=ceremony;id=%01")->facts().serial;
  SoftToken::add_token("ceremony");
  EXPECT_TRUE(TokenSigner::open(SoftToken::uri("pkcs11:token=ceremony;serial=" + serial), soft_.options()));
}

// Book: KEYT-13
TEST_F(TokenTest, WithTwoKeysOfOneLabelIsRefusedUntilTheIdIsNamed) {
  soft_.generate(KeyType::kEcdsaP256, "root", 1);
  SoftToken::tool("--keypairgen --key-type EC:prime256v1 --id 02 --label root");
  const Error error = error_of_open("pkcs11:token=ceremony;object=root", soft_.options());
  EXPECT_EQ(error.code, ErrorCode::kPolicy);
  EXPECT_NE(error.message.find("id 01"), std::string::npos) << error.message;
  EXPECT_NE(error.message.find("id 02"), std::string::npos) << error.message;
  EXPECT_TRUE(open("pkcs11:token=ceremony;object=root;id=%02"));
}

// Book: KEYT-13
TEST_F(TokenTest, ThatIsNotThereIsAnErrorThatNamesThoseThatAre) {
  const Error error = error_of_open("pkcs11:token=other", soft_.options());
  EXPECT_EQ(error.code, ErrorCode::kHw);
  EXPECT_NE(error.message.find("ceremony"), std::string::npos) << error.message;
}

TEST_F(TokenTest, DoesNotSignWithRsaBelow3072Bits) {
  SoftToken::tool("--keypairgen --key-type rsa:2048 --id 01 --label small");
  const Error error = error_of_open("pkcs11:token=ceremony;id=%01", soft_.options());
  EXPECT_EQ(error.code, ErrorCode::kPolicy);
  EXPECT_NE(error.message.find("2048"), std::string::npos);
}

TEST_F(TokenTest, DoesNotSignWithAnotherCurveThanP256) {
  SoftToken::tool("--keypairgen --key-type EC:secp384r1 --id 01 --label large");
  EXPECT_EQ(error_of_open("pkcs11:token=ceremony;id=%01", soft_.options()).code, ErrorCode::kPolicy);
}

TEST_F(TokenTest, NeverOverwritesAKeyOrALabelThatIsThere) {
  soft_.generate(KeyType::kEcdsaP256, "root", 1);
  for (const auto& [label, id] : {std::pair<std::string, std::uint8_t>{"root", 2}, {"other", 1}}) {
    Token token = *Token::find(SoftToken::uri(), soft_.options(), Token::Use::kWrite);
    ASSERT_TRUE(token.login());
    const auto again = token.generate(KeyType::kEcdsaP256, label, {id}, false);
    ASSERT_FALSE(again);
    EXPECT_EQ(again.error().code, ErrorCode::kPolicy);
  }
}

TEST_F(TokenTest, TakesNoSecondPinInOneRun) {
  Token token = *Token::find(SoftToken::uri(), soft_.faulty(""), Token::Use::kRead);
  ASSERT_TRUE(token.login());
  EXPECT_EQ(token.login().error().code, ErrorCode::kAuth);
  EXPECT_EQ(soft_.calls()["C_Login"], 1);
}

std::vector<std::string> children() {
  std::ifstream list("/proc/self/task/" + std::to_string(::getpid()) + "/children");
  std::vector<std::string> pids;
  for (std::string pid; list >> pid;) pids.push_back(pid);
  return pids;
}

// Book: KEYT-12
TEST_F(TokenTest, RunsItsModuleInAProcessThatInheritsNoOpenFileAndDumpsNoCore) {
  soft_.generate(KeyType::kEcdsaP256, "root", 1);
  const FileDescriptor secret(::open((soft_.folder() / "pin").c_str(), O_RDONLY));  // not close-on-exec
  ASSERT_TRUE(secret);
  const auto signer = open("pkcs11:token=ceremony;id=%01");
  ASSERT_EQ(children().size(), 1u);
  const std::filesystem::path process = "/proc/" + children().front();
  std::ifstream limits(process / "limits");
  const std::string text{std::istreambuf_iterator<char>(limits), {}};
  EXPECT_NE(text.find("Max core file size        0"), std::string::npos) << text;
  std::error_code unreadable;  // it is not dumpable: only root may look
  for (const auto& entry : std::filesystem::directory_iterator(process / "fd", unreadable)) {
    EXPECT_NE(std::filesystem::read_symlink(entry), soft_.folder() / "pin");
  }
}

TEST_F(TokenTest, LeavesNoProcessBehind) {
  soft_.generate(KeyType::kEcdsaP256, "root", 1);
  open("pkcs11:token=ceremony;id=%01").reset();
  EXPECT_TRUE(children().empty());
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1);
}

}  // namespace
}  // namespace tenon::hsm
