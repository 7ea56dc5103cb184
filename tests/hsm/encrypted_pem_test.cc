#include <tenon/hsm/encrypted_pem.h>
#include <tenon/hsm/openssl_ptr.h>

#include <algorithm>
#include <array>

#include <gtest/gtest.h>
#include <openssl/pem.h>

namespace tenon::hsm {
namespace {

SecretBytes secret(std::string_view text) {
  return SecretBytes::copy_of(as_bytes(text));
}

Bytes pem_to_der(const std::string& pem) {
  const BioPtr bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  char* name = nullptr;
  char* header = nullptr;
  unsigned char* data = nullptr;
  long size = 0;
  TENON_CHECK(PEM_read_bio(bio.get(), &name, &header, &data, &size) == 1);
  const Bytes der(data, data + size);
  OPENSSL_free(name);
  OPENSSL_free(header);
  OPENSSL_free(data);
  return der;
}

std::string der_to_pem(const Bytes& der, const char* label = "ENCRYPTED PRIVATE KEY") {
  const BioPtr bio(BIO_new(BIO_s_mem()));
  TENON_CHECK(PEM_write_bio(bio.get(), label, "", der.data(), static_cast<long>(der.size())) > 0);
  const char* text = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &text);
  return std::string(text, static_cast<std::size_t>(size));
}

constexpr std::array<std::uint8_t, 10> kOurCost = {0x02, 0x02, 0x40, 0x00, 0x02, 0x01, 0x08, 0x02, 0x01, 0x08};

// Our file with other scrypt parameters: N in two bytes, r and p in one.
std::string with_cost(std::array<std::uint8_t, 10> cost) {
  static const std::string ours = EncryptedPem::encrypt(secret("private"), secret("passphrase 1")).text();
  Bytes der = pem_to_der(ours);
  const auto found = std::ranges::search(der, kOurCost);
  TENON_CHECK(!found.empty());
  std::ranges::copy(cost, found.begin());
  return der_to_pem(der);
}

ErrorCode code_of(const std::string& file) {
  const Result<EncryptedPem> parsed = EncryptedPem::parse(as_bytes(file));
  TENON_CHECK(!parsed.has_value());
  return parsed.error().code;
}

TEST(EncryptedPem, OpensWhatItEncrypted) {
  const std::string file = EncryptedPem::encrypt(secret("private"), secret("passphrase 1")).text();
  const Result<EncryptedPem> parsed = EncryptedPem::parse(as_bytes(file));
  ASSERT_TRUE(parsed);
  const Result<SecretBytes> plain = parsed->decrypt(secret("passphrase 1"));
  ASSERT_TRUE(plain);
  EXPECT_TRUE(*plain == secret("private"));
}

TEST(EncryptedPem, OpensAFileThatOpenSslWrote) {
  // Origin: OpenSSL 3.0.22, openssl genpkey -algorithm ed25519 | openssl pkcs8 -topk8 -scrypt -scrypt_p 8 -v2
  // aes-256-cbc
  const std::string file = R"(-----BEGIN ENCRYPTED PRIVATE KEY-----
MIGTME8GCSqGSIb3DQEFDTBCMCEGCSsGAQQB2kcECzAUBAi2OAvOh9UF4wICQAAC
AQgCAQgwHQYJYIZIAWUDBAEqBBDSi7f44Hb7mKD5EVzzGKM2BECURStNUBLeSoxf
vVqiFjBLjV5Pvb9UX7vYEB9U8Yb1FWBLUUV1HP2Mt9yHCTf6OuPvlq3JBjs8aiZ5
QPqde0GU
-----END ENCRYPTED PRIVATE KEY-----
)";
  const Result<EncryptedPem> parsed = EncryptedPem::parse(as_bytes(file));
  ASSERT_TRUE(parsed) << parsed.error().message;
  const Result<SecretBytes> plain = parsed->decrypt(secret("of a public test key"));
  ASSERT_TRUE(plain) << plain.error().message;
  EXPECT_EQ(plain->size(), 48u);  // PrivateKeyInfo of Ed25519
}

TEST(EncryptedPem, RefusesMoreThan32MebibytesOfScryptWithoutDeriving) {
  EXPECT_EQ(code_of(with_cost({0x02, 0x02, 0x40, 0x00, 0x02, 0x01, 0x11, 0x02, 0x01, 0x08})),
            ErrorCode::kLimit);  // r 17
}

TEST(EncryptedPem, RefusesMoreThan64RoundsOfScryptWithoutDeriving) {
  EXPECT_EQ(code_of(with_cost({0x02, 0x02, 0x40, 0x00, 0x02, 0x01, 0x08, 0x02, 0x01, 0x41})),
            ErrorCode::kLimit);  // p 65
}

TEST(EncryptedPem, RefusesScryptParametersThatAreNegativeZeroOrNoPowerOfTwo) {
  EXPECT_EQ(code_of(with_cost({0x02, 0x02, 0x80, 0x00, 0x02, 0x01, 0x08, 0x02, 0x01, 0x08})), ErrorCode::kParse);
  EXPECT_EQ(code_of(with_cost({0x02, 0x02, 0x40, 0x00, 0x02, 0x01, 0x00, 0x02, 0x01, 0x08})), ErrorCode::kParse);
  EXPECT_EQ(code_of(with_cost({0x02, 0x02, 0x40, 0x01, 0x02, 0x01, 0x08, 0x02, 0x01, 0x08})), ErrorCode::kParse);
}

TEST(EncryptedPem, AcceptsTheLimitItself) {
  EXPECT_TRUE(EncryptedPem::parse(as_bytes(with_cost({0x02, 0x02, 0x40, 0x00, 0x02, 0x01, 0x10, 0x02, 0x01, 0x40}))));
}

TEST(EncryptedPem, RefusesALargeFileBeforeReadingIt) {
  EXPECT_EQ(code_of(std::string(EncryptedPem::kMaxFileBytes + 1, 'x')), ErrorCode::kLimit);
}

TEST(EncryptedPem, RefusesAPlainPrivateKey) {
  EXPECT_EQ(code_of(der_to_pem(pem_to_der(with_cost(kOurCost)), "PRIVATE KEY")), ErrorCode::kParse);
}

TEST(EncryptedPem, RefusesBytesAfterTheStructure) {
  Bytes der = pem_to_der(with_cost(kOurCost));
  der.push_back(0);
  EXPECT_EQ(code_of(der_to_pem(der)), ErrorCode::kParse);
}

TEST(EncryptedPem, SurvivesEveryCutAndEveryFlippedByte) {
  const Bytes whole = pem_to_der(with_cost(kOurCost));
  for (std::size_t i = 1; i < whole.size(); ++i) {
    const Bytes cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(i));
    EXPECT_FALSE(EncryptedPem::parse(as_bytes(der_to_pem(cut))));
    Bytes flipped = whole;
    flipped[i] ^= 0xff;
    (void)EncryptedPem::parse(as_bytes(der_to_pem(flipped)));  // either way; ASan and UBSan watch
  }
}

TEST(EncryptedPem, UsesFreshSaltAndVectorEachTime) {
  const SecretBytes plain = secret("private");
  const SecretBytes passphrase = secret("passphrase 1");
  EXPECT_NE(EncryptedPem::encrypt(plain, passphrase).text(), EncryptedPem::encrypt(plain, passphrase).text());
}

}  // namespace
}  // namespace tenon::hsm
