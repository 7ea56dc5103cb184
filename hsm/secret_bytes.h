// SecretBytes: passphrases, PINs and private keys in memory. libsodium's guarded allocation: locked where the system
// allows it, kept out of core dumps, wiped when it ends. It moves, is never copied, has no operator<<, and compares in
// constant time. Who reads it says so with a token, so that one search finds every reader.
// Thread: a value; not shared.
//
//   SecretBytes seed = SecretBytes::random(32);
//   use(seed.bytes(RevealSecret()));
#pragma once

#include <tenon/metadata/bytes.h>

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>

namespace tenon::hsm {

// RevealSecret is the token; look for it to see who reads secrets.
struct RevealSecret {
  explicit RevealSecret() = default;
};

class SecretBytes {
 public:
  SecretBytes() : SecretBytes(0) {}
  // SecretBytes makes that many zero bytes. Pre: init_crypto().
  explicit SecretBytes(std::size_t size);
  static SecretBytes random(std::size_t size);
  // copy_of takes over what already lies in memory that is not ours to wipe.
  static SecretBytes copy_of(ByteView bytes);

  // What was moved from is empty.
  SecretBytes(SecretBytes&& other) noexcept;
  SecretBytes& operator=(SecretBytes&& other) noexcept;

  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  ByteView bytes(RevealSecret) const { return {bytes_.get(), size_}; }
  std::string_view text(RevealSecret token) const { return as_text(bytes(token)); }
  std::span<std::uint8_t> writable(RevealSecret) { return {bytes_.get(), size_}; }

  // shrink wipes what is beyond the new size. Pre: not larger than size().
  void shrink(std::size_t size);
  // operator== takes the same time wherever the difference is; only sizes are told apart early.
  bool operator==(const SecretBytes& other) const;

 private:
  struct Wipe {
    void operator()(std::uint8_t* bytes) const;
  };
  std::unique_ptr<std::uint8_t, Wipe> bytes_;
  std::size_t size_;
};

}  // namespace tenon::hsm
