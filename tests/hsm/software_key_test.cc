#include <tenon/hsm/software_key.h>
#include <tenon/metadata/hex.h>

#include <cstdlib>

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <tests/hsm/temp_folder.h>

namespace tenon::hsm {
namespace {

constexpr std::string_view kPassphrase = "canary-lusab-babad-gutih";

SecretBytes passphrase() {
  return SecretBytes::copy_of(as_bytes(kPassphrase));
}

KeyName name(std::string_view text) {
  return *KeyName::parse(text);
}

// alice.pem, alice.tenon-key and the passphrase in a file "pw".
class SavedKey : public testing::Test {
 protected:
  explicit SavedKey(KeyType type = KeyType::kEd25519) {
    const SoftwareKey key = SoftwareKey::generate(type);
    saved_ = save_new_key(key, KeyPaths::in(folder_.path(), name("alice")), name("alice"), passphrase());
    folder_.write("pw", kPassphrase);
  }

  void SetUp() override { ASSERT_TRUE(saved_) << saved_.error().message; }

  std::filesystem::path pem() const { return folder_ / "alice.pem"; }
  Result<std::unique_ptr<Signer>> open(std::string_view passphrase_file = "pw") const {
    return open_software_signer(pem(), *SecretSource::parse("file:" + (folder_ / passphrase_file).native()));
  }
  Error error_of_open(std::string_view passphrase_file = "pw") const {
    const auto opened = open(passphrase_file);
    TENON_CHECK(!opened.has_value());
    return opened.error();
  }
  bool openssl_opens_it() const {
    const std::string command =
        "openssl pkey -noout -in " + pem().native() + " -passin file:" + (folder_ / "pw").native();
    return std::system(command.c_str()) == 0;
  }
  // The private part itself: the seed, or the scalar.
  std::string private_part(std::size_t at) const {
    const SecretBytes file = *read_private_file(pem(), 4096);
    const SecretBytes plain = *EncryptedPem::parse(file.bytes(RevealSecret()))->decrypt(passphrase());
    return std::string(plain.text(RevealSecret()).substr(at, kPrivateKeyBytes));
  }

  TempFolder folder_;
  Result<KeyFile> saved_ = Error{ErrorCode::kStorage, "not saved"};
};

class SavedP256Key : public SavedKey {
 protected:
  SavedP256Key() : SavedKey(KeyType::kEcdsaP256) {}
};

TEST_F(SavedKey, SignsSoThatItsPublicHalfVerifies) {
  const auto signer = open();
  ASSERT_TRUE(signer) << signer.error().message;
  const Result<Bytes> signature = (*signer)->sign(as_bytes("message"));
  ASSERT_TRUE(signature);
  EXPECT_TRUE(saved_->key.verify(as_bytes("message"), *signature));
}

TEST_F(SavedP256Key, SignsSoThatItsPublicHalfVerifies) {
  const auto signer = open();
  ASSERT_TRUE(signer) << signer.error().message;
  const Result<Bytes> signature = (*signer)->sign(as_bytes("message"));
  ASSERT_TRUE(signature);
  EXPECT_TRUE(saved_->key.verify(as_bytes("message"), *signature));
}

TEST_F(SavedKey, IsReadByTheOpenSslProgram) {
  EXPECT_TRUE(openssl_opens_it());
}

TEST_F(SavedP256Key, IsReadByTheOpenSslProgram) {
  EXPECT_TRUE(openssl_opens_it());
}

// Book: KEYT-14
TEST_F(SavedKey, IsReadableByItsOwnerOnly) {
  struct stat status {};
  ASSERT_EQ(::stat(pem().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0600u);
}

TEST_F(SavedKey, RefusesAWrongPassphrase) {
  folder_.write("wrong", "not the passphrase");
  const Error error = error_of_open("wrong");
  EXPECT_EQ(error.code, ErrorCode::kAuth);
  EXPECT_NE(error.message.find("wrong passphrase"), std::string::npos) << error.message;
}

// Book: KEYT-14
TEST_F(SavedKey, RefusesAKeyFileThatOthersCanRead) {
  ASSERT_EQ(::chmod(pem().c_str(), 0644), 0);
  const Error error = error_of_open();
  EXPECT_EQ(error.code, ErrorCode::kAuth);
  EXPECT_TRUE(error.hint.starts_with("chmod 600")) << error.hint;
}

TEST_F(SavedKey, RefusesTheSidecarOfAnotherKey) {
  const KeyFile other = KeyFile::of(name("alice"), SoftwareKey::generate(KeyType::kEd25519).public_key());
  folder_.write("alice.tenon-key", other.to_text());
  const Error error = error_of_open();
  EXPECT_EQ(error.code, ErrorCode::kAuth);
  EXPECT_NE(error.message.find("not this key's file"), std::string::npos) << error.message;
}

TEST_F(SavedKey, RefusesToOpenWithoutItsSidecarBeforeItAsksForThePassphrase) {
  std::filesystem::remove(folder_ / "alice.tenon-key");
  EXPECT_EQ(error_of_open("no such passphrase file").code, ErrorCode::kStorage);
}

// Book: KEYT-14
TEST_F(SavedKey, IsNeverOverwritten) {
  const std::string before = folder_.all_content();
  const Result<KeyFile> again = save_new_key(SoftwareKey::generate(KeyType::kEd25519),
                                             KeyPaths::in(folder_.path(), name("alice")), name("alice"), passphrase());
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, ErrorCode::kPolicy);
  EXPECT_EQ(folder_.all_content(), before);
}

// Book: KEYT-16
TEST_F(SavedKey, PutsNeitherPassphraseNorSeedIntoAnyFile) {
  std::filesystem::remove(folder_ / "pw");
  const std::string all = folder_.all_content();
  const std::string seed = private_part(16);
  EXPECT_EQ(all.find(kPassphrase), std::string::npos);
  EXPECT_EQ(all.find(seed), std::string::npos);
  EXPECT_EQ(all.find(to_hex(as_bytes(seed))), std::string::npos);
}

// Book: KEYT-16
TEST_F(SavedP256Key, PutsNeitherPassphraseNorScalarIntoAnyFile) {
  std::filesystem::remove(folder_ / "pw");
  const std::string all = folder_.all_content();
  const std::string scalar = private_part(36);
  EXPECT_EQ(all.find(kPassphrase), std::string::npos);
  EXPECT_EQ(all.find(scalar), std::string::npos);
  EXPECT_EQ(all.find(to_hex(as_bytes(scalar))), std::string::npos);
}

// Book: KEYT-16
TEST_F(SavedKey, DoesNotRepeatAWrongPassphraseInTheError) {
  folder_.write("wrong", "canary-but-wrong");
  const Error error = error_of_open("wrong");
  EXPECT_EQ((error.message + error.hint).find("canary"), std::string::npos);
}

TEST(SaveNewKey, RefusesAShortPassphraseAndWritesNothing) {
  const TempFolder folder;
  const Result<KeyFile> saved =
      save_new_key(SoftwareKey::generate(KeyType::kEd25519), KeyPaths::in(folder.path(), name("a")), name("a"),
                   SecretBytes::copy_of(as_bytes("short")));
  ASSERT_FALSE(saved);
  EXPECT_EQ(saved.error().code, ErrorCode::kPolicy);
  EXPECT_EQ(folder.all_content(), "");
}

TEST(SaveNewKey, RemovesThePublicHalfAgainWhenThePrivateOneCannotBeWritten) {
  const TempFolder folder;
  const KeyPaths paths{folder / "no-such-folder/a.pem", folder / "a.tenon-key"};
  const Result<KeyFile> saved = save_new_key(SoftwareKey::generate(KeyType::kEd25519), paths, name("a"), passphrase());
  ASSERT_FALSE(saved);
  EXPECT_EQ(folder.all_content(), "");
}

TEST(SoftwareKey, RefusesWhatDecryptsToSomethingElseThanAKey) {
  const EncryptedPem file = EncryptedPem::encrypt(SecretBytes(48), passphrase());
  const Result<SoftwareKey> key = SoftwareKey::decrypt(file, passphrase());
  ASSERT_FALSE(key);
  EXPECT_EQ(key.error().code, ErrorCode::kAuth);
}

TEST(SoftwareKey, RefusesAP256KeyWhosePublicPartIsNotItsOwn) {
  const SoftwareKey other = SoftwareKey::generate(KeyType::kEcdsaP256);
  const PrivateKey mine{KeyType::kEcdsaP256, SecretBytes::copy_of(Bytes(kPrivateKeyBytes, 7))};
  const SecretBytes mixed = encode_private_key_info(mine, other.public_key().material()->key);
  EXPECT_FALSE(SoftwareKey::decrypt(EncryptedPem::encrypt(mixed, passphrase()), passphrase()));
}

TEST(SoftwareKey, RefusesAP256ScalarOfZeroAndOneBeyondTheOrder) {
  for (std::uint8_t fill : {std::uint8_t{0}, std::uint8_t{0xff}}) {
    const PrivateKey bad{KeyType::kEcdsaP256, SecretBytes::copy_of(Bytes(kPrivateKeyBytes, fill))};
    const SecretBytes plain = encode_private_key_info(bad, Bytes(65, 4));
    EXPECT_FALSE(SoftwareKey::decrypt(EncryptedPem::encrypt(plain, passphrase()), passphrase())) << int(fill);
  }
}

// Where the OpenSSL found at run time has it; else the sentence that says why not.
TEST(MlDsaKey, SignsAndIsSavedOrSaysWhyNot) {
  if (const Result<void> there = check_software_type(KeyType::kMlDsa65); !there) {
    EXPECT_EQ(there.error().code, ErrorCode::kPolicy);
    EXPECT_NE(there.error().message.find("OpenSSL 3.5"), std::string::npos) << there.error().message;
    RecordProperty("ml_dsa", "not in this OpenSSL");
    return;
  }
  RecordProperty("ml_dsa", "available");
  SoftwareKey key = SoftwareKey::generate(KeyType::kMlDsa65);
  const Result<Bytes> signature = key.sign(as_bytes("message"));
  ASSERT_TRUE(signature) << signature.error().message;
  EXPECT_TRUE(key.public_key().verify(as_bytes("message"), *signature));
  EXPECT_FALSE(key.public_key().verify(as_bytes("messagf"), *signature));

  const TempFolder folder;
  const KeyPaths paths = KeyPaths::in(folder.path(), name("alice"));
  ASSERT_TRUE(save_new_key(key, paths, name("alice"), passphrase()));
  const auto source = *SecretSource::parse("file:" + folder.write("pw", kPassphrase).native());
  const auto opened = open_software_signer(paths.private_key, source);
  ASSERT_TRUE(opened) << opened.error().message;
  EXPECT_EQ((*opened)->public_key(), key.public_key());
}

TEST(KeyType, IsReadAsItIsWritten) {
  EXPECT_EQ(*parse_key_type("ed25519"), KeyType::kEd25519);
  EXPECT_EQ(*parse_key_type("ecdsa-p256"), KeyType::kEcdsaP256);
  EXPECT_EQ(*parse_key_type("rsa-3072"), KeyType::kRsa3072);
  EXPECT_EQ(*parse_key_type("ml-dsa-65"), KeyType::kMlDsa65);
  EXPECT_EQ(parse_key_type("rsa").error().code, ErrorCode::kUsage);
}

}  // namespace
}  // namespace tenon::hsm
