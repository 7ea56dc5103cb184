// Keys beyond Ed25519 and P-256: RSA-PSS, P-384, old spellings, ML-DSA, and the weak ones among them.
#include <tenon/metadata/authentic.h>
#include <tenon/metadata/hex.h>
#include <tenon/metadata/pem.h>
#include <tenon/metadata/public_key.h>

#include <fstream>
#include <memory>
#include <sstream>

#include <gtest/gtest.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <tests/support/json_edit.h>
#include <tests/support/places.h>
#include <tests/support/scenario.h>

namespace tenon::tests {
namespace {

using metadata::PublicKey;
using OpenSslKey = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;

json::Value with_public(const TestKey& key, std::string text) {
  return with(key.public_key().value(), {"keyval", "public"}, std::move(text));
}
std::string public_of(const TestKey& key) {
  return *at(key.public_key().value(), {"keyval", "public"}).string();
}
bool is_usable(const json::Value& key) {
  const Result<PublicKey> parsed = PublicKey::parse(key);
  EXPECT_TRUE(parsed) << json::to_text(key);
  return parsed && parsed->material().has_value();
}
std::string pem_of(const OpenSslKey& key) {
  unsigned char* der = nullptr;
  const int size = i2d_PUBKEY(key.get(), &der);
  std::string pem = metadata::pem_of({der, static_cast<std::size_t>(size)});
  OPENSSL_free(der);
  return pem;
}
// The point of an EC key in hex: the last bytes of its SPKI.
std::string hex_point(const TestKey& key, std::size_t bytes) {
  const Bytes der = *metadata::der_of(public_of(key));
  return to_hex(ByteView(der).last(bytes));
}

std::string kind_name(const testing::TestParamInfo<KeyKind>& kind) {
  constexpr const char* kNames[] = {"Ed25519", "P256", "P384", "Rsa"};
  return kNames[static_cast<int>(kind.param)];
}

class KeyOfEveryKind : public testing::TestWithParam<KeyKind> {};
INSTANTIATE_TEST_SUITE_P(Kinds, KeyOfEveryKind,
                         testing::Values(KeyKind::kEd25519, KeyKind::kP256, KeyKind::kP384, KeyKind::kRsa), kind_name);

// Spec: 4.2.2d
TEST_P(KeyOfEveryKind, VerifiesItsOwnSignatureAndNothingElse) {
  const TestKey key(1100, GetParam());
  const Bytes message = to_bytes("what is signed");
  const Bytes signature = key.sign(message);
  EXPECT_TRUE(key.public_key().verify(message, signature));
  EXPECT_FALSE(key.public_key().verify(to_bytes("what is signee"), signature));
  EXPECT_FALSE(TestKey(1101, GetParam()).public_key().verify(message, signature));
  EXPECT_FALSE(key.public_key().verify(message, {}));
  for (std::size_t i = 0; i < signature.size(); i += 7) {
    Bytes flipped = signature;
    flipped[i] ^= 1;
    EXPECT_FALSE(key.public_key().verify(message, flipped)) << i;
  }
  Bytes longer = signature;
  longer.push_back(0);
  EXPECT_FALSE(key.public_key().verify(message, longer));
}

// Spec: 4.2.2d
TEST_P(KeyOfEveryKind, SignsARepository) {
  RepositoryOptions options;
  options.key_kind = GetParam();
  Scenario scenario(options);
  scenario.repository.add_target("app.bin", "content");
  scenario.repository.publish();
  scenario.expect_accepted("app.bin");
}

// Origin: the roots 1 to 4 of a public repository spell P-256 keys as points in hex, under the old keytype.
// Book: SIG-03
// Spec: 4.2.2c
TEST(EcdsaKey, InOldSpellingsIsTheSameKey) {
  for (const auto& [kind, curve, bytes] : {std::tuple(KeyKind::kP256, "256", 65U), {KeyKind::kP384, "384", 97U}}) {
    const TestKey key(1102, kind);
    const std::string old_keytype = std::string("ecdsa-sha2-nistp") + curve;
    const json::Value renamed = with(key.public_key().value(), {"keytype"}, old_keytype);
    const json::Value in_hex = with(with_public(key, hex_point(key, bytes)), {"keytype"}, old_keytype);
    for (const json::Value& spelling : {renamed, in_hex, with_public(key, hex_point(key, bytes))}) {
      const Result<PublicKey> same = PublicKey::parse(spelling);
      ASSERT_TRUE(same);
      EXPECT_EQ(same->material(), key.public_key().material()) << json::to_text(spelling);
      EXPECT_TRUE(same->verify(as_bytes("message"), key.sign(as_bytes("message"))));
    }
  }
}

// Spec: 4.2.2c
TEST(EcdsaKey, InAnotherHexFormIsKeptAndWorthNothing) {
  const TestKey key(1102, KeyKind::kP256);
  const std::string point = hex_point(key, 65);
  std::string upper = point;
  for (char& c : upper) c = static_cast<char>(std::toupper(c));
  EXPECT_TRUE(is_usable(with_public(key, point)));
  for (const std::string& other :
       {upper, point.substr(2), point + "00", "02" + point.substr(2, 64), "0x" + point, point.substr(0, 128) + "00",
        "06" + point.substr(2), "07" + point.substr(2), hex_point(TestKey(1, KeyKind::kP384), 97)}) {
    EXPECT_FALSE(is_usable(with_public(key, other))) << other;
  }
}

// A curve and a scheme that do not belong together are not a key.
// Book: SIG-11
// Spec: 4.2.2b
TEST(EcdsaKey, OfTheOtherCurveIsWorthNothing) {
  const TestKey p256(1103, KeyKind::kP256);
  const TestKey p384(1103, KeyKind::kP384);
  EXPECT_FALSE(is_usable(with_public(p256, public_of(p384))));
  EXPECT_FALSE(is_usable(with_public(p384, public_of(p256))));
  EXPECT_FALSE(is_usable(with(p384.public_key().value(), {"keytype"}, "ecdsa-sha2-nistp256")));
}

// A public key is two numbers; nobody needs the private part of these.
OpenSslKey made_up(std::size_t bits, std::uint64_t exponent, int exponent_shift = 0) {
  const std::vector<std::uint8_t> digits(bits / 8, 0xff);
  OSSL_PARAM_BLD* build = OSSL_PARAM_BLD_new();
  BIGNUM* n = BN_bin2bn(digits.data(), static_cast<int>(digits.size()), nullptr);
  BIGNUM* e = BN_new();
  BN_set_word(e, exponent);
  BN_lshift(e, e, exponent_shift);
  BN_add_word(e, exponent_shift == 0 ? 0 : 1);
  OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, n);
  OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, e);
  OSSL_PARAM* parameters = OSSL_PARAM_BLD_to_param(build);
  EVP_PKEY_CTX* context = EVP_PKEY_CTX_new_from_name(nullptr, "RSA", nullptr);
  EVP_PKEY* key = nullptr;
  EXPECT_EQ(EVP_PKEY_fromdata_init(context), 1);
  EXPECT_EQ(EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, parameters), 1);
  EVP_PKEY_CTX_free(context);
  OSSL_PARAM_free(parameters);
  BN_free(e);
  BN_free(n);
  OSSL_PARAM_BLD_free(build);
  return OpenSslKey(key, EVP_PKEY_free);
}

// Book: SIG-16
// Spec: 4.2.2a
TEST(RsaKey, IsRefusedWhenItIsWeak) {
  const TestKey good(1104, KeyKind::kRsa);
  const auto code_with = [&](const OpenSslKey& key) {
    return code_of(PublicKey::parse(with_public(good, pem_of(key))));
  };
  const auto generate = [](unsigned bits) { return OpenSslKey(EVP_RSA_gen(bits), EVP_PKEY_free); };
  EXPECT_EQ(code_with(generate(2048)), "accepted");
  EXPECT_EQ(code_with(made_up(4096, 65537)), "accepted");
  EXPECT_EQ(code_with(made_up(2048, 65539)), "accepted");
  EXPECT_EQ(code_with(generate(1024)), "E_POLICY");
  EXPECT_EQ(code_with(made_up(2040, 65537)), "E_POLICY");
  EXPECT_EQ(code_with(made_up(2048, 1)), "E_POLICY");
  EXPECT_EQ(code_with(made_up(2048, 3)), "E_POLICY");
  EXPECT_EQ(code_with(made_up(2048, 65535)), "E_POLICY");
  EXPECT_EQ(code_with(made_up(2048, 65538)), "E_POLICY");
  EXPECT_EQ(code_with(made_up(2048, 1, 63)), "accepted") << "2^63 + 1";
  EXPECT_EQ(code_with(made_up(2048, 1, 64)), "E_POLICY") << "2^64 + 1";
}

// Such a key is strong: to verify with it costs too much, which is no fault of the role that lists it.
// Book: SIG-11
// Spec: 4.2.2b
TEST(RsaKey, AboveTheLargestSizeIsKeptAndWorthNothing) {
  const TestKey key(1104, KeyKind::kRsa);
  EXPECT_TRUE(is_usable(with_public(key, pem_of(made_up(4096, 65537)))));
  for (const std::size_t bits : {4104U, 8192U, 16384U}) {
    const json::Value large = with_public(key, pem_of(made_up(bits, 65537)));
    EXPECT_EQ(code_of(PublicKey::parse(large)), "accepted") << bits;
    EXPECT_FALSE(is_usable(large)) << bits;
  }
}

// Book: SIG-11
TEST(RsaKey, AboveTheLargestSizeRefusesNoRoleThatListsIt) {
  Scenario scenario;
  scenario.settle();
  scenario.repository.signed_edits["root"] = [](json::Value root) {
    return with(root, {"keys", "spare"}, with_public(TestKey(1104, KeyKind::kRsa), pem_of(made_up(8192, 65537))));
  };
  scenario.repository.publish_root();
  scenario.expect_accepted();
}

// One key in two spellings would vote twice.
// Book: SIG-03
// Spec: 4.2.2c
TEST(RsaKey, InAnotherSpellingOfItsDerIsKeptAndWorthNothing) {
  const TestKey key(1104, KeyKind::kRsa);
  Bytes der = *metadata::der_of(public_of(key));
  ASSERT_EQ(der[1], 0x82) << "a length of two bytes";
  Bytes long_length = der;
  long_length[1] = 0x83;
  long_length.insert(long_length.begin() + 2, 0);
  EXPECT_FALSE(is_usable(with_public(key, metadata::pem_of(long_length))));
  EXPECT_TRUE(is_usable(with_public(key, metadata::pem_of(der))));
  der.push_back(0);
  EXPECT_FALSE(is_usable(with_public(key, metadata::pem_of(der))));
}

// Book: SIG-16
TEST(WeakKey, RefusesTheRoleThatListsIt) {
  Scenario scenario;
  scenario.settle();
  scenario.repository.signed_edits["root"] = [](json::Value root) {
    json::Value key = TestKey(1105).public_key().value();
    key = with(key, {"keyval", "public"}, "01" + std::string(62, '0'));
    return with(root, {"keys", "spare"}, key);
  };
  scenario.repository.publish_root();
  scenario.expect_refused(ErrorCode::kPolicy, {.heal = [&] {
                            scenario.repository.signed_edits.clear();
                            scenario.repository.write_root();
                          }});
}

// Signs also with padding that a TUF signer does not use.
Bytes rsa_signature(const OpenSslKey& key, ByteView message, int padding, int salt, const EVP_MD* mgf) {
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  EVP_PKEY_CTX* settings = nullptr;
  EXPECT_EQ(EVP_DigestSignInit(context.get(), &settings, EVP_sha256(), nullptr, key.get()), 1);
  EXPECT_EQ(EVP_PKEY_CTX_set_rsa_padding(settings, padding), 1);
  if (padding == RSA_PKCS1_PSS_PADDING) {
    EXPECT_EQ(EVP_PKEY_CTX_set_rsa_mgf1_md(settings, mgf), 1);
    EXPECT_EQ(EVP_PKEY_CTX_set_rsa_pss_saltlen(settings, salt), 1);
  }
  Bytes signature(256);
  std::size_t size = signature.size();
  EXPECT_EQ(EVP_DigestSign(context.get(), signature.data(), &size, message.data(), message.size()), 1);
  return signature;
}

// Source: RFC 8017, 8.1.2 step 1
TEST(RsaSignature, IsAsLongAsTheModulus) {
  const TestKey key(1104, KeyKind::kRsa);
  const Bytes message = to_bytes("message");
  Bytes signature;
  for (int tries = 0; tries < 10'000 && (signature.empty() || signature.front() != 0); ++tries)
    signature = key.sign(message);
  ASSERT_EQ(signature.front(), 0) << "one of 256 begins with a zero byte";
  EXPECT_TRUE(key.public_key().verify(message, signature));
  EXPECT_FALSE(key.public_key().verify(message, ByteView(signature).subspan(1)));
  signature.insert(signature.begin(), 0);
  EXPECT_FALSE(key.public_key().verify(message, signature));
}

// Book: SIG-17
// Spec: 4.2.2b, 4.2.2d
TEST(RsaSignature, IsPssWithSha256AndASaltOfAnyLength) {
  const OpenSslKey key(EVP_RSA_gen(2048), EVP_PKEY_free);
  const Result<PublicKey> verifier = PublicKey::parse(with_public(TestKey(1104, KeyKind::kRsa), pem_of(key)));
  ASSERT_TRUE(verifier);
  const Bytes message = to_bytes("message");
  const auto verdict = [&](int padding, int salt, const EVP_MD* mgf) {
    return verifier->verify(message, rsa_signature(key, message, padding, salt, mgf));
  };
  EXPECT_TRUE(verdict(RSA_PKCS1_PSS_PADDING, 32, EVP_sha256()));
  EXPECT_TRUE(verdict(RSA_PKCS1_PSS_PADDING, 0, EVP_sha256()));
  EXPECT_TRUE(verdict(RSA_PKCS1_PSS_PADDING, 20, EVP_sha256()));
  EXPECT_TRUE(verdict(RSA_PKCS1_PSS_PADDING, RSA_PSS_SALTLEN_MAX, EVP_sha256()));
  EXPECT_FALSE(verdict(RSA_PKCS1_PSS_PADDING, 32, EVP_sha1()));
  EXPECT_FALSE(verdict(RSA_PKCS1_PADDING, 0, nullptr));
}

// Book: SIG-11
TEST(RsaKey, OfAnotherSchemeOrLabelIsKeptAndWorthNothing) {
  const TestKey key(1104, KeyKind::kRsa);
  EXPECT_TRUE(is_usable(key.public_key().value()));
  EXPECT_FALSE(is_usable(with(key.public_key().value(), {"scheme"}, "rsa-pkcs1v15-sha256")));
  EXPECT_FALSE(is_usable(with(key.public_key().value(), {"scheme"}, "ed25519")));
  EXPECT_FALSE(is_usable(with_public(key, replaced(public_of(key), "PUBLIC KEY", "RSA PUBLIC KEY"))));
  EXPECT_FALSE(is_usable(with_public(key, public_of(TestKey(1104, KeyKind::kP256)))));
}

// Book: SIG-11
TEST(MlDsaKey, OfAnotherKindIsKeptAndWorthNothing) {
  for (const KeyKind kind : {KeyKind::kP256, KeyKind::kRsa}) {
    const TestKey other(1104, kind);
    const json::Value named = with(other.public_key().value(), {"keytype"}, "ml-dsa");
    EXPECT_FALSE(is_usable(with(named, {"scheme"}, "ml-dsa-44/1")));
    EXPECT_FALSE(is_usable(with(named, {"scheme"}, "ml-dsa-87/1")));
  }
}

// Vectors: tests/data/ml_dsa.json says where they come from. TAP 21.
TEST(MlDsaKey, VerifiesWhereOpenSslHasItAndIsElsewhereAnUnknownKind) {
  std::ifstream file(tests::source_dir() / "tests/data/ml_dsa.json");
  std::stringstream text;
  text << file.rdbuf();
  const json::Value document = *json::parse(as_bytes(text.str()));
  EVP_SIGNATURE* algorithm = EVP_SIGNATURE_fetch(nullptr, "ML-DSA-65", nullptr);
  const bool available = algorithm != nullptr;
  EVP_SIGNATURE_free(algorithm);
  RecordProperty("ml_dsa", available ? "available" : "not in this OpenSSL");
  ASSERT_EQ(at(document, {"vectors"}).array()->size(), 3U);
  for (const json::Value& row : *at(document, {"vectors"}).array()) {
    const Result<PublicKey> key = PublicKey::parse(at(row, {"key"}));
    ASSERT_TRUE(key);
    EXPECT_EQ(key->material().has_value(), available);
    const std::string& message = *at(row, {"message"}).string();
    Bytes signature = *from_hex(*at(row, {"sig"}).string());
    EXPECT_EQ(key->verify(as_bytes(message), signature), available);
    EXPECT_FALSE(key->verify(as_bytes(message + " "), signature));
    signature[100] ^= 1;
    EXPECT_FALSE(key->verify(as_bytes(message), signature));
    const Result<PublicKey> next = PublicKey::parse(with(at(row, {"key"}), {"scheme"}, "ml-dsa-65/2"));
    ASSERT_TRUE(next);
    EXPECT_FALSE(next->material().has_value());
  }
}

}  // namespace
}  // namespace tenon::tests
