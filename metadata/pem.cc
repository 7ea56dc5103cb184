#include <tenon/metadata/pem.h>

#include <sodium.h>

namespace tenon::metadata {
namespace {

constexpr std::string_view kBegin = "-----BEGIN PUBLIC KEY-----";
constexpr std::string_view kEnd = "-----END PUBLIC KEY-----";

}  // namespace

std::optional<Bytes> der_of(std::string_view pem) {
  while (!pem.empty() && (pem.back() == '\n' || pem.back() == '\r')) pem.remove_suffix(1);
  if (pem.size() <= kBegin.size() + kEnd.size() || !pem.starts_with(kBegin) || !pem.ends_with(kEnd)) return {};
  pem.remove_prefix(kBegin.size());
  pem.remove_suffix(kEnd.size());
  Bytes der(pem.size());
  std::size_t size = 0;
  const int failed = sodium_base642bin(der.data(), der.size(), pem.data(), pem.size(), "\r\n", &size, nullptr,
                                       sodium_base64_VARIANT_ORIGINAL);
  if (failed != 0) return std::nullopt;
  der.resize(size);
  return der;
}

std::string pem_of(ByteView der) {
  std::string base64(sodium_base64_encoded_len(der.size(), sodium_base64_VARIANT_ORIGINAL), '\0');
  sodium_bin2base64(base64.data(), base64.size(), der.data(), der.size(), sodium_base64_VARIANT_ORIGINAL);
  base64.pop_back();  // the terminating zero that libsodium counts
  std::string pem(kBegin);
  for (std::size_t i = 0; i < base64.size(); i += 64) pem += "\n" + base64.substr(i, 64);
  return pem + "\n" + std::string(kEnd) + "\n";
}

}  // namespace tenon::metadata
