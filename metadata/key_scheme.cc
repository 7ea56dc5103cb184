#include <tenon/metadata/digest.h>
#include <tenon/metadata/hex.h>
#include <tenon/metadata/key_scheme.h>
#include <tenon/metadata/pem.h>

#include <algorithm>
#include <array>
#include <memory>
#include <string>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <sodium.h>

namespace tenon::metadata {
namespace {

using Decoded = Result<std::optional<Bytes>>;

struct FreeKey {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
struct FreeContext {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
struct FreeNumber {
  void operator()(BIGNUM* number) const { BN_free(number); }
};
using Key = std::unique_ptr<EVP_PKEY, FreeKey>;

// For encodings that we do not know: the key is kept and worth zero.
Decoded unknown() {
  return std::optional<Bytes>();
}

Error weak(std::string why) {
  return Error{ErrorCode::kPolicy, "weak key: " + std::move(why)};
}

// Null for what is no SubjectPublicKeyInfo that this OpenSSL knows, in its one canonical form.
Key read_spki(ByteView der) {
  const unsigned char* at = der.data();
  Key key(d2i_PUBKEY(nullptr, &at, static_cast<long>(der.size())));
  unsigned char* again = nullptr;
  const int size = std::max(i2d_PUBKEY(key.get(), &again), 0);  // 0 for null
  const bool canonical = std::ranges::equal(ByteView(again, static_cast<std::size_t>(size)), der);
  OPENSSL_free(again);
  return canonical ? std::move(key) : nullptr;
}

bool is_kind(const Key& key, const char* name) {
  return key && EVP_PKEY_is_a(key.get(), name) == 1;
}

// digest is null for schemes that hash in their own way.
template <class Configure>
bool verify_with(const Key& key, const EVP_MD* digest, ByteView message, ByteView signature, Configure configure) {
  const std::unique_ptr<EVP_MD_CTX, FreeContext> context(EVP_MD_CTX_new());
  TENON_CHECK(context);
  EVP_PKEY_CTX* settings = nullptr;
  return key && accepted(EVP_DigestVerifyInit(context.get(), &settings, digest, nullptr, key.get())) &&
         configure(settings) &&
         accepted(EVP_DigestVerify(context.get(), signature.data(), signature.size(), message.data(), message.size()));
}
bool as_it_is(EVP_PKEY_CTX*) {
  return true;
}

// --- Ed25519

// A public key that is a point of small order signs any message, and a y of p or above is a second spelling of another
// key. Both are compared without the sign bit of x.
bool is_weak_ed25519(ByteView key) {
  constexpr std::array<std::string_view, 5> kSmallOrder = {
      "0000000000000000000000000000000000000000000000000000000000000000",  // order 4
      "0100000000000000000000000000000000000000000000000000000000000000",  // order 1
      "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",  // order 2
      "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",  // order 8
      "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",  // order 8
  };
  Bytes y(key.begin(), key.end());
  y.back() &= 0x7f;
  const bool above_p = y.front() >= 0xed && y.back() == 0x7f &&
                       std::all_of(y.begin() + 1, y.end() - 1, [](std::uint8_t byte) { return byte == 0xff; });
  return above_p || std::ranges::find(kSmallOrder, to_hex(y)) != kSmallOrder.end();
}

Decoded decode_ed25519(std::string_view text) {
  std::optional<Bytes> key = from_hex(text);
  if (!key || key->size() != crypto_sign_PUBLICKEYBYTES) {
    return Error{ErrorCode::kParse, "an ed25519 key is 64 lower-case hex digits"};
  }
  if (is_weak_ed25519(*key)) return weak("an ed25519 point of small order, or not in its canonical form");
  return key;
}

bool verify_ed25519(ByteView key, ByteView message, ByteView signature) {
  return signature.size() == crypto_sign_BYTES &&
         crypto_sign_verify_detached(signature.data(), message.data(), message.size(), key.data()) == 0;
}

// --- ECDSA

// The SubjectPublicKeyInfo of an uncompressed point under a named curve (RFC 5480): the header, then the point.
constexpr std::array<std::uint8_t, 26> kP256Header = {0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48,
                                                      0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48,
                                                      0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00};
constexpr std::array<std::uint8_t, 23> kP384Header = {0x30, 0x76, 0x30, 0x10, 0x06, 0x07, 0x2a, 0x86,
                                                      0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x05, 0x2b,
                                                      0x81, 0x04, 0x00, 0x22, 0x03, 0x62, 0x00};
constexpr std::size_t kP256PointBytes = 65;
constexpr std::size_t kP384PointBytes = 97;

Bytes spki_of(ByteView header, ByteView point) {
  Bytes der(header.begin(), header.end());
  der.insert(der.end(), point.begin(), point.end());
  return der;
}

// The point in a PEM or in hex; nothing for another curve, form, or a point that is not on the curve.
std::optional<Bytes> decode_point(std::string_view text, ByteView header, std::size_t point_bytes) {
  std::optional<Bytes> point = from_hex(text);
  if (!point) {
    const std::optional<Bytes> der = der_of(text);
    if (!der || !as_text(*der).starts_with(as_text(header))) return std::nullopt;
    point = Bytes(der->begin() + static_cast<std::ptrdiff_t>(header.size()), der->end());
  }
  if (point->size() != point_bytes || point->front() != 0x04 || !read_spki(spki_of(header, *point))) return {};
  return point;
}

Decoded decode_p256(std::string_view text) {
  return decode_point(text, kP256Header, kP256PointBytes);
}
Decoded decode_p384(std::string_view text) {
  return decode_point(text, kP384Header, kP384PointBytes);
}
bool verify_p256(ByteView key, ByteView message, ByteView signature) {
  return verify_with(read_spki(spki_of(kP256Header, key)), EVP_sha256(), message, signature, as_it_is);
}
bool verify_p384(ByteView key, ByteView message, ByteView signature) {
  return verify_with(read_spki(spki_of(kP384Header, key)), EVP_sha384(), message, signature, as_it_is);
}

// --- RSA

constexpr int kMinRsaBits = 2048;  // Spec: 4.2.2
constexpr int kMaxRsaBits = 4096;  // verifying is quadratic in it; a larger key is no weaker, so it is worth zero
constexpr int kMaxExponentBits = 64;

Decoded decode_rsa(std::string_view text) {
  const std::optional<Bytes> der = der_of(text);
  if (!der) return unknown();
  const Key key = read_spki(*der);
  if (!is_kind(key, "RSA")) return unknown();
  const int bits = EVP_PKEY_get_bits(key.get());
  if (bits > kMaxRsaBits) return unknown();
  if (bits < kMinRsaBits) {
    return weak("RSA of " + std::to_string(bits) + " bits, below " + std::to_string(kMinRsaBits));
  }
  BIGNUM* exponent = nullptr;
  if (EVP_PKEY_get_bn_param(key.get(), OSSL_PKEY_PARAM_RSA_E, &exponent) != 1) return unknown();
  const std::unique_ptr<BIGNUM, FreeNumber> e(exponent);
  if (!BN_is_odd(e.get()) || BN_num_bits(e.get()) > kMaxExponentBits || BN_num_bits(e.get()) < 17) {
    return weak("RSA with an exponent that is even, below 65537 or above 64 bits");
  }
  return der;
}

// A signature is as long as the modulus: OpenSSL would take one whose leading zero bytes are missing.
// Source: RFC 8017, 8.1.2 step 1
bool verify_rsa_pss(ByteView key, ByteView message, ByteView signature) {
  Key rsa = read_spki(key);
  if (!rsa || signature.size() != static_cast<std::size_t>(EVP_PKEY_get_size(rsa.get()))) return false;
  return verify_with(rsa, EVP_sha256(), message, signature, [](EVP_PKEY_CTX* settings) {
    // MGF1 uses the digest of the signature unless it is told otherwise. The specification names no length of salt:
    // most signers take 32 bytes, others as many as fit.
    return accepted(EVP_PKEY_CTX_set_rsa_padding(settings, RSA_PKCS1_PSS_PADDING)) &&
           accepted(EVP_PKEY_CTX_set_rsa_pss_saltlen(settings, RSA_PSS_SALTLEN_AUTO));
  });
}

// --- ML-DSA (FIPS 204), by name, so that it needs no newer OpenSSL to build

Decoded decode_ml_dsa(std::string_view text, const char* name) {
  const std::optional<Bytes> der = der_of(text);
  if (!der) return unknown();
  const Key key = read_spki(*der);
  if (!is_kind(key, name)) return unknown();
  return der;
}

bool verify_ml_dsa(ByteView key, ByteView message, ByteView signature) {
  return verify_with(read_spki(key), nullptr, ml_dsa_input(message), signature, as_it_is);
}

struct Row {
  std::string_view keytype;
  std::string_view scheme;
  KeyScheme how;
};

constexpr KeyScheme kEd25519 = {"ed25519", decode_ed25519, verify_ed25519};
constexpr KeyScheme kP256 = {"ecdsa-p256", decode_p256, verify_p256};
constexpr KeyScheme kP384 = {"ecdsa-p384", decode_p384, verify_p384};
constexpr KeyScheme kRsa = {"rsa", decode_rsa, verify_rsa_pss};
constexpr KeyScheme kMlDsa44 = {"ml-dsa-44", [](std::string_view t) { return decode_ml_dsa(t, "ML-DSA-44"); },
                                verify_ml_dsa};
constexpr KeyScheme kMlDsa65 = {"ml-dsa-65", [](std::string_view t) { return decode_ml_dsa(t, "ML-DSA-65"); },
                                verify_ml_dsa};
constexpr KeyScheme kMlDsa87 = {"ml-dsa-87", [](std::string_view t) { return decode_ml_dsa(t, "ML-DSA-87"); },
                                verify_ml_dsa};

constexpr Row kRows[] = {
    {"ed25519", "ed25519", kEd25519},
    {"ecdsa", "ecdsa-sha2-nistp256", kP256},
    {"ecdsa-sha2-nistp256", "ecdsa-sha2-nistp256", kP256},
    {"ecdsa", "ecdsa-sha2-nistp384", kP384},
    {"ecdsa-sha2-nistp384", "ecdsa-sha2-nistp384", kP384},
    {"rsa", "rsassa-pss-sha256", kRsa},
    {"ml-dsa", "ml-dsa-44/1", kMlDsa44},
    {"ml-dsa", "ml-dsa-65/1", kMlDsa65},
    {"ml-dsa", "ml-dsa-87/1", kMlDsa87},
};

}  // namespace

const KeyScheme* find_scheme(std::string_view keytype, std::string_view scheme) {
  const auto row = std::ranges::find_if(
      kRows, [&](const Row& candidate) { return candidate.keytype == keytype && candidate.scheme == scheme; });
  return row == std::end(kRows) ? nullptr : &row->how;
}

Bytes ml_dsa_input(ByteView message) {
  Bytes input = {'t', 'u', 'f', 1};
  const Sha512 digest = Sha512::of(message);
  input.insert(input.end(), digest.bytes.begin(), digest.bytes.end());
  return input;
}

std::string p256_pem(ByteView point) {
  return pem_of(spki_of(kP256Header, point));
}

}  // namespace tenon::metadata
