#include <algorithm>
#include <array>
#include <map>
#include <string>
#include <unordered_map>
#include <utility>

#include <fuzz/signature_memo.h>
#include <sodium.h>

using PublicKeyBytes = std::array<unsigned char, crypto_sign_PUBLICKEYBYTES>;
using SecretKeyBytes = std::array<unsigned char, crypto_sign_SECRETKEYBYTES>;
using SignatureBytes = std::array<unsigned char, crypto_sign_BYTES>;

extern "C" {
int __real_crypto_sign_verify_detached(const unsigned char* signature, const unsigned char* message,
                                       unsigned long long size, const unsigned char* public_key);
int __real_crypto_sign_detached(unsigned char* signature, unsigned long long* signature_size,
                                const unsigned char* message, unsigned long long size, const unsigned char* secret_key);
int __real_crypto_sign_seed_keypair(unsigned char* public_key, unsigned char* secret_key, const unsigned char* seed);
int __wrap_crypto_sign_verify_detached(const unsigned char* signature, const unsigned char* message,
                                       unsigned long long size, const unsigned char* public_key);
int __wrap_crypto_sign_detached(unsigned char* signature, unsigned long long* signature_size,
                                const unsigned char* message, unsigned long long size, const unsigned char* secret_key);
int __wrap_crypto_sign_seed_keypair(unsigned char* public_key, unsigned char* secret_key, const unsigned char* seed);
}

namespace tenon::fuzz {
namespace {

constexpr std::size_t kMaxBytes = 64u << 20;  // of keys in one table; then it starts again

std::string joined(ByteView a, ByteView b, ByteView c = {}) {
  std::string all;
  all.reserve(a.size() + b.size() + c.size());
  for (const ByteView part : {a, b, c}) all.append(part.begin(), part.end());
  return all;
}

template <class Value>
class Memo {
 public:
  template <class Compute>
  Value get(std::string key, const Compute& compute) {
    if (const auto known = table_.find(key); known != table_.end()) return known->second;
    if (bytes_ > kMaxBytes) {
      table_.clear();
      bytes_ = 0;
    }
    bytes_ += key.size();
    return table_.emplace(std::move(key), compute()).first->second;
  }

 private:
  std::unordered_map<std::string, Value> table_;
  std::size_t bytes_ = 0;
};

// By public key and message. A message is kept whole: the ledger must not depend on a digest of ours.
struct Ledger {
  std::map<std::string, SignatureBytes> kept;
  std::map<std::string, SignatureBytes> of_this_run;
};

Ledger& ledger() {
  static Ledger all;
  return all;
}

}  // namespace

void start_ledger() {
  ledger().of_this_run.clear();
}

void keep_ledger() {
  ledger().kept.merge(ledger().of_this_run);
}

std::optional<Bytes> ledger_signature(ByteView public_key, ByteView message) {
  const std::string key = joined(public_key, message);
  for (const auto* entries : {&ledger().of_this_run, &ledger().kept}) {
    if (const auto at = entries->find(key); at != entries->end()) return Bytes(at->second.begin(), at->second.end());
  }
  return std::nullopt;
}

}  // namespace tenon::fuzz

using tenon::ByteView;
using tenon::fuzz::joined;
using tenon::fuzz::Memo;

int __wrap_crypto_sign_verify_detached(const unsigned char* signature, const unsigned char* message,
                                       unsigned long long size, const unsigned char* public_key) {
  static Memo<int> memo;
  return memo.get(
      joined({public_key, crypto_sign_PUBLICKEYBYTES}, {signature, crypto_sign_BYTES}, {message, std::size_t{size}}),
      [&] { return __real_crypto_sign_verify_detached(signature, message, size, public_key); });
}

int __wrap_crypto_sign_detached(unsigned char* signature, unsigned long long* signature_size,
                                const unsigned char* message, unsigned long long size,
                                const unsigned char* secret_key) {
  static Memo<SignatureBytes> memo;
  const SignatureBytes made =
      memo.get(joined({secret_key, crypto_sign_SECRETKEYBYTES}, {message, std::size_t{size}}), [&] {
        SignatureBytes fresh{};
        if (__real_crypto_sign_detached(fresh.data(), nullptr, message, size, secret_key) != 0) std::abort();
        return fresh;
      });
  std::ranges::copy(made, signature);
  if (signature_size != nullptr) *signature_size = made.size();
  // The second half of a secret key is the public key.
  tenon::fuzz::ledger().of_this_run.insert_or_assign(
      joined({secret_key + crypto_sign_SEEDBYTES, crypto_sign_PUBLICKEYBYTES}, {message, std::size_t{size}}), made);
  return 0;
}

int __wrap_crypto_sign_seed_keypair(unsigned char* public_key, unsigned char* secret_key, const unsigned char* seed) {
  static Memo<std::pair<PublicKeyBytes, SecretKeyBytes>> memo;
  const auto made = memo.get(joined({seed, crypto_sign_SEEDBYTES}, {}), [&] {
    std::pair<PublicKeyBytes, SecretKeyBytes> fresh;
    if (__real_crypto_sign_seed_keypair(fresh.first.data(), fresh.second.data(), seed) != 0) std::abort();
    return fresh;
  });
  std::ranges::copy(made.first, public_key);
  std::ranges::copy(made.second, secret_key);
  return 0;
}
