// Keys and signatures. An input that begins with '{' or '[' is one key object or several, then a zero byte, one byte
// with the size of a signature, the signature, and the message: whatever it is, nothing crashes, and keys of one
// material give one verdict. Any other input is a program for keys whose secrets we have: their signatures verify, and
// with one thing changed they do not.
#include <tenon/metadata/check.h>
#include <tenon/metadata/hex.h>
#include <tenon/metadata/public_key.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <vector>

#include <fuzz/byte_program.h>
#include <openssl/bn.h>
#include <openssl/ecdsa.h>
#include <sodium.h>
#include <tests/support/test_key.h>

using tenon::Bytes;
using tenon::ByteView;
using tenon::fuzz::ByteProgram;
using tenon::metadata::PublicKey;
using tenon::tests::KeyKind;
using tenon::tests::TestKey;
namespace json = tenon::json;

namespace {

constexpr KeyKind kKinds[] = {KeyKind::kEd25519, KeyKind::kP256, KeyKind::kP384, KeyKind::kRsa};

struct OwnKey {
  KeyKind kind;
  TestKey key;
};

// The spelling of ECDSA keys before 1.0: the curve for a keytype, the point in hex.
TestKey as_hex_point(const TestKey& key) {
  json::Object object = *key.public_key().value().object();
  json::Object keyval;
  keyval.set("public", tenon::to_hex(key.public_key().material()->key));
  object.set("keytype", key.public_key().scheme());
  object.set("keyval", std::move(keyval));
  return key.spelled(object);
}

const std::vector<OwnKey>& own_keys() {
  static const std::vector<OwnKey> kKeys = [] {
    std::vector<OwnKey> keys;
    for (const KeyKind kind : kKinds) {
      for (const std::uint32_t number : {1u, 2u}) keys.push_back({kind, TestKey(number, kind)});
    }
    for (std::size_t i = 0, count = keys.size(); i < count; ++i) {
      if (keys[i].kind != KeyKind::kP256 && keys[i].kind != KeyKind::kP384) continue;
      keys.push_back({keys[i].kind, as_hex_point(keys[i].key)});
      TENON_CHECK(keys.back().key.public_key().material() == keys[i].key.public_key().material());
    }
    return keys;
  }();
  return kKeys;
}

// The same key with a member that nobody knows: another keyid, the same material.
PublicKey spelled_otherwise(const PublicKey& key) {
  json::Object object = *key.value().object();
  const json::Value* old = object.find("x-fuzz");
  object.set("x-fuzz", old == nullptr ? json::Value(true) : json::Value(json::Array{*old}));
  const tenon::Result<PublicKey> other = PublicKey::parse(object);
  TENON_CHECK(other && other->material() == key.material());
  TENON_CHECK(other->hash_keyid() != key.hash_keyid());
  return *other;
}

std::vector<PublicKey> parsed(const json::Value& value) {
  std::vector<PublicKey> keys;
  const json::Array one = {value};
  for (const json::Value& entry : value.array() != nullptr ? *value.array() : one) {
    const tenon::Result<PublicKey> key = PublicKey::parse(entry);
    if (!key) {
      TENON_CHECK(!key.error().message.empty());
      TENON_CHECK(key.error().code == tenon::ErrorCode::kParse || key.error().code == tenon::ErrorCode::kPolicy);
      continue;
    }
    TENON_CHECK(key->value() == entry && *PublicKey::parse(key->value()) == *key);
    TENON_CHECK(key->hash_keyid().text().size() == 64);
    keys.push_back(*key);
    if (keys.size() == 8) break;
  }
  return keys;
}

void check_any_keys(ByteProgram input) {
  const ByteView all = input.rest();
  const auto zero = static_cast<std::size_t>(std::ranges::find(all, 0) - all.begin());
  const tenon::Result<json::Value> value = json::parse(all.first(zero));
  if (!value) return;
  input.take(zero + 1);
  const ByteView signature = input.take(input.byte());
  const ByteView message = input.rest();

  std::vector<PublicKey> keys = parsed(*value);
  for (std::size_t i = 0, count = keys.size(); i < count; ++i) keys.push_back(spelled_otherwise(keys[i]));
  const TestKey& own = own_keys()[message.size() % own_keys().size()].key;  // all of them would be slow
  const Bytes own_signature = own.sign(message);
  keys.push_back(own.public_key());
  for (const PublicKey& key : keys) {
    const bool verified = key.verify(message, signature);
    TENON_CHECK(key.material() || !verified);
    for (const PublicKey& other : keys) {
      const bool same = key.material() && key.material() == other.material();
      if (!same) continue;
      TENON_CHECK(key.material()->fingerprint() == other.material()->fingerprint());
      TENON_CHECK(other.verify(message, signature) == verified);
    }
    const bool is_own = key.material() && key.material() == own.public_key().material();
    TENON_CHECK(key.verify(message, own_signature) == is_own);
  }
}

// Puts the other s of an ECDSA signature, n - s, in place of s. It verifies too, and that is allowed: a signature is no
// identity. Nothing for a signature of another kind.
Bytes with_other_s(ByteView signature, KeyKind kind) {
  if (kind != KeyKind::kP256 && kind != KeyKind::kP384) return {};
  const char* const order_text =
      kind == KeyKind::kP256
          ? "FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551"
          : "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973";
  const unsigned char* at = signature.data();
  const std::unique_ptr<ECDSA_SIG, void (*)(ECDSA_SIG*)> parts(
      d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(signature.size())), ECDSA_SIG_free);
  if (!parts) return {};
  BIGNUM* order = nullptr;
  TENON_CHECK(BN_hex2bn(&order, order_text) != 0);
  BIGNUM* s = BN_new();
  const int order_is_above = BN_cmp(order, ECDSA_SIG_get0_s(parts.get()));
  TENON_CHECK(BN_sub(s, order, ECDSA_SIG_get0_s(parts.get())) == 1);
  BN_free(order);
  TENON_CHECK(order_is_above == 1 && ECDSA_SIG_set0(parts.get(), BN_dup(ECDSA_SIG_get0_r(parts.get())), s) == 1);
  unsigned char* der = nullptr;
  const int size = i2d_ECDSA_SIG(parts.get(), &der);
  TENON_CHECK(size > 0);
  Bytes other(der, der + size);
  OPENSSL_free(der);
  return other;
}

// s + L, the other spelling of an Ed25519 signature that RFC 8032 has verifiers refuse.
Bytes with_order_added(ByteView signature) {
  constexpr std::uint8_t kOrder[32] = {0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7,
                                       0xa2, 0xde, 0xf9, 0xde, 0x14, 0,    0,    0,    0,    0,    0,
                                       0,    0,    0,    0,    0,    0,    0,    0,    0,    0x10};
  Bytes other(signature.begin(), signature.end());
  if (other.size() == crypto_sign_BYTES) sodium_add(other.data() + 32, kOrder, sizeof(kOrder));
  return other;
}

Bytes changed(ByteView old, ByteProgram& program) {
  Bytes bytes(old.begin(), old.end());
  const std::size_t at = program.position(bytes.size() + 1);
  const auto place = bytes.begin() + static_cast<std::ptrdiff_t>(at);
  const std::uint8_t value = program.byte();
  switch (program.below(5)) {
    case 0:
      if (at < bytes.size()) *place = static_cast<std::uint8_t>(*place ^ value);
      break;
    case 1: bytes.insert(place, value); break;
    case 2:
      if (at < bytes.size()) bytes.erase(place);
      break;
    case 3: bytes.erase(place, bytes.end()); break;
    case 4: bytes.insert(place, old.begin(), old.begin() + static_cast<std::ptrdiff_t>(at)); break;
  }
  return bytes;
}

void check_own_key(ByteProgram program) {
  const OwnKey& picked = program.pick(own_keys());
  const TestKey& own = picked.key;
  const TestKey& other = program.pick(own_keys()).key;
  const std::uint8_t what = program.byte();
  ByteProgram edit(program.take(4));
  const Bytes message(program.rest().begin(), program.rest().end());
  const Bytes signature = own.sign(message);
  const PublicKey& key = own.public_key();
  TENON_CHECK(key.verify(message, signature));
  TENON_CHECK(spelled_otherwise(key).verify(message, signature));
  TENON_CHECK(other.public_key().verify(message, signature) == (other.public_key().material() == key.material()));
  switch (what % 4) {
    case 0: {
      const Bytes edited = changed(message, edit);
      TENON_CHECK(key.verify(edited, signature) == (edited == message));
      break;
    }
    case 1: {
      const Bytes edited = changed(signature, edit);
      if (edited != with_other_s(signature, picked.kind))
        TENON_CHECK(key.verify(message, edited) == (edited == signature));
      break;
    }
    case 2:
      if (const Bytes edited = with_order_added(signature); edited != signature) {
        TENON_CHECK(!key.verify(message, edited));
      }
      break;
    case 3: TENON_CHECK(!key.verify(message, message) && !key.verify(message, Bytes(signature.size()))); break;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const bool kStarted = (tenon::init_crypto(), true);
  (void)kStarted;
  const ByteProgram program(ByteView(data, size));
  const bool is_json = size > 0 && (data[0] == '{' || data[0] == '[');
  is_json ? check_any_keys(program) : check_own_key(program);
  return 0;
}
