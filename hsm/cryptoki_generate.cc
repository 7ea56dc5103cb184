// Session::generate: templates that a token may or may not take, and no orphans.
#include <tenon/hsm/cryptoki_session.h>

#include <array>

namespace tenon::hsm::cryptoki {
namespace {

constexpr std::array<CK_BYTE, 10> kP256Oid = {0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};
constexpr std::array<CK_BYTE, 5> kEd25519Oid = {0x06, 0x03, 0x2b, 0x65, 0x70};
constexpr std::array<CK_BYTE, 14> kEd25519Name = {0x13, 0x0c, 'e', 'd', 'w', 'a', 'r',
                                                  'd',  's',  '2', '5', '5', '1', '9'};
constexpr std::array<CK_BYTE, 3> kExponent = {1, 0, 1};

// Strict rules out what would let the key leave or unwrap others. It says nothing of decrypting: tpm2-pkcs11 refuses
// those words, and without a resource manager keeps what it loaded for the attempt, so that the second one finds no room.
// Tokens that take no such words at all get the minimal one.
enum class Strictness { kStrict, kMinimal };

// PairTemplate owns what its attributes point to, and stays where it is.
class PairTemplate {
 public:
  PairTemplate(const wire::GenerateRequest& request, Strictness strictness, bool named_curve) : request_(request) {
    add(public_, CKA_CLASS, public_class_);
    add(private_, CKA_CLASS, private_class_);
    add_kind(named_curve);
    add(public_, CKA_KEY_TYPE, key_type_);
    add(private_, CKA_KEY_TYPE, key_type_);
    add_names(public_);
    add_names(private_);
    add(public_, CKA_VERIFY, yes_);
    add(public_, CKA_PRIVATE, no_);
    add(private_, CKA_PRIVATE, yes_);
    add(private_, CKA_SENSITIVE, yes_);
    add(private_, CKA_SIGN, yes_);
    if (request.always_authenticate) add(private_, CKA_ALWAYS_AUTHENTICATE, yes_);
    if (strictness == Strictness::kMinimal) return;
    for (const CK_ATTRIBUTE_TYPE type : {CKA_EXTRACTABLE, CKA_UNWRAP, CKA_DERIVE}) add(private_, type, no_);
  }
  PairTemplate(const PairTemplate&) = delete;
  PairTemplate& operator=(const PairTemplate&) = delete;

  CK_MECHANISM mechanism{};
  std::vector<CK_ATTRIBUTE>& of_public() { return public_; }
  std::vector<CK_ATTRIBUTE>& of_private() { return private_; }

 private:
  template <class Value>
  static void add(std::vector<CK_ATTRIBUTE>& to, CK_ATTRIBUTE_TYPE type, Value& value) {
    to.push_back({type, &value, sizeof value});
  }
  template <std::size_t size>
  void add_bytes(CK_ATTRIBUTE_TYPE type, const std::array<CK_BYTE, size>& bytes) {
    public_.push_back({type, const_cast<CK_BYTE*>(bytes.data()), size});
  }
  void add_names(std::vector<CK_ATTRIBUTE>& to) {
    add(to, CKA_TOKEN, yes_);
    to.push_back({CKA_ID, const_cast<std::uint8_t*>(request_.id.data()), request_.id.size()});
    to.push_back({CKA_LABEL, const_cast<char*>(request_.label.data()), request_.label.size()});
  }
  void add_kind(bool named_curve) {
    switch (request_.type) {
      case KeyType::kEcdsaP256:
        mechanism.mechanism = CKM_EC_KEY_PAIR_GEN;
        key_type_ = CKK_EC;
        return add_bytes(CKA_EC_PARAMS, kP256Oid);
      case KeyType::kEd25519:
        mechanism.mechanism = CKM_EC_EDWARDS_KEY_PAIR_GEN;
        key_type_ = CKK_EC_EDWARDS;
        return named_curve ? add_bytes(CKA_EC_PARAMS, kEd25519Name) : add_bytes(CKA_EC_PARAMS, kEd25519Oid);
      case KeyType::kRsa3072:
        mechanism.mechanism = CKM_RSA_PKCS_KEY_PAIR_GEN;
        key_type_ = CKK_RSA;
        add(public_, CKA_MODULUS_BITS, bits_);
        return add_bytes(CKA_PUBLIC_EXPONENT, kExponent);
      case KeyType::kMlDsa65: return;  // never asked for: Token::generate
    }
  }

  const wire::GenerateRequest& request_;
  CK_BBOOL yes_ = CK_TRUE;
  CK_BBOOL no_ = CK_FALSE;
  CK_ULONG bits_ = 3072;
  CK_OBJECT_CLASS public_class_ = CKO_PUBLIC_KEY;
  CK_OBJECT_CLASS private_class_ = CKO_PRIVATE_KEY;
  CK_KEY_TYPE key_type_ = CKK_EC;
  std::vector<CK_ATTRIBUTE> public_;
  std::vector<CK_ATTRIBUTE> private_;
};

// What tokens answer to words that they do not take; anything else is no reason to ask in other words.
bool is_about_the_template(CK_RV code) {
  switch (code) {
    case CKR_ATTRIBUTE_READ_ONLY:
    case CKR_ATTRIBUTE_TYPE_INVALID:
    case CKR_ATTRIBUTE_VALUE_INVALID:
    case CKR_ARGUMENTS_BAD:
    case CKR_CURVE_NOT_SUPPORTED:
    case CKR_DOMAIN_PARAMS_INVALID:
    case CKR_FUNCTION_FAILED:
    case CKR_GENERAL_ERROR:
    case CKR_TEMPLATE_INCOMPLETE:
    case CKR_TEMPLATE_INCONSISTENT: return true;
    default: return false;
  }
}

}  // namespace

Result<Session::Pair> Session::generate_pair(const wire::GenerateRequest& request) {
  CK_RV last = CKR_OK;
  for (const Strictness strictness : {Strictness::kStrict, Strictness::kMinimal}) {
    for (const bool named_curve : {false, true}) {
      if (named_curve && request.type != KeyType::kEd25519) continue;
      PairTemplate wanted(request, strictness, named_curve);
      Pair pair;
      last = module_->C_GenerateKeyPair(handle_, &wanted.mechanism, wanted.of_public().data(),
                                        wanted.of_public().size(), wanted.of_private().data(),
                                        wanted.of_private().size(), &pair.public_key, &pair.private_key);
      if (last == CKR_OK) return pair;
      if (!is_about_the_template(last)) return failure("C_GenerateKeyPair", last);
    }
  }
  return failure("C_GenerateKeyPair", last);
}

Result<wire::KeyList> Session::generate(const wire::GenerateRequest& request) {
  TENON_TRY(const Pair pair, generate_pair(request));
  made_ = {pair.private_key, pair.public_key};
  listed_.clear();
  wire::KeyList list;
  for (const CK_OBJECT_HANDLE object : made_) {
    Result<wire::KeyObject> key = describe(object, object == pair.private_key);
    if (!key) {
      (void)destroy();  // the error that counts is the first
      return key.error();
    }
    listed_.emplace_back(object, key->always_authenticate);
    list.keys.push_back(*std::move(key));
  }
  return list;
}

Result<void> Session::destroy() {
  Result<void> result;
  for (const CK_OBJECT_HANDLE object : std::exchange(made_, {})) {
    Result<void> destroyed = check("C_DestroyObject", module_->C_DestroyObject(handle_, object));
    if (result) result = std::move(destroyed);
  }
  listed_.clear();
  return result;
}

}  // namespace tenon::hsm::cryptoki
