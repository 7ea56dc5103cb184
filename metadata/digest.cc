#include <tenon/metadata/digest.h>
#include <tenon/metadata/hex.h>

#include <algorithm>
#include <type_traits>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <sodium.h>

namespace tenon {
namespace {

template <class Digest>
Result<Digest> parse_digest(std::string_view hex, std::string_view name) {
  std::optional<Bytes> bytes = from_hex(hex);
  Digest digest;
  if (!bytes || bytes->size() != digest.bytes.size()) {
    return Error{ErrorCode::kParse, std::string(name) + " digest is not " + std::to_string(digest.bytes.size() * 2) +
                                        " lower-case hex digits"};
  }
  std::ranges::copy(*bytes, digest.bytes.begin());
  return digest;
}

// Looked up once for the life of the process: OpenSSL 3 takes longer to look one up than to hash a short text.
template <class Digest>
const EVP_MD* algorithm() {
  constexpr const char* kName = std::is_same_v<Digest, Sha256> ? "SHA256" : "SHA512";
  static const EVP_MD* const found = EVP_MD_fetch(nullptr, kName, nullptr);
  TENON_CHECK(found != nullptr);
  return found;
}

template <class Digest>
Digest digest_of(ByteView data) {
  Digest digest;
  TENON_CHECK(EVP_Digest(data.data(), data.size(), digest.bytes.data(), nullptr, algorithm<Digest>(), nullptr) == 1);
  return digest;
}

}  // namespace

Result<Sha256> Sha256::parse(std::string_view hex) {
  return parse_digest<Sha256>(hex, "sha256");
}
Result<Sha512> Sha512::parse(std::string_view hex) {
  return parse_digest<Sha512>(hex, "sha512");
}

Sha256 Sha256::of(ByteView data) {
  return digest_of<Sha256>(data);
}

Sha512 Sha512::of(ByteView data) {
  return digest_of<Sha512>(data);
}

std::string Sha256::hex() const {
  return to_hex(bytes);
}
std::string Sha512::hex() const {
  return to_hex(bytes);
}

template <class Digest>
struct Hasher<Digest>::State {
  struct Free {
    void operator()(EVP_MD_CTX* md) const { EVP_MD_CTX_free(md); }
  };
  std::unique_ptr<EVP_MD_CTX, Free> context{EVP_MD_CTX_new()};

  void start() { TENON_CHECK(context && EVP_DigestInit_ex(context.get(), algorithm<Digest>(), nullptr) == 1); }
};

template <class Digest>
Hasher<Digest>::Hasher() : state_(std::make_unique<State>()) {
  state_->start();
}
template <class Digest>
Hasher<Digest>::~Hasher() = default;
template <class Digest>
Hasher<Digest>::Hasher(Hasher&&) noexcept = default;
template <class Digest>
Hasher<Digest>& Hasher<Digest>::operator=(Hasher&&) noexcept = default;

template <class Digest>
void Hasher<Digest>::update(ByteView data) {
  TENON_CHECK(EVP_DigestUpdate(state_->context.get(), data.data(), data.size()) == 1);
}

template <class Digest>
Digest Hasher<Digest>::finish() {
  Digest digest;
  TENON_CHECK(EVP_DigestFinal_ex(state_->context.get(), digest.bytes.data(), nullptr) == 1);
  state_->start();
  return digest;
}

template class Hasher<Sha256>;
template class Hasher<Sha512>;

void init_crypto() {
  TENON_CHECK(OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, nullptr) == 1);
  TENON_CHECK(sodium_init() >= 0);
}

}  // namespace tenon
