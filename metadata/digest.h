// Digests: what a file's bytes hash to. SHA-256 everywhere; SHA-512 is understood when others list it.
// Thread: values are plain; a Hasher belongs to one thread.
#pragma once

#include <tenon/metadata/bytes.h>
#include <tenon/metadata/result.h>

#include <array>
#include <compare>
#include <memory>
#include <string>
#include <string_view>

namespace tenon {

// Sha256 is one SHA-256 digest (FIPS 180-4), 32 bytes.
struct Sha256 {
  std::array<std::uint8_t, 32> bytes{};

  // parse reads 64 lower-case hex digits. Errors: E_PARSE.
  static Result<Sha256> parse(std::string_view hex);
  static Sha256 of(ByteView data);
  std::string hex() const;
  auto operator<=>(const Sha256&) const = default;
};

// Sha512 is one SHA-512 digest, 64 bytes.
struct Sha512 {
  std::array<std::uint8_t, 64> bytes{};

  static Result<Sha512> parse(std::string_view hex);
  static Sha512 of(ByteView data);
  std::string hex() const;
  auto operator<=>(const Sha512&) const = default;
};

// Hasher digests data that arrives in pieces.
template <class Digest>
class Hasher {
 public:
  Hasher();
  ~Hasher();
  Hasher(Hasher&&) noexcept;
  Hasher& operator=(Hasher&&) noexcept;

  void update(ByteView data);
  // finish gives the digest of all data so far; the hasher then starts again from nothing.
  Digest finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

using Sha256Hasher = Hasher<Sha256>;
using Sha512Hasher = Hasher<Sha512>;

// init_crypto starts OpenSSL without reading openssl.cnf, and libsodium. Every main() and fuzzer calls it first.
void init_crypto();

}  // namespace tenon
