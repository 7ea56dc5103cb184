#include <tenon/hsm/token_key.h>
#include <tenon/hsm/token_signer.h>

#include <algorithm>

namespace tenon::hsm {
namespace {

Error another_key(const Token& token, const metadata::PublicKey& found, const metadata::PublicKey& expected) {
  return Error{ErrorCode::kPolicy, describe_token(token.info()) + ": " + token.uri().text() + " is key " +
                                       found.hash_keyid().brief() + ", not the expected " +
                                       expected.hash_keyid().brief() + "; nothing was signed"};
}

}  // namespace

Result<std::unique_ptr<TokenSigner>> TokenSigner::open(const Pkcs11Uri& uri, const TokenOptions& options,
                                                       const std::optional<metadata::PublicKey>& expected) {
  TENON_TRY(Token token, Token::find(uri, options, Token::Use::kRead));
  if (expected) {
    TENON_TRY(const std::vector<metadata::PublicKey> visible, token.visible_keys());
    if (!visible.empty() && std::ranges::find(visible, *expected) == visible.end()) {
      return another_key(token, visible.front(), *expected);
    }
  }
  TENON_TRY_VOID(token.login());
  TENON_TRY(Token::Key key, token.find_key());
  if (expected && key.public_key != *expected) return another_key(token, key.public_key, *expected);
  return std::unique_ptr<TokenSigner>(new TokenSigner(std::move(token), std::move(key)));
}

Result<Bytes> TokenSigner::sign(ByteView message) {
  return token_.sign(key_, mechanism_of(key_.public_key), message);
}

Result<Bytes> TokenSigner::try_mechanism(wire::Mechanism mechanism, ByteView message) {
  return token_.sign(key_, mechanism, message);
}

}  // namespace tenon::hsm
