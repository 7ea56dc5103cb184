#include <tenon/metadata/authentic.h>
#include <tenon/metadata/hex.h>
#include <tenon/metadata/public_key.h>

#include <gtest/gtest.h>
#include <tests/support/json_edit.h>
#include <tests/support/scenario.h>

namespace tenon::tests {
namespace {

using metadata::PublicKey;

json::Value key_object(std::string_view keytype, std::string_view scheme, json::Value public_key) {
  json::Object keyval;
  keyval.set("public", std::move(public_key));
  json::Object key;
  key.set("keytype", std::string(keytype));
  key.set("keyval", std::move(keyval));
  key.set("scheme", std::string(scheme));
  return key;
}

const TestKey& ed25519_key() {
  static const TestKey key(1000);
  return key;
}
const TestKey& p256_key() {
  static const TestKey key(1001, KeyKind::kP256);
  return key;
}
std::string pem_of(const TestKey& key) {
  return *at(key.public_key().value(), {"keyval", "public"}).string();
}

// How many keys voted for an envelope that these keys signed.
std::size_t votes(const std::vector<TestKey>& keys) {
  metadata::KeyMap map;
  metadata::Envelope envelope = metadata::Envelope::unsigned_of(json::Object{});
  for (const TestKey& key : keys) {
    map.emplace(key.keyid(), key.public_key());
    envelope = envelope.with_signature(key.sign(envelope));
  }
  return tally(envelope, map, role_keys(keys, 1)).votes.size();
}

bool is_usable(const json::Value& key) {
  const Result<PublicKey> parsed = PublicKey::parse(key);
  EXPECT_TRUE(parsed) << json::to_text(key);
  return parsed && parsed->material().has_value();
}

// Book: SIG-03
// Spec: 5.3.4c
TEST(Votes, CountAnEd25519KeyOnceHoweverItIsNamedOrSpelled) {
  const json::Value plain = ed25519_key().public_key().value();
  json::Array algorithms = {json::Value("sha256"), json::Value("sha512")};
  EXPECT_EQ(votes({ed25519_key(), ed25519_key().named("another-name")}), 1U);
  EXPECT_EQ(votes({ed25519_key(), ed25519_key().named(Sha512::of(as_bytes(json::canonical(plain))).hex())}), 1U);
  EXPECT_EQ(votes({ed25519_key(), ed25519_key().spelled(with(plain, {"keyid_hash_algorithms"}, algorithms))}), 1U);
  EXPECT_EQ(votes({ed25519_key(), ed25519_key().spelled(with(plain, {"x-unknown"}, 1))}), 1U);
  EXPECT_EQ(votes({ed25519_key(), ed25519_key().spelled(with(plain, {"keyval", "x-unknown"}, ""))}), 1U);
  EXPECT_EQ(votes({ed25519_key(), TestKey(1002)}), 2U);
}

// Book: SIG-03, SIG-04
// Spec: 5.3.4c
TEST(Votes, CountAnEcdsaKeyOnceHoweverItIsNamedOrSpelled) {
  const json::Value plain = p256_key().public_key().value();
  const std::string pem = pem_of(p256_key());
  EXPECT_EQ(votes({p256_key(), p256_key().named("another-name")}), 1U);
  EXPECT_EQ(votes({p256_key(), p256_key().spelled(with(plain, {"keytype"}, "ecdsa-sha2-nistp256"))}), 1U);
  EXPECT_EQ(votes({p256_key(), p256_key().spelled(with(plain, {"keyval", "public"}, pem + "\n"))}), 1U);
  EXPECT_EQ(votes({p256_key(), p256_key().spelled(with(plain, {"keyval", "public"}, replaced(pem, "\n", "\r\n")))}),
            1U);
  EXPECT_EQ(votes({p256_key(), p256_key().spelled(with(plain, {"x-unknown"}, json::Array{}))}), 1U);
  EXPECT_EQ(votes({p256_key(), TestKey(1003, KeyKind::kP256)}), 2U);
}

// The same P-256 public key in encodings that OpenSSL reads as one key. Made with OpenSSL 3.0.22 from scalar 1:
//   openssl ec -conv_form compressed / -param_enc explicit -pubout
constexpr const char* kGeneratorNamed =
    "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEaxfR8uEsQkf4vOblY6RA8ncDfYEt\n"
    "6zOg9KE5RdiYwpZP40Li/hp/m47n60p8D54WK84zV2sxXs7LtkBoN79R9Q==\n-----END PUBLIC KEY-----\n";
constexpr const char* kGeneratorCompressed =
    "-----BEGIN PUBLIC KEY-----\nMDkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDIgADaxfR8uEsQkf4vOblY6RA8ncDfYEt\n"
    "6zOg9KE5RdiYwpY=\n-----END PUBLIC KEY-----\n";
constexpr const char* kGeneratorExplicit =
    "-----BEGIN PUBLIC KEY-----\nMIIBSzCCAQMGByqGSM49AgEwgfcCAQEwLAYHKoZIzj0BAQIhAP////8AAAABAAAA\n"
    "AAAAAAAAAAAA////////////////MFsEIP////8AAAABAAAAAAAAAAAAAAAA////\n"
    "///////////8BCBaxjXYqjqT57PrvVV2mIa8ZR0GsMxTsPY7zjw+J9JgSwMVAMSd\n"
    "NgiG5wSTamZ44ROdJreBn36QBEEEaxfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5\n"
    "RdiYwpZP40Li/hp/m47n60p8D54WK84zV2sxXs7LtkBoN79R9QIhAP////8AAAAA\n"
    "//////////+85vqtpxeehPO5ysL8YyVRAgEBA0IABGsX0fLhLEJH+Lzm5WOkQPJ3\n"
    "A32BLeszoPShOUXYmMKWT+NC4v4af5uO5+tKfA+eFivOM1drMV7Oy7ZAaDe/UfU=\n-----END PUBLIC KEY-----\n";

// Book: SIG-04
// Spec: 4.2.2c
TEST(EcdsaKey, IsUsableAsNamedCurveAndUncompressedPointOnly) {
  const auto usable = [](const std::string& pem) { return is_usable(key_object("ecdsa", "ecdsa-sha2-nistp256", pem)); };
  const std::string good = kGeneratorNamed;
  EXPECT_TRUE(usable(good));
  EXPECT_TRUE(usable(good.substr(0, good.size() - 1)));
  EXPECT_FALSE(usable(kGeneratorCompressed));
  EXPECT_FALSE(usable(kGeneratorExplicit));
  EXPECT_FALSE(usable("text before\n" + good));
  EXPECT_FALSE(usable(good + "text after\n"));
  EXPECT_FALSE(usable(" " + good));
  EXPECT_FALSE(usable(replaced(good, "PUBLIC KEY", "EC PUBLIC KEY")));
  EXPECT_FALSE(usable(replaced(good, "PUBLIC KEY", "public key")));
  EXPECT_FALSE(usable(good + good));
  EXPECT_FALSE(usable(replaced(good, "79R9Q==", "79R9Q=")));
  EXPECT_FALSE(usable(replaced(good, "79R9Q==", "79R9g==")));  // a point beside the curve
  EXPECT_FALSE(
      usable(replaced(good, "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcD", "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQgD")));  // curve
  EXPECT_FALSE(usable(""));
}

// Book: SIG-11, SIG-24
// Spec: 4.2.2b
TEST(Key, OfAnUnknownKindOrMismatchedSchemeIsKeptAndWorthNothing) {
  const std::string hex = *at(ed25519_key().public_key().value(), {"keyval", "public"}).string();
  const std::string pem = pem_of(p256_key());
  const json::Value keys[] = {key_object("rsa", "ed25519", hex),
                              key_object("ed25519", "rsassa-pss-sha256", hex),
                              key_object("ed25519", "ecdsa-sha2-nistp256", pem),
                              key_object("ecdsa", "ed25519", hex),
                              key_object("ecdsa", "ecdsa-sha2-nistp521", pem),
                              key_object("Ed25519", "ed25519", hex),
                              key_object("ed25519 ", "ed25519", hex),
                              key_object("", "", ""),
                              key_object("ml-dsa", "ml-dsa-65/1", "anything"),
                              key_object("sigstore-oidc", "Fulcio", "anything"),
                              key_object("new", "new", 7)};
  for (const json::Value& key : keys) {
    EXPECT_FALSE(is_usable(key)) << json::to_text(key);
    EXPECT_EQ(PublicKey::parse(key)->value(), key);
  }
}

// Book: SIG-11
TEST(Key, ThatIsUnusableNeverVotesThoughItSigned) {
  const json::Value odd = with(ed25519_key().public_key().value(), {"keytype"}, "rsa");
  EXPECT_EQ(votes({ed25519_key().spelled(odd)}), 0U);
}

// Book: SIG-15, JSON-17
// Spec: 4.2.2c
// Found by review: begin and end share their dashes, so that the text between them has a negative length.
TEST(EcdsaKey, OfAPemWithoutRoomForAKeyIsKeptAndWorthNothing) {
  for (const char* pem :
       {"-----BEGIN PUBLIC KEY-----END PUBLIC KEY-----", "-----BEGIN PUBLIC KEY----------END PUBLIC KEY-----",
        "-----BEGIN PUBLIC KEY-----", "-----END PUBLIC KEY-----", "-----", "",
        "-----BEGIN PUBLIC KEY-----\nMFkw\n-----END PUBLIC KEY-----\n",
        "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgA=\n-----END PUBLIC KEY-----\n"}) {
    json::Object keyval;
    keyval.set("public", pem);
    json::Object key;
    key.set("keytype", "ecdsa");
    key.set("keyval", std::move(keyval));
    key.set("scheme", "ecdsa-sha2-nistp256");
    const Result<PublicKey> read = PublicKey::parse(key);
    ASSERT_TRUE(read) << pem;
    EXPECT_FALSE(read->material()) << pem;
  }
}

TEST(Key, IsEqualToNoOther) {
  EXPECT_TRUE(ed25519_key().public_key() == ed25519_key().public_key());
  EXPECT_FALSE(ed25519_key().public_key() == p256_key().public_key());
}

// Spec: 4.2.2c
TEST(Ed25519Key, IsExactly64LowerCaseHexDigits) {
  const std::string hex = *at(ed25519_key().public_key().value(), {"keyval", "public"}).string();
  std::string upper = hex;
  for (char& c : upper) c = static_cast<char>(std::toupper(c));
  ASSERT_NE(upper, hex);
  for (const std::string& bad : {std::string(), hex.substr(2), hex + "00", hex.substr(1), "0x" + hex.substr(2), upper,
                                 " " + hex.substr(1), hex.substr(0, 63) + "g", hex + "\n"}) {
    EXPECT_EQ(code_of(PublicKey::parse(key_object("ed25519", "ed25519", bad))), "E_PARSE") << bad;
  }
}

// Book: SIG-13
TEST(Ed25519Key, OfSmallOrderOrInASecondSpellingIsRefused) {
  // The eight points of small order and non-canonical twins, from "Taming the many EdDSAs" (Chalkias et al., 2020),
  // table 5.
  for (const char* hex : {"0000000000000000000000000000000000000000000000000000000000000000",
                          "0100000000000000000000000000000000000000000000000000000000000000",
                          "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
                          "0000000000000000000000000000000000000000000000000000000000000080",
                          "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
                          "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
                          "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
                          "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
                          "0100000000000000000000000000000000000000000000000000000000000080",
                          "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
                          "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
                          "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
                          "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
                          "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"}) {
    EXPECT_EQ(code_of(PublicKey::parse(key_object("ed25519", "ed25519", hex))), "E_POLICY") << hex;
  }
  // Neighbours of the list that are none of it.
  for (const char* hex : {"0200000000000000000000000000000000000000000000000000000000000000",
                          "ebffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
                          "edfffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe7f",
                          "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7e"}) {
    EXPECT_EQ(code_of(PublicKey::parse(key_object("ed25519", "ed25519", hex))), "accepted") << hex;
  }
}

// Book: SIG-14
TEST(Ed25519Signature, MustBe64CanonicalBytes) {
  const Bytes message = to_bytes("message");
  const Bytes good = ed25519_key().sign(message);
  ASSERT_TRUE(ed25519_key().public_key().verify(message, good));
  EXPECT_FALSE(ed25519_key().public_key().verify(to_bytes("messagf"), good));
  EXPECT_FALSE(ed25519_key().public_key().verify(message, {}));
  EXPECT_FALSE(ed25519_key().public_key().verify(message, ByteView(good).first(63)));
  Bytes longer = good;
  longer.push_back(0);
  EXPECT_FALSE(ed25519_key().public_key().verify(message, longer));
  // S + L, the same signature in another spelling. L is the order of the group (RFC 8032, 5.1).
  const Bytes order = *from_hex("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010");
  Bytes malleable = good;
  unsigned carry = 0;
  for (std::size_t i = 0; i < 32; ++i) {
    carry += malleable[32 + i] + order[i];
    malleable[32 + i] = static_cast<std::uint8_t>(carry & 0xFF);
    carry >>= 8;
  }
  EXPECT_FALSE(ed25519_key().public_key().verify(message, malleable));
}

Bytes der_integer(ByteView value) {
  Bytes der = {0x02, static_cast<std::uint8_t>(value.size())};
  der.insert(der.end(), value.begin(), value.end());
  return der;
}
Bytes der_signature(ByteView r, ByteView s) {
  Bytes body = der_integer(r);
  const Bytes second = der_integer(s);
  body.insert(body.end(), second.begin(), second.end());
  Bytes der = {0x30, static_cast<std::uint8_t>(body.size())};
  der.insert(der.end(), body.begin(), body.end());
  return der;
}

// Book: SIG-12
TEST(EcdsaSignature, ThatIsMalformedIsNoSignature) {
  const Bytes message = to_bytes("message");
  const PublicKey& key = p256_key().public_key();
  const Bytes good = p256_key().sign(message);
  ASSERT_TRUE(key.verify(message, good));
  // n, the order of P-256 (FIPS 186-4, D.1.2.3), with the leading zero of a positive DER integer.
  const Bytes n = *from_hex("00ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551");
  const Bytes zero = {0};
  const Bytes one = {1};
  const Bytes minus_one = {0xFF};
  const std::size_t r_size = good[3];
  const ByteView r = ByteView(good).subspan(4, r_size);
  const ByteView s = ByteView(good).subspan(4 + r_size + 2, good[4 + r_size + 1]);
  ASSERT_EQ(der_signature(r, s), good);
  Bytes padded_r = {0};
  padded_r.insert(padded_r.end(), r.begin(), r.end());
  if (r[0] == 0) padded_r.insert(padded_r.begin(), 0);
  Bytes trailing = good;
  trailing.push_back(0);
  Bytes long_form = {0x30, 0x81, good[1]};
  long_form.insert(long_form.end(), good.begin() + 2, good.end());
  Bytes indefinite = {0x30, 0x80};
  indefinite.insert(indefinite.end(), good.begin() + 2, good.end());
  indefinite.insert(indefinite.end(), {0, 0});
  Bytes raw(64, 1);
  const std::pair<const char*, Bytes> rows[] = {{"empty", {}},
                                                {"garbage", to_bytes("garbage that is no DER at all")},
                                                {"trailing byte", trailing},
                                                {"cut", Bytes(good.begin(), good.end() - 1)},
                                                {"r with a needless zero", der_signature(padded_r, s)},
                                                {"long form of the length", long_form},
                                                {"indefinite length", indefinite},
                                                {"r negative", der_signature(minus_one, s)},
                                                {"r and s zero", der_signature(zero, zero)},
                                                {"r zero", der_signature(zero, s)},
                                                {"s zero", der_signature(r, zero)},
                                                {"r is n", der_signature(n, s)},
                                                {"s is n", der_signature(r, n)},
                                                {"r and s one", der_signature(one, one)},
                                                {"an empty integer", der_signature({}, s)},
                                                {"not DER but r and s in a row", raw}};
  for (const auto& [what, signature] : rows) EXPECT_FALSE(key.verify(message, signature)) << what;
}

// Book: SIG-12
TEST(OpenSslVerdict, IsYesForExactlyOne) {
  static_assert(metadata::accepted(1));
  for (int no : {0, -1, 2, -2, 256, INT32_MAX, INT32_MIN}) EXPECT_FALSE(metadata::accepted(no)) << no;
}

// Book: SIG-25
TEST(Signature, OfRfc8032VerifiesAndItsNeighbourDoesNot) {
  // Origin: RFC 8032, 7.1, tests 1 to 3.
  struct Row {
    const char* key;
    const char* message;
    const char* signature;
  };
  for (const Row& row : {Row{"d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
                             "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701"
                             "cf9b46bd25bf5f0595bbe246"
                             "55141438e7a100b"},
                         Row{"3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
                             "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d"
                             "0f11d8c387b2eaeb4302aeeb"
                             "00d291612bb0c00"},
                         Row{"fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
                             "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f7609"
                             "84dc6594a7c15e9716ed28dc"
                             "027beceea1ec40a"}}) {
    const PublicKey key = PublicKey::ed25519(*from_hex(row.key));
    const Bytes message = *from_hex(row.message);
    Bytes signature = *from_hex(row.signature);
    EXPECT_TRUE(key.verify(message, signature)) << row.key;
    signature[10] ^= 1;
    EXPECT_FALSE(key.verify(message, signature)) << row.key;
  }
}

}  // namespace
}  // namespace tenon::tests
