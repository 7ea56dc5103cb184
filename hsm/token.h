// Token: the one token that a URI means, found before any PIN is asked for, and asked for its PIN once.
// Thread: one.
#pragma once

#include <tenon/hsm/pkcs11_uri.h>
#include <tenon/hsm/secret_source.h>
#include <tenon/hsm/token_choice.h>
#include <tenon/hsm/token_facts.h>
#include <tenon/hsm/token_process.h>
#include <tenon/metadata/public_key.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace tenon::hsm {

// TokenPins has the PINs that tokens have taken, so that a person is asked once for each token, however many of its keys
// are opened. Two are one token when module, manufacturer, model, label and serial are the same. Thread: one.
class TokenPins {
 public:
  // find gives a copy; nothing for a token that has taken none yet.
  std::optional<SecretBytes> find(const wire::TokenInfo& token) const;
  // keep Pre: the token took the PIN.
  void keep(const wire::TokenInfo& token, const SecretBytes& pin);

 private:
  struct Kept {
    wire::TokenInfo token;
    SecretBytes pin;
  };
  std::vector<Kept> kept_;
};

struct TokenOptions {
  ModuleOptions module = {};
  std::optional<SecretSource> pin = {};                             // absent: pin-source of the URI, or a prompt
  std::shared_ptr<TokenPins> pins = std::make_shared<TokenPins>();  // all copies of these options share it
  bool last_try = false;  // send the PIN although a wrong one would lock the token
  // Told what a person should know before the PIN is asked for.
  std::function<void(const std::string&)> warn = {};
};

class Token {
 public:
  enum class Use { kRead, kWrite };

  // find identifies the token and opens a session. Errors: those of choose_token and TokenProcess; E_AUTH for a token
  // that is locked or would be by one wrong PIN.
  static Result<Token> find(const Pkcs11Uri& uri, const TokenOptions& options, Use use);

  // login asks for the PIN and sends it, once in the life of this object; a second call is an error.
  // Errors: those of SecretSource; E_AUTH for a wrong PIN, with how many tries the token says are left; E_HW.
  Result<void> login();

  // A key pair, its public half read and its facts.
  struct Key {
    std::size_t number;  // of the private key, for sign()
    metadata::PublicKey public_key;
    TokenFacts facts;
  };
  // find_key Errors: those of choose_key and public_key_of.
  Result<Key> find_key();
  // visible_keys gives the public keys that fit the URI, as far as the token shows them (before login, often all).
  Result<std::vector<metadata::PublicKey>> visible_keys();

  // sign gives a verified signature in TUF's spelling. Errors: E_SIG if what the token made does not verify.
  Result<Bytes> sign(const Key& key, wire::Mechanism mechanism, ByteView message);

  // generate makes a key pair, reads it back, and signs with it once. On an error nothing is left in the token.
  // Errors: E_POLICY if the id or the label is taken; E_SIG if the new key does not sign; those of the token.
  Result<Key> generate(KeyType type, const std::string& label, const Bytes& id, bool always_authenticate);
  Result<void> destroy_generated() { return process_.destroy_generated(); }

  const wire::TokenInfo& info() const { return info_; }
  const Pkcs11Uri& uri() const { return uri_; }

 private:
  Token(TokenProcess process, wire::TokenInfo info, Pkcs11Uri uri, const TokenOptions& options)
      : process_(std::move(process)), info_(std::move(info)), uri_(std::move(uri)), options_(options) {}
  Result<void> check_flags() const;
  Error explain_failed_login(Error error);
  Result<Key> key_of(const wire::KeyList& list, const KeyPair& pair) const;
  Result<void> check_free(const wire::KeyQuery& query);

  TokenProcess process_;
  wire::TokenInfo info_;
  Pkcs11Uri uri_;
  TokenOptions options_;
  bool login_tried_ = false;
  std::optional<SecretBytes> pin_;  // kept only while keys may want it for each signature
};

}  // namespace tenon::hsm
