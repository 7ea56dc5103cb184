#include <tenon/hsm/key_type.h>
#include <tenon/metadata/utf8.h>

namespace tenon::hsm {

std::string_view to_string(KeyType type) {
  switch (type) {
    case KeyType::kEd25519: return "ed25519";
    case KeyType::kEcdsaP256: return "ecdsa-p256";
    case KeyType::kRsa3072: return "rsa-3072";
    case KeyType::kMlDsa65: return "ml-dsa-65";
  }
  return "";
}

Result<KeyType> parse_key_type(std::string_view text) {
  for (KeyType type : {KeyType::kEd25519, KeyType::kEcdsaP256, KeyType::kRsa3072, KeyType::kMlDsa65}) {
    if (text == to_string(type)) return type;
  }
  return Error{ErrorCode::kUsage,
               "key type \"" + printable(text, 40) + "\" is not ed25519, ecdsa-p256, rsa-3072 or ml-dsa-65"};
}

}  // namespace tenon::hsm
