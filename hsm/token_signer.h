// TokenSigner: a Signer whose private key is in a PKCS#11 token. The module's process lives as long as the signer.
// Thread: one.
#pragma once

#include <tenon/hsm/key_file.h>
#include <tenon/hsm/signer.h>
#include <tenon/hsm/token.h>

#include <memory>

namespace tenon::hsm {

class TokenSigner final : public Signer {
 public:
  // open finds the token and the key, and logs in. expected is the key that it must be: as far as the token shows it,
  // compared before the PIN is asked for, and always before anything is signed.
  // Errors: those of Token; E_POLICY if it is another key than expected.
  static Result<std::unique_ptr<TokenSigner>> open(const Pkcs11Uri& uri, const TokenOptions& options,
                                                   const std::optional<metadata::PublicKey>& expected = {});

  const metadata::PublicKey& public_key() const override { return key_.public_key; }
  Result<Bytes> sign(ByteView message) override;

  const TokenFacts& facts() const { return key_.facts; }
  // try_mechanism is sign() in another way, to see what the token can.
  Result<Bytes> try_mechanism(wire::Mechanism mechanism, ByteView message);

 private:
  TokenSigner(Token token, Token::Key key) : token_(std::move(token)), key_(std::move(key)) {}
  Token token_;
  Token::Key key_;
};

}  // namespace tenon::hsm
