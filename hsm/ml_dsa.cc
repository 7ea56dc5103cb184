#include <tenon/hsm/ml_dsa.h>
#include <tenon/hsm/openssl_ptr.h>
#include <tenon/metadata/key_scheme.h>

#include <openssl/crypto.h>

namespace tenon::hsm {
namespace {

constexpr const char* kAlgorithm = "ML-DSA-65";
constexpr const char* kSeed = "seed";  // OSSL_PKEY_PARAM_ML_DSA_SEED, which older headers do not have
constexpr std::size_t kSignatureBytes = 3309;

KeyContextPtr new_context() {
  return KeyContextPtr(EVP_PKEY_CTX_new_from_name(nullptr, kAlgorithm, nullptr));
}

// Null if OpenSSL refuses.
PkeyPtr private_key(const SecretBytes& seed) {
  const ByteView bytes = seed.bytes(RevealSecret());
  const KeyContextPtr context = new_context();
  const ParamBuilderPtr builder(OSSL_PARAM_BLD_new());
  if (!context || !builder || OSSL_PARAM_BLD_push_octet_string(builder.get(), kSeed, bytes.data(), bytes.size()) != 1) {
    return nullptr;
  }
  const ParamsPtr params(OSSL_PARAM_BLD_to_param(builder.get()));
  EVP_PKEY* key = nullptr;
  if (!params || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_KEYPAIR, params.get()) != 1) {
    return nullptr;
  }
  return PkeyPtr(key);
}

}  // namespace

Result<void> check_ml_dsa() {
  if (new_context()) return {};
  return Error{ErrorCode::kPolicy,
               std::string("keys of ml-dsa-65 need OpenSSL 3.5 or later; this machine has ") +
                   OpenSSL_version(OPENSSL_VERSION_STRING),
               "take ed25519, or sign on a machine with a newer OpenSSL"};
}

Result<Bytes> ml_dsa_65_spki(const SecretBytes& seed) {
  TENON_TRY_VOID(check_ml_dsa());
  const PkeyPtr key = private_key(seed);
  unsigned char* der = nullptr;
  const int size = key ? i2d_PUBKEY(key.get(), &der) : 0;
  if (size <= 0) return Error{ErrorCode::kParse, "not a seed of ML-DSA-65"};
  Bytes spki(der, der + size);
  OPENSSL_free(der);
  return spki;
}

Result<Bytes> ml_dsa_65_sign(const SecretBytes& seed, ByteView message) {
  TENON_TRY_VOID(check_ml_dsa());
  const PkeyPtr key = private_key(seed);
  const DigestContextPtr context(EVP_MD_CTX_new());
  const Bytes input = metadata::ml_dsa_input(message);
  Bytes signature(kSignatureBytes);
  std::size_t size = signature.size();
  if (key && context && EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key.get()) == 1 &&
      EVP_DigestSign(context.get(), signature.data(), &size, input.data(), input.size()) == 1 &&
      size == kSignatureBytes) {
    return signature;
  }
  return Error{ErrorCode::kSig, "OpenSSL could not sign with the ML-DSA-65 key"};
}

}  // namespace tenon::hsm
