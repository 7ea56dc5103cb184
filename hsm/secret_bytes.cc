#include <tenon/hsm/secret_bytes.h>
#include <tenon/metadata/check.h>

#include <algorithm>
#include <utility>

#include <sodium.h>

namespace tenon::hsm {

SecretBytes::SecretBytes(std::size_t size) : bytes_(static_cast<std::uint8_t*>(sodium_malloc(size))), size_(size) {
  TENON_CHECK(bytes_ != nullptr);
  if (size > 0) sodium_memzero(bytes_.get(), size);  // libsodium fills with 0xdb
}

SecretBytes::SecretBytes(SecretBytes&& other) noexcept
    : bytes_(std::move(other.bytes_)), size_(std::exchange(other.size_, 0)) {}

SecretBytes& SecretBytes::operator=(SecretBytes&& other) noexcept {
  bytes_ = std::move(other.bytes_);
  size_ = std::exchange(other.size_, 0);
  return *this;
}

SecretBytes SecretBytes::random(std::size_t size) {
  SecretBytes secret(size);
  randombytes_buf(secret.bytes_.get(), size);
  return secret;
}

SecretBytes SecretBytes::copy_of(ByteView bytes) {
  SecretBytes secret(bytes.size());
  std::ranges::copy(bytes, secret.bytes_.get());
  return secret;
}

void SecretBytes::shrink(std::size_t size) {
  TENON_CHECK(size <= size_);
  if (size < size_) sodium_memzero(bytes_.get() + size, size_ - size);
  size_ = size;
}

bool SecretBytes::operator==(const SecretBytes& other) const {
  return size_ == other.size_ && sodium_memcmp(bytes_.get(), other.bytes_.get(), size_) == 0;
}

void SecretBytes::Wipe::operator()(std::uint8_t* bytes) const {
  sodium_free(bytes);
}

}  // namespace tenon::hsm
