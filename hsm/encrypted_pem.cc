#include <tenon/hsm/encrypted_pem.h>
#include <tenon/hsm/openssl_ptr.h>

#include <optional>

#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/pem.h>
#include <sodium.h>

namespace tenon::hsm {
namespace {

constexpr std::string_view kLabel = "ENCRYPTED PRIVATE KEY";
constexpr std::size_t kSaltBytes = 16;
constexpr std::size_t kMinSaltBytes = 8;
constexpr std::size_t kMaxSaltBytes = 64;
constexpr std::size_t kKeyBytes = 32;  // AES-256
constexpr std::size_t kBlockBytes = 16;

Error parse_error(std::string_view what) {
  ERR_clear_error();
  return Error{ErrorCode::kParse, "encrypted key file: " + std::string(what),
               "make such files with tenon-keyctl, or: openssl pkcs8 -topk8 -scrypt -scrypt_p 8 -v2 aes-256-cbc"};
}

int size_of(const Bytes& bytes) {
  return static_cast<int>(bytes.size());
}

Bytes bytes_of(const ASN1_OCTET_STRING* string) {
  const unsigned char* data = ASN1_STRING_get0_data(string);
  return Bytes(data, data + ASN1_STRING_length(string));
}

Result<Bytes> unwrap_pem(ByteView file) {
  struct Pem {
    char* name = nullptr;
    char* header = nullptr;
    unsigned char* data = nullptr;
    long size = 0;
    ~Pem() {
      OPENSSL_free(name);
      OPENSSL_free(header);
      OPENSSL_free(data);
    }
  } pem;
  const BioPtr bio(BIO_new_mem_buf(file.data(), static_cast<int>(file.size())));
  if (!bio || PEM_read_bio(bio.get(), &pem.name, &pem.header, &pem.data, &pem.size) != 1) {
    return parse_error("no PEM");
  }
  if (pem.name != kLabel || *pem.header != '\0') return parse_error("not an ENCRYPTED PRIVATE KEY");
  return Bytes(pem.data, pem.data + pem.size);
}

std::optional<std::uint64_t> positive(const ASN1_INTEGER* integer) {
  std::uint64_t value = 0;
  if (integer == nullptr || ASN1_INTEGER_get_uint64(&value, integer) != 1 || value == 0) return std::nullopt;
  return value;
}

bool is_algorithm(const X509_ALGOR* algorithm, int nid) {
  return algorithm != nullptr && OBJ_obj2nid(algorithm->algorithm) == nid;
}

Result<ScryptCost> checked_cost(const SCRYPT_PARAMS& params) {
  const std::optional<std::uint64_t> n = positive(params.costParameter);
  const std::optional<std::uint64_t> r = positive(params.blockSize);
  const std::optional<std::uint64_t> p = positive(params.parallelizationParameter);
  if (!n || !r || !p || *n < 2 || (*n & (*n - 1)) != 0) return parse_error("scrypt parameters that mean nothing");
  constexpr std::uint64_t kMost = EncryptedPem::kMaxScryptBytes / 128;
  if (*r > kMost || *n > kMost / *r || *p > EncryptedPem::kMaxScryptP) {
    return Error{ErrorCode::kLimit,
                 "encrypted key file: scrypt N=" + std::to_string(*n) + " r=" + std::to_string(*r) +
                     " p=" + std::to_string(*p) + " is above the limit of 32 MiB (N*r*128) and p=64",
                 "the file may come from someone who wants to exhaust this machine"};
  }
  return ScryptCost{*n, static_cast<std::uint32_t>(*r), static_cast<std::uint32_t>(*p)};
}

// AES-256-CBC with padding. Nothing if the padding is wrong.
std::optional<SecretBytes> aes_cbc(bool encrypt, ByteView input, const SecretBytes& key, const Bytes& iv) {
  const CipherContextPtr context(EVP_CIPHER_CTX_new());
  TENON_CHECK(context && EVP_CipherInit_ex2(context.get(), EVP_aes_256_cbc(), key.bytes(RevealSecret()).data(),
                                            iv.data(), encrypt ? 1 : 0, nullptr) == 1);
  SecretBytes output(input.size() + kBlockBytes);
  const std::span<std::uint8_t> out = output.writable(RevealSecret());
  int first = 0;
  int last = 0;
  TENON_CHECK(EVP_CipherUpdate(context.get(), out.data(), &first, input.data(), static_cast<int>(input.size())) == 1);
  if (EVP_CipherFinal_ex(context.get(), out.data() + first, &last) != 1) {
    ERR_clear_error();
    return std::nullopt;
  }
  output.shrink(static_cast<std::size_t>(first) + static_cast<std::size_t>(last));
  return output;
}

SecretBytes derive_key(const SecretBytes& passphrase, const Bytes& salt, const ScryptCost& cost) {
  SecretBytes key(kKeyBytes);
  const ByteView secret = passphrase.bytes(RevealSecret());
  const std::span<std::uint8_t> out = key.writable(RevealSecret());
  // libsodium's takes three quarters of the time of OpenSSL's.
  TENON_CHECK(crypto_pwhash_scryptsalsa208sha256_ll(secret.data(), secret.size(), salt.data(), salt.size(), cost.n,
                                                    cost.r, cost.p, out.data(), out.size()) == 0);
  return key;
}

Bytes random_bytes(std::size_t size) {
  Bytes bytes(size);
  randombytes_buf(bytes.data(), bytes.size());
  return bytes;
}

}  // namespace

Result<EncryptedPem> EncryptedPem::parse(ByteView file) {
  if (file.size() > kMaxFileBytes) {
    return Error{ErrorCode::kLimit, "encrypted key file: larger than " + std::to_string(kMaxFileBytes) + " bytes"};
  }
  TENON_TRY(const Bytes der, unwrap_pem(file));
  const unsigned char* at = der.data();
  const EncryptedInfoPtr info(d2i_X509_SIG(nullptr, &at, static_cast<long>(der.size())));
  if (!info || at != der.data() + der.size()) return parse_error("no EncryptedPrivateKeyInfo");
  const X509_ALGOR* scheme = nullptr;
  const ASN1_OCTET_STRING* ciphertext = nullptr;
  X509_SIG_get0(info.get(), &scheme, &ciphertext);
  if (!is_algorithm(scheme, NID_pbes2)) return parse_error("not encrypted with PBES2");

  const Pbe2Ptr pbes2(static_cast<PBE2PARAM*>(ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(PBE2PARAM), scheme->parameter)));
  if (!pbes2 || !is_algorithm(pbes2->keyfunc, NID_id_scrypt)) return parse_error("not derived with scrypt");
  if (!is_algorithm(pbes2->encryption, NID_aes_256_cbc)) return parse_error("not encrypted with AES-256-CBC");
  const ScryptPtr scrypt(
      static_cast<SCRYPT_PARAMS*>(ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(SCRYPT_PARAMS), pbes2->keyfunc->parameter)));
  if (!scrypt) return parse_error("no scrypt parameters");

  EncryptedPem pem;
  TENON_TRY(pem.cost_, checked_cost(*scrypt));
  if (scrypt->keyLength != nullptr && positive(scrypt->keyLength) != kKeyBytes) return parse_error("wrong key length");
  pem.salt_ = bytes_of(scrypt->salt);
  if (pem.salt_.size() < kMinSaltBytes || pem.salt_.size() > kMaxSaltBytes) return parse_error("wrong salt");
  const ASN1_TYPE* iv = pbes2->encryption->parameter;
  if (iv == nullptr || ASN1_TYPE_get(iv) != V_ASN1_OCTET_STRING) return parse_error("no initialisation vector");
  pem.iv_ = bytes_of(iv->value.octet_string);
  pem.ciphertext_ = bytes_of(ciphertext);
  if (pem.iv_.size() != kBlockBytes) return parse_error("wrong initialisation vector");
  if (pem.ciphertext_.empty() || pem.ciphertext_.size() % kBlockBytes != 0) return parse_error("wrong ciphertext");
  return pem;
}

EncryptedPem EncryptedPem::encrypt(const SecretBytes& plain, const SecretBytes& passphrase) {
  EncryptedPem pem;
  pem.salt_ = random_bytes(kSaltBytes);
  pem.iv_ = random_bytes(kBlockBytes);
  const SecretBytes key = derive_key(passphrase, pem.salt_, pem.cost_);
  const std::optional<SecretBytes> ciphertext = aes_cbc(true, plain.bytes(RevealSecret()), key, pem.iv_);
  TENON_CHECK(ciphertext.has_value());
  const ByteView bytes = ciphertext->bytes(RevealSecret());
  pem.ciphertext_ = Bytes(bytes.begin(), bytes.end());
  return pem;
}

Result<SecretBytes> EncryptedPem::decrypt(const SecretBytes& passphrase) const {
  const SecretBytes key = derive_key(passphrase, salt_, cost_);
  if (std::optional<SecretBytes> plain = aes_cbc(false, ciphertext_, key, iv_)) return *std::move(plain);
  return Error{ErrorCode::kAuth, "wrong passphrase"};
}

std::string EncryptedPem::text() const {
  Bytes salt = salt_;
  Bytes iv = iv_;
  const AlgorithmPtr scheme(
      PKCS5_pbe2_set_scrypt(EVP_aes_256_cbc(), salt.data(), size_of(salt), iv.data(), cost_.n, cost_.r, cost_.p));
  const EncryptedInfoPtr info(X509_SIG_new());
  TENON_CHECK(scheme && info);
  X509_ALGOR* scheme_place = nullptr;
  ASN1_OCTET_STRING* ciphertext_place = nullptr;
  X509_SIG_getm(info.get(), &scheme_place, &ciphertext_place);
  TENON_CHECK(X509_ALGOR_copy(scheme_place, scheme.get()) == 1);
  TENON_CHECK(ASN1_OCTET_STRING_set(ciphertext_place, ciphertext_.data(), size_of(ciphertext_)) == 1);

  const BioPtr bio(BIO_new(BIO_s_mem()));
  TENON_CHECK(bio && PEM_write_bio_PKCS8(bio.get(), info.get()) == 1);
  const char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return std::string(data, static_cast<std::size_t>(size));
}

}  // namespace tenon::hsm
