#include <tenon/hsm/cryptoki_session.h>
#include <tenon/metadata/utf8.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>

namespace tenon::hsm::cryptoki {
namespace {

constexpr std::size_t kMaxShownBytes = 64;
constexpr CK_ULONG kFindAtOnce = 16;

// Cryptoki takes everything as not const, and writes to none of it.
CK_BYTE_PTR bytes_of(ByteView bytes) {
  return const_cast<CK_BYTE_PTR>(bytes.data());
}

Result<void> check_number(CK_ULONG given, std::size_t room, const char* call) {
  if (given <= room) return {};
  return own_failure(call, wire::CallFailure::kImpossible);
}

// A mechanism with its parameters beside it: the same object must stay where it is.
struct MechanismChoice {
  CK_RSA_PKCS_PSS_PARAMS pss{CKM_SHA256, CKG_MGF1_SHA256, 32};
  CK_MECHANISM value{};

  explicit MechanismChoice(wire::Mechanism mechanism) {
    switch (mechanism) {
      case wire::Mechanism::kEcdsa: value.mechanism = CKM_ECDSA; return;
      case wire::Mechanism::kEcdsaSha256: value.mechanism = CKM_ECDSA_SHA256; return;
      case wire::Mechanism::kEddsa: value.mechanism = CKM_EDDSA; return;  // no parameters: some are ignored in silence
      case wire::Mechanism::kRsaPss: value.mechanism = CKM_RSA_PKCS_PSS; break;
      case wire::Mechanism::kRsaPssSha256: value.mechanism = CKM_SHA256_RSA_PKCS_PSS; break;
    }
    value.pParameter = &pss;
    value.ulParameterLen = sizeof pss;
  }
  MechanismChoice(const MechanismChoice&) = delete;
  MechanismChoice& operator=(const MechanismChoice&) = delete;
};

}  // namespace

Result<Session> Session::open(const ModuleSet::Slot& slot, bool writes) {
  CK_SESSION_HANDLE handle = CK_INVALID_HANDLE;
  const CK_FLAGS flags = CKF_SERIAL_SESSION | (writes ? CKF_RW_SESSION : 0);
  TENON_TRY_VOID(check("C_OpenSession", slot.module->C_OpenSession(slot.id, flags, nullptr, nullptr, &handle)));
  return Session(slot, handle);
}

Session::Session(Session&& other) noexcept
    : module_(std::exchange(other.module_, nullptr)),
      handle_(other.handle_),
      logged_in_(other.logged_in_),
      listed_(std::move(other.listed_)),
      made_(std::move(other.made_)) {}

Session::~Session() {
  if (module_ == nullptr) return;
  if (logged_in_) module_->C_Logout(handle_);
  module_->C_CloseSession(handle_);
}

Result<void> Session::login(const SecretBytes& pin) {
  CK_SESSION_INFO info{};
  TENON_TRY_VOID(check("C_GetSessionInfo", module_->C_GetSessionInfo(handle_, &info)));
  if (info.state != CKS_RO_PUBLIC_SESSION && info.state != CKS_RW_PUBLIC_SESSION) {
    TENON_TRY_VOID(check("C_Logout", module_->C_Logout(handle_)));
  }
  const ByteView bytes = pin.bytes(RevealSecret());
  TENON_TRY_VOID(
      check("C_Login", module_->C_Login(handle_, CKU_USER, bytes.empty() ? nullptr : bytes_of(bytes), bytes.size())));
  logged_in_ = true;
  return {};
}

Result<void> Session::find(CK_OBJECT_CLASS kind, const wire::KeyQuery& query, std::vector<CK_OBJECT_HANDLE>& found) {
  CK_BBOOL on_token = CK_TRUE;
  std::vector<CK_ATTRIBUTE> wanted = {{CKA_CLASS, &kind, sizeof kind}, {CKA_TOKEN, &on_token, sizeof on_token}};
  if (query.id) wanted.push_back({CKA_ID, bytes_of(*query.id), query.id->size()});
  if (query.label) wanted.push_back({CKA_LABEL, bytes_of(as_bytes(*query.label)), query.label->size()});
  TENON_TRY_VOID(check("C_FindObjectsInit", module_->C_FindObjectsInit(handle_, wanted.data(), wanted.size())));
  Result<void> result;
  for (;;) {
    std::array<CK_OBJECT_HANDLE, kFindAtOnce> handles{};
    CK_ULONG count = 0;
    result = check("C_FindObjects", module_->C_FindObjects(handle_, handles.data(), handles.size(), &count));
    if (result) result = check_number(count, handles.size(), "C_FindObjects");
    if (!result || count == 0) break;
    found.insert(found.end(), handles.begin(), handles.begin() + static_cast<std::ptrdiff_t>(count));
    if (found.size() > wire::kMaxKeys) result = own_failure("C_FindObjects", wire::CallFailure::kTooMany);
    if (!result) break;
  }
  const CK_RV ended = module_->C_FindObjectsFinal(handle_);
  if (!result) return result;
  return check("C_FindObjectsFinal", ended);
}

// An attribute that the object has not, or does not show, is empty.
Result<Bytes> Session::read_attribute(CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type) {
  Bytes value(wire::kMaxAttributeBytes);
  CK_ATTRIBUTE attribute{type, value.data(), value.size()};
  const CK_RV code = module_->C_GetAttributeValue(handle_, object, &attribute, 1);
  if (code == CKR_ATTRIBUTE_TYPE_INVALID || code == CKR_ATTRIBUTE_SENSITIVE) return Bytes();
  TENON_TRY_VOID(check("C_GetAttributeValue", code));
  if (attribute.ulValueLen == CK_UNAVAILABLE_INFORMATION) return Bytes();
  TENON_TRY_VOID(check_number(attribute.ulValueLen, value.size(), "C_GetAttributeValue"));
  value.resize(attribute.ulValueLen);
  return value;
}

Result<bool> Session::read_flag(CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type) {
  TENON_TRY(const Bytes value, read_attribute(object, type));
  return value.size() == sizeof(CK_BBOOL) && value[0] == CK_TRUE;
}

Result<std::int64_t> Session::read_number(CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type) {
  TENON_TRY(const Bytes value, read_attribute(object, type));
  CK_ULONG number = 0;
  if (value.size() != sizeof number) return std::int64_t{-1};
  std::memcpy(&number, value.data(), sizeof number);
  return number > std::numeric_limits<std::int32_t>::max() ? std::int64_t{-1} : static_cast<std::int64_t>(number);
}

Result<wire::KeyObject> Session::describe(CK_OBJECT_HANDLE object, bool is_private) {
  wire::KeyObject key;
  key.is_private = is_private;
  TENON_TRY(key.key_type, read_number(object, CKA_KEY_TYPE));
  TENON_TRY(const Bytes label, read_attribute(object, CKA_LABEL));
  key.label = printable(as_text(label), kMaxShownBytes);
  TENON_TRY(key.id, read_attribute(object, CKA_ID));
  if (key.key_type == CKK_RSA) {
    TENON_TRY(key.modulus, read_attribute(object, CKA_MODULUS));
    TENON_TRY(key.exponent, read_attribute(object, CKA_PUBLIC_EXPONENT));
    TENON_TRY(key.modulus_bits, read_number(object, CKA_MODULUS_BITS));
  } else {
    TENON_TRY(key.ec_params, read_attribute(object, CKA_EC_PARAMS));
    TENON_TRY(key.ec_point, read_attribute(object, CKA_EC_POINT));
  }
  TENON_TRY(key.local, read_flag(object, CKA_LOCAL));
  if (!is_private) return key;
  TENON_TRY(key.signs, read_flag(object, CKA_SIGN));
  TENON_TRY(key.never_extractable, read_flag(object, CKA_NEVER_EXTRACTABLE));
  TENON_TRY(key.always_authenticate, read_flag(object, CKA_ALWAYS_AUTHENTICATE));
  return key;
}

Result<wire::KeyList> Session::keys(const wire::KeyQuery& query) {
  wire::KeyList list;
  listed_.clear();
  for (const CK_OBJECT_CLASS kind : {CKO_PRIVATE_KEY, CKO_PUBLIC_KEY}) {
    std::vector<CK_OBJECT_HANDLE> found;
    TENON_TRY_VOID(find(kind, query, found));
    for (const CK_OBJECT_HANDLE object : found) {
      if (list.keys.size() == wire::kMaxKeys) return own_failure("C_FindObjects", wire::CallFailure::kTooMany);
      TENON_TRY(wire::KeyObject key, describe(object, kind == CKO_PRIVATE_KEY));
      listed_.emplace_back(object, key.always_authenticate);
      list.keys.push_back(std::move(key));
    }
  }
  return list;
}

Result<Bytes> Session::sign(const wire::SignRequest& request, const SecretBytes* pin) {
  if (request.key >= listed_.size()) return own_failure("C_SignInit", wire::CallFailure::kOutOfTurn);
  const auto [object, wants_pin] = listed_[request.key];
  MechanismChoice mechanism(request.mechanism);
  TENON_TRY_VOID(check("C_SignInit", module_->C_SignInit(handle_, &mechanism.value, object)));
  if (wants_pin) {
    const ByteView bytes = pin == nullptr ? ByteView() : pin->bytes(RevealSecret());
    TENON_TRY_VOID(check("C_Login", module_->C_Login(handle_, CKU_CONTEXT_SPECIFIC,
                                                     bytes.empty() ? nullptr : bytes_of(bytes), bytes.size())));
  }
  Bytes signature(wire::kMaxSignatureBytes);
  CK_ULONG size = signature.size();
  TENON_TRY_VOID(
      check("C_Sign", module_->C_Sign(handle_, bytes_of(request.data), request.data.size(), signature.data(), &size)));
  TENON_TRY_VOID(check_number(size, signature.size(), "C_Sign"));
  signature.resize(size);
  return signature;
}

}  // namespace tenon::hsm::cryptoki
