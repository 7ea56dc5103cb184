#include <tenon/hsm/pkcs11_error.h>
#include <tenon/hsm/token.h>
#include <tenon/hsm/token_key.h>
#include <tenon/metadata/hex.h>

#include <algorithm>
#include <tuple>

namespace tenon::hsm {
namespace {

constexpr std::string_view kTestMessage = "tenon: the first signature of a new key";

wire::KeyQuery query_of(const Pkcs11Uri& uri) {
  return {uri.id, uri.object};
}

Result<SecretSource> pin_source(const Pkcs11Uri& uri, const TokenOptions& options) {
  if (options.pin) return *options.pin;
  if (uri.pin_source) return SecretSource::parse(*uri.pin_source).with_context("pin-source");
  return SecretSource::prompt();
}

bool is_same_token(const wire::TokenInfo& a, const wire::TokenInfo& b) {
  const auto identity = [](const wire::TokenInfo& token) {
    return std::tie(token.module, token.manufacturer, token.model, token.label, token.serial);
  };
  return identity(a) == identity(b);
}

Error does_not_verify(const metadata::PublicKey& key) {
  return Error{ErrorCode::kSig,
               "the signature just made by the token for key " + key.hash_keyid().brief() +
                   " does not verify; it was thrown away",
               "the token or its module is faulty: do not use it until that is understood"};
}

}  // namespace

std::optional<SecretBytes> TokenPins::find(const wire::TokenInfo& token) const {
  const auto kept = std::ranges::find_if(kept_, [&](const Kept& one) { return is_same_token(one.token, token); });
  if (kept == kept_.end()) return std::nullopt;
  return SecretBytes::copy_of(kept->pin.bytes(RevealSecret()));
}

void TokenPins::keep(const wire::TokenInfo& token, const SecretBytes& pin) {
  if (find(token)) return;
  kept_.push_back({token, SecretBytes::copy_of(pin.bytes(RevealSecret()))});
}

Result<Token> Token::find(const Pkcs11Uri& uri, const TokenOptions& options, Use use) {
  TENON_TRY(TokenProcess process, TokenProcess::start(options.module, uri.module_name));
  const wire::TokenList& list = process.tokens();
  Result<std::size_t> chosen = choose_token(uri, list);
  if (!chosen) {
    Error error = std::move(chosen).error();
    for (const wire::ModuleProblem& problem : list.problems) {
      error.message += "; module " + problem.module + ": " + pkcs11_error(problem.failure).message;
      error.hint = pkcs11_error(problem.failure).hint;
    }
    return error;
  }
  wire::TokenInfo info = list.tokens[*chosen];
  Token token(std::move(process), std::move(info), uri, options);
  TENON_TRY_VOID(token.check_flags().with_context(describe_token(token.info_)));
  TENON_TRY_VOID(token.process_.open_session(*chosen, use == Use::kWrite).with_context(describe_token(token.info_)));
  return token;
}

Result<void> Token::check_flags() const {
  if (info_.pin_locked) return pkcs11_error({"C_GetTokenInfo", 0xa4});  // CKR_PIN_LOCKED
  if (!info_.pin_set) return pkcs11_error({"C_GetTokenInfo", 0x102});   // CKR_USER_PIN_NOT_INITIALIZED
  if (info_.pin_final_try && !options_.last_try) {
    return Error{ErrorCode::kAuth, "one wrong PIN more locks the token; none was asked for",
                 "be sure of the PIN, then use --last-try; or unlock the token first (vendor's program)"};
  }
  if (!options_.warn) return {};
  if (info_.pin_final_try)
    options_.warn(describe_token(info_) + ": this is the last try: a wrong PIN locks it");
  else if (info_.pin_count_low)
    options_.warn(describe_token(info_) + ": a wrong PIN was given before; few tries are left");
  return {};
}

Result<void> Token::login() {
  if (login_tried_) return Error{ErrorCode::kAuth, "a PIN was sent already; it is not sent twice", "start again"};
  SecretBytes pin;
  if (info_.pin_pad) {
    if (options_.warn) options_.warn(describe_token(info_) + ": type the PIN on the token itself");
  } else if (std::optional<SecretBytes> taken = options_.pins->find(info_)) {
    pin = *std::move(taken);
  } else {
    TENON_TRY(const SecretSource source, pin_source(uri_, options_));
    TENON_TRY(pin, source.read("PIN of " + describe_token(info_), "--pin-from"));
  }
  login_tried_ = true;
  Result<void> done = process_.login(pin);
  if (!done) return explain_failed_login(std::move(done).error()).context(describe_token(info_));
  options_.pins->keep(info_, pin);
  pin_ = std::move(pin);
  return {};
}

Error Token::explain_failed_login(Error error) {
  if (error.code != ErrorCode::kAuth) return error;
  const Result<wire::TokenList> now = process_.refresh_tokens();
  if (!now) return error;
  const auto same = std::ranges::find_if(now->tokens, [&](const wire::TokenInfo& token) {
    return token.module == info_.module && token.label == info_.label && token.serial == info_.serial;
  });
  if (same == now->tokens.end()) return error;
  if (same->pin_locked)
    error.message += "; the token is locked now";
  else if (same->pin_final_try)
    error.message += "; ONE try is left, then the token locks";
  else if (same->pin_count_low)
    error.message += "; few tries are left";
  return error;
}

Result<std::vector<metadata::PublicKey>> Token::visible_keys() {
  TENON_TRY(const wire::KeyList list, process_.keys(query_of(uri_)).with_context(describe_token(info_)));
  std::vector<metadata::PublicKey> keys;
  for (const wire::KeyObject& object : list.keys) {
    Result<metadata::PublicKey> key = public_key_of(object);
    if (!object.is_private && key) keys.push_back(*std::move(key));
  }
  return keys;
}

Result<Token::Key> Token::find_key() {
  const std::string where = describe_token(info_);
  TENON_TRY(wire::KeyList list, process_.keys(query_of(uri_)).with_context(where));
  TENON_TRY(KeyPair pair, choose_key(uri_, list).with_context(where));
  const Bytes id = list.keys[pair.private_key].id;
  if (!pair.public_key && !id.empty()) {  // the halves may have different labels
    TENON_TRY(list, process_.keys({id, std::nullopt}).with_context(where));
    TENON_TRY(pair, choose_key(uri_, list).with_context(where));
  }
  TENON_TRY(Key key, key_of(list, pair).with_context(where));
  if (!key.facts.always_authenticate) pin_.reset();
  return key;
}

Result<Token::Key> Token::key_of(const wire::KeyList& list, const KeyPair& pair) const {
  const wire::KeyObject& half = list.keys[pair.private_key];
  TENON_TRY(metadata::PublicKey key,
            public_key_of(pair.public_key ? list.keys[*pair.public_key] : half).with_context(describe_key(half)));
  TokenFacts facts{.label = info_.label,
                   .manufacturer = info_.manufacturer,
                   .model = info_.model,
                   .serial = info_.serial,
                   .key_id = half.id,
                   .local = half.local,
                   .never_extractable = half.never_extractable,
                   .always_authenticate = half.always_authenticate};
  if (facts.key_id.size() > TokenFacts::kMaxKeyIdBytes) {
    return Error{ErrorCode::kLimit,
                 "the key's id is longer than " + std::to_string(TokenFacts::kMaxKeyIdBytes) + " bytes"};
  }
  return Key{pair.private_key, std::move(key), std::move(facts)};
}

Result<Bytes> Token::sign(const Key& key, wire::Mechanism mechanism, ByteView message) {
  const bool wants_pin = key.facts.always_authenticate && !info_.pin_pad;
  if (wants_pin && !pin_) {
    return Error{ErrorCode::kAuth, describe_token(info_) + ": signing failed before, and the PIN is not sent again",
                 "start again"};
  }
  Result<Bytes> made =
      process_.sign(mechanism, key.number, token_input(mechanism, message), wants_pin ? &*pin_ : nullptr)
          .with_context(describe_token(info_));
  if (!made) {
    pin_.reset();  // after any failure: a PIN that is refused is never sent again
    return made;
  }
  TENON_TRY(Bytes signature, tuf_signature(mechanism, *made));
  if (key.public_key.verify(message, signature)) return signature;
  return does_not_verify(key.public_key);
}

Result<void> Token::check_free(const wire::KeyQuery& query) {
  TENON_TRY(const wire::KeyList list, process_.keys(query));
  for (const wire::KeyObject& key : list.keys) {
    if ((query.id && key.id == *query.id) || (query.label && key.label == *query.label)) {
      return Error{ErrorCode::kPolicy, "the token has " + describe_key(key) + " already; nothing is overwritten",
                   "choose another id= or object="};
    }
  }
  return {};
}

Result<Token::Key> Token::generate(KeyType type, const std::string& label, const Bytes& id, bool always_authenticate) {
  const std::string where = describe_token(info_);
  if (type == KeyType::kMlDsa65) {
    return Error{ErrorCode::kPolicy, "keys of ml-dsa-65 are not made in tokens yet, but in files alone",
                 "leave --token out, or take --type ecdsa-p256"};
  }
  TENON_TRY_VOID(check_free({id, std::nullopt}).with_context(where));
  TENON_TRY_VOID(check_free({std::nullopt, label}).with_context(where));
  TENON_TRY(const wire::KeyList made, process_.generate({type, id, label, always_authenticate}).with_context(where));
  const auto checked = [&]() -> Result<Key> {
    if (made.keys.size() != 2 || !made.keys[0].is_private || made.keys[1].is_private || made.keys[0].id != id ||
        made.keys[1].id != id) {
      return Error{ErrorCode::kHw, where + ": the new key is not the one that was asked for"};
    }
    TENON_TRY(Key key, key_of(made, {0, 1}).with_context(where));
    TENON_TRY_VOID(sign(key, mechanism_of(key.public_key), as_bytes(kTestMessage)));
    return key;
  }();
  if (checked) return checked;
  Error error = checked.error();
  error.message += process_.destroy_generated() ? "; the new key was removed again"
                                                : "; the new key may still be in the token: remove id " + to_hex(id);
  return error;
}

}  // namespace tenon::hsm
