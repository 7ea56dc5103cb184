// Advisories and fixes of other projects, each with the test that would have caught it: keys and signatures.
#include <tenon/metadata/authentic.h>
#include <tenon/metadata/hex.h>

#include <memory>

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <tests/support/json_edit.h>
#include <tests/support/scenario.h>

namespace tenon::tests {
namespace {

using metadata::Envelope;
using metadata::KeyId;
using metadata::PublicKey;

json::Value key_object(const std::string& keytype, const std::string& scheme, const std::string& public_key) {
  json::Object keyval;
  keyval.set("public", public_key);
  json::Object key;
  key.set("keytype", keytype);
  key.set("keyval", std::move(keyval));
  key.set("scheme", scheme);
  return key;
}

std::string public_text(const TestKey& key) {
  return *at(key.public_key().value(), {"keyval", "public"}).string();
}

std::size_t votes_of(const Envelope& envelope, const std::map<std::string, PublicKey>& keys) {
  metadata::KeyMap map;
  std::vector<KeyId> keyids;
  for (const auto& [name, key] : keys) {
    keyids.push_back(*KeyId::parse(name));
    map.emplace(keyids.back(), key);
  }
  return tally(envelope, map, {keyids, *metadata::Threshold::create(1)}).votes.size();
}

Envelope signed_by(const std::vector<TestKey>& keys) {
  Envelope envelope = Envelope::unsigned_of(json::Object{});
  for (const TestKey& key : keys) envelope = envelope.with_signature(key.sign(envelope));
  return envelope;
}

struct FreePkey {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
struct FreeContext {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
struct FreeKeyContext {
  void operator()(EVP_PKEY_CTX* context) const { EVP_PKEY_CTX_free(context); }
};
struct FreeBio {
  void operator()(BIO* bio) const { BIO_free(bio); }
};
struct FreeNumber {
  void operator()(BIGNUM* number) const { BN_free(number); }
};
using Pkey = std::unique_ptr<EVP_PKEY, FreePkey>;

Pkey rsa_key(unsigned bits, unsigned exponent) {
  const std::unique_ptr<EVP_PKEY_CTX, FreeKeyContext> context(EVP_PKEY_CTX_new_from_name(nullptr, "RSA", nullptr));
  const std::unique_ptr<BIGNUM, FreeNumber> e(BN_new());
  EVP_PKEY* key = nullptr;
  TENON_CHECK(BN_set_word(e.get(), exponent) == 1 && EVP_PKEY_keygen_init(context.get()) == 1);
  TENON_CHECK(EVP_PKEY_CTX_set_rsa_keygen_bits(context.get(), static_cast<int>(bits)) == 1);
  TENON_CHECK(EVP_PKEY_CTX_set1_rsa_keygen_pubexp(context.get(), e.get()) == 1);
  TENON_CHECK(EVP_PKEY_keygen(context.get(), &key) == 1);
  return Pkey(key);
}

std::string pem_of(EVP_PKEY& key) {
  const std::unique_ptr<BIO, FreeBio> bio(BIO_new(BIO_s_mem()));
  TENON_CHECK(PEM_write_bio_PUBKEY(bio.get(), &key) == 1);
  const char* text = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &text);
  return {text, static_cast<std::size_t>(size)};
}

Bytes rsa_signature(EVP_PKEY& key, ByteView message, int padding) {
  const std::unique_ptr<EVP_MD_CTX, FreeContext> context(EVP_MD_CTX_new());
  EVP_PKEY_CTX* options = nullptr;
  std::size_t size = 1024;
  Bytes signature(size);
  TENON_CHECK(EVP_DigestSignInit(context.get(), &options, EVP_sha256(), nullptr, &key) == 1);
  TENON_CHECK(EVP_PKEY_CTX_set_rsa_padding(options, padding) == 1);
  TENON_CHECK(EVP_DigestSign(context.get(), signature.data(), &size, message.data(), message.size()) == 1);
  signature.resize(size);
  return signature;
}

// GHSA-3633-5h82-39pq (go-tuf): one public key under several keyids was counted several times.
// Book: SIG-03
TEST(Advisory, GoTuf_GHSA_3633_5h82_39pq) {
  for (KeyKind kind : {KeyKind::kEd25519, KeyKind::kP256}) {
    const TestKey key(1200, kind);
    const TestKey second = key.named("second-name");
    const TestKey third = key.named(Sha512::of(as_bytes("third")).hex());
    EXPECT_EQ(votes_of(signed_by({key, second, third}), {{key.keyid().text(), key.public_key()},
                                                         {second.keyid().text(), key.public_key()},
                                                         {third.keyid().text(), key.public_key()}}),
              1U);
  }
}

// f5edbde (go-tuf): one key as "ecdsa" and as "ecdsa-sha2-nistp256" was counted twice.
// Book: SIG-03, SIG-04
TEST(Advisory, GoTuf_f5edbde) {
  const TestKey key(1201, KeyKind::kP256);
  const TestKey other = key.spelled(key_object("ecdsa-sha2-nistp256", "ecdsa-sha2-nistp256", public_text(key)));
  ASSERT_NE(other.keyid(), key.keyid());
  EXPECT_EQ(votes_of(signed_by({key, other}),
                     {{key.keyid().text(), key.public_key()}, {other.keyid().text(), other.public_key()}}),
            1U);
}

// 33d359c (go-tuf): an Ed25519 key of a wrong length ended the program when a signature was verified.
// Book: SIG-15
TEST(Advisory, GoTuf_33d359c) {
  const std::string hex = public_text(TestKey(1202));
  for (const std::string& bad : {hex.substr(2), hex + "00", std::string(), std::string("00")}) {
    EXPECT_EQ(code_of(PublicKey::parse(key_object("ed25519", "ed25519", bad))), "E_PARSE") << bad;
  }
}

// 830edf8 (go-tuf): keys of scheme rsassa-pss were verified as PKCS#1 v1.5.
// Book: SIG-17
TEST(Advisory, GoTuf_830edf8) {
  const Pkey key = rsa_key(3072, 65537);
  const Result<PublicKey> pss = PublicKey::parse(key_object("rsa", "rsassa-pss-sha256", pem_of(*key)));
  ASSERT_TRUE(pss) << pss.error().message;
  const Bytes message = to_bytes("message");
  EXPECT_FALSE(pss->verify(message, rsa_signature(*key, message, RSA_PKCS1_PADDING)));
}

// CVE-2006-4339, CVE-2014-1568 (OpenSSL, NSS): signatures under keys of exponent 3 could be forged, where padding was
// not read to its end.
// Book: SIG-16
TEST(Advisory, OpenSsl_CVE_2006_4339) {
  const Pkey key = rsa_key(2048, 3);
  for (const char* scheme : {"rsassa-pss-sha256", "rsassa-pkcs1v15-sha256", "rsa-pkcs1v15-sha256"}) {
    const Result<PublicKey> parsed = PublicKey::parse(key_object("rsa", scheme, pem_of(*key)));
    if (!parsed) continue;
    const Bytes message = to_bytes("message");
    EXPECT_FALSE(parsed->verify(message, rsa_signature(*key, message, RSA_PKCS1_PADDING))) << scheme;
    Bytes zero(256);
    EXPECT_FALSE(parsed->verify(message, zero)) << scheme;
  }
}

// CVE-2008-5077 (callers of OpenSSL): -1, which says that a signature is malformed, was taken for a yes.
// Book: SIG-12
TEST(Advisory, OpenSsl_CVE_2008_5077) {
  const TestKey key(1203, KeyKind::kP256);
  for (const Bytes& signature : {Bytes{}, to_bytes("garbage"), Bytes{0x30, 0x00}, Bytes(72, 0xFF), Bytes(1000, 0x30)}) {
    EXPECT_FALSE(key.public_key().verify(as_bytes("message"), signature));
  }
  static_assert(metadata::accepted(1) && !metadata::accepted(-1) && !metadata::accepted(0) && !metadata::accepted(2));
}

// CVE-2020-0601 (Windows): the parameters of a curve were taken from the key.
// Book: SIG-04
TEST(Advisory, OpenSsl_CVE_2020_0601) {
  // The point of scalar 1 with explicit parameters of P-256: openssl ec -param_enc explicit -pubout
  const char* pem =
      "-----BEGIN PUBLIC KEY-----\nMIIBSzCCAQMGByqGSM49AgEwgfcCAQEwLAYHKoZIzj0BAQIhAP////8AAAABAAAA\n"
      "AAAAAAAAAAAA////////////////MFsEIP////8AAAABAAAAAAAAAAAAAAAA////\n"
      "///////////8BCBaxjXYqjqT57PrvVV2mIa8ZR0GsMxTsPY7zjw+J9JgSwMVAMSd\n"
      "NgiG5wSTamZ44ROdJreBn36QBEEEaxfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5\n"
      "RdiYwpZP40Li/hp/m47n60p8D54WK84zV2sxXs7LtkBoN79R9QIhAP////8AAAAA\n"
      "//////////+85vqtpxeehPO5ysL8YyVRAgEBA0IABGsX0fLhLEJH+Lzm5WOkQPJ3\n"
      "A32BLeszoPShOUXYmMKWT+NC4v4af5uO5+tKfA+eFivOM1drMV7Oy7ZAaDe/UfU=\n-----END PUBLIC KEY-----\n";
  const Result<PublicKey> key = PublicKey::parse(key_object("ecdsa", "ecdsa-sha2-nistp256", pem));
  ASSERT_TRUE(key) << key.error().message;
  EXPECT_FALSE(key->material().has_value());
}

// CVE-2022-21449 (Java): r = s = 0 was a signature of everything.
// Book: SIG-12
TEST(Advisory, Java_CVE_2022_21449) {
  const TestKey key(1204, KeyKind::kP256);
  const Bytes zero = *from_hex("3006020100020100");
  EXPECT_FALSE(key.public_key().verify(as_bytes("message"), zero));
  EXPECT_FALSE(key.public_key().verify({}, zero));
}

// CVE-2015-9258 (notary): the algorithm that a signature named chose how it was verified.
// Book: SIG-11
TEST(Advisory, Notary_CVE_2015_9258) {
  const TestKey key(1205);
  for (const char* named : {"hmac", "none", "rsa", "ecdsa-sha2-nistp256"}) {
    const Bytes raw = key.sign(as_bytes("{}"));
    const std::string signatures = R"("signatures":[{"keyid":"k","method":")" + std::string(named) + R"(","scheme":")" +
                                   named + R"(","sig":")" + to_hex(raw) + R"("}])";
    const std::string file = R"({"signed":{},)" + signatures + "}";
    const Result<Envelope> good = Envelope::parse(as_bytes(file), 1000);
    ASSERT_TRUE(good) << named;
    EXPECT_EQ(votes_of(*good, {{"k", key.public_key()}}), 1U) << named;  // by the key's own scheme
    const std::string other = replaced(file, "{}", R"({"a":1})");
    EXPECT_EQ(votes_of(*Envelope::parse(as_bytes(other), 1000), {{"k", key.public_key()}}), 0U) << named;
  }
}

// GHSA-fx35-mq7g-6g98 (cosign): a bundle brought the public key with which it was verified.
// Book: SIG-11
TEST(Advisory, Cosign_GHSA_fx35_mq7g_6g98) {
  const TestKey trusted(1206);
  const TestKey attacker(1207);
  const std::string key = json::to_text(attacker.public_key().value());
  const std::string sig = to_hex(attacker.sign(as_bytes("{}")));
  for (const std::string& keyid : {trusted.keyid().text(), attacker.keyid().text()}) {
    const std::string file = R"({"keys":{")" + keyid + "\":" + key + R"(},"signed":{},"signatures":[{"keyid":")" +
                             keyid + R"(","publicKey":)" + key + R"(,"cert":)" + key + R"(,"sig":")" + sig + R"("}]})";
    const Result<Envelope> envelope = Envelope::parse(as_bytes(file), 10'000);
    ASSERT_TRUE(envelope) << envelope.error().message;
    EXPECT_EQ(votes_of(*envelope, {{trusted.keyid().text(), trusted.public_key()}}), 0U);
  }
}

}  // namespace
}  // namespace tenon::tests
