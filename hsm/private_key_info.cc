#include <tenon/hsm/private_key_info.h>

#include <algorithm>
#include <array>

namespace tenon::hsm {
namespace {

// SEQUENCE { 0, { ed25519 }, OCTET STRING { OCTET STRING of 32 bytes } }
constexpr std::array<std::uint8_t, 16> kEd25519Head = {0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06,
                                                       0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20};

// SEQUENCE { 0, { ecPublicKey, prime256v1 }, OCTET STRING { SEQUENCE { 1, OCTET STRING of 32 bytes, kP256Middle } } }
constexpr std::array<std::uint8_t, 36> kP256Head = {
    0x30, 0x81, 0x87, 0x02, 0x01, 0x00, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06,
    0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x04, 0x6d, 0x30, 0x6b, 0x02, 0x01, 0x01, 0x04, 0x20};
// [1] { BIT STRING of the 65 bytes of the point }
constexpr std::array<std::uint8_t, 5> kP256Middle = {0xa1, 0x44, 0x03, 0x42, 0x00};

// SEQUENCE { 0, { id-ml-dsa-65 }, OCTET STRING { [0] the seed of 32 bytes } } (RFC 9881)
constexpr std::array<std::uint8_t, 22> kMlDsa65Head = {0x30, 0x34, 0x02, 0x01, 0x00, 0x30, 0x0b, 0x06,
                                                       0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04,
                                                       0x03, 0x12, 0x04, 0x22, 0x80, 0x20};

constexpr std::size_t kMlDsa65Bytes = kMlDsa65Head.size() + kPrivateKeyBytes;
constexpr std::size_t kEd25519Bytes = kEd25519Head.size() + kPrivateKeyBytes;
constexpr std::size_t kP256Bytes = kP256Head.size() + kPrivateKeyBytes + kP256Middle.size() + 65;

bool has_head(ByteView der, ByteView head, std::size_t size) {
  return der.size() == size && std::ranges::equal(der.first(head.size()), head);
}

SecretBytes join(std::initializer_list<ByteView> parts) {
  std::size_t size = 0;
  for (ByteView part : parts) size += part.size();
  SecretBytes whole(size);
  auto at = whole.writable(RevealSecret()).begin();
  for (ByteView part : parts) at = std::ranges::copy(part, at).out;
  return whole;
}

}  // namespace

SecretBytes encode_private_key_info(const PrivateKey& key, ByteView public_key) {
  const ByteView secret = key.secret.bytes(RevealSecret());
  switch (key.type) {
    case KeyType::kEd25519: return join({kEd25519Head, secret});
    case KeyType::kEcdsaP256: return join({kP256Head, secret, kP256Middle, public_key});
    case KeyType::kMlDsa65: return join({kMlDsa65Head, secret});
    case KeyType::kRsa3072: break;
  }
  return {};
}

std::optional<PrivateKey> decode_private_key_info(const SecretBytes& der) {
  const ByteView bytes = der.bytes(RevealSecret());
  const auto secret_after = [&](ByteView head) {
    return SecretBytes::copy_of(bytes.subspan(head.size(), kPrivateKeyBytes));
  };
  if (has_head(bytes, kEd25519Head, kEd25519Bytes)) return PrivateKey{KeyType::kEd25519, secret_after(kEd25519Head)};
  if (has_head(bytes, kP256Head, kP256Bytes)) return PrivateKey{KeyType::kEcdsaP256, secret_after(kP256Head)};
  if (has_head(bytes, kMlDsa65Head, kMlDsa65Bytes)) return PrivateKey{KeyType::kMlDsa65, secret_after(kMlDsa65Head)};
  return std::nullopt;
}

}  // namespace tenon::hsm
