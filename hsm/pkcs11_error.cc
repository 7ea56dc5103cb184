#include <tenon/hsm/pkcs11_error.h>

#include <algorithm>

#include <p11-kit/pkcs11.h>

namespace tenon::hsm {
namespace {

struct Name {
  CK_RV code;
  std::string_view name;
};

#define TENON_NAME(code) \
  Name {                 \
    code, #code          \
  }
constexpr Name kNames[] = {
    TENON_NAME(CKR_CANCEL),
    TENON_NAME(CKR_HOST_MEMORY),
    TENON_NAME(CKR_SLOT_ID_INVALID),
    TENON_NAME(CKR_GENERAL_ERROR),
    TENON_NAME(CKR_FUNCTION_FAILED),
    TENON_NAME(CKR_ARGUMENTS_BAD),
    TENON_NAME(CKR_NO_EVENT),
    TENON_NAME(CKR_NEED_TO_CREATE_THREADS),
    TENON_NAME(CKR_CANT_LOCK),
    TENON_NAME(CKR_ATTRIBUTE_READ_ONLY),
    TENON_NAME(CKR_ATTRIBUTE_SENSITIVE),
    TENON_NAME(CKR_ATTRIBUTE_TYPE_INVALID),
    TENON_NAME(CKR_ATTRIBUTE_VALUE_INVALID),
    TENON_NAME(CKR_ACTION_PROHIBITED),
    TENON_NAME(CKR_DATA_INVALID),
    TENON_NAME(CKR_DATA_LEN_RANGE),
    TENON_NAME(CKR_DEVICE_ERROR),
    TENON_NAME(CKR_DEVICE_MEMORY),
    TENON_NAME(CKR_DEVICE_REMOVED),
    TENON_NAME(CKR_ENCRYPTED_DATA_INVALID),
    TENON_NAME(CKR_ENCRYPTED_DATA_LEN_RANGE),
    TENON_NAME(CKR_FUNCTION_CANCELED),
    TENON_NAME(CKR_FUNCTION_NOT_PARALLEL),
    TENON_NAME(CKR_FUNCTION_NOT_SUPPORTED),
    TENON_NAME(CKR_KEY_HANDLE_INVALID),
    TENON_NAME(CKR_KEY_SIZE_RANGE),
    TENON_NAME(CKR_KEY_TYPE_INCONSISTENT),
    TENON_NAME(CKR_KEY_NOT_NEEDED),
    TENON_NAME(CKR_KEY_CHANGED),
    TENON_NAME(CKR_KEY_NEEDED),
    TENON_NAME(CKR_KEY_INDIGESTIBLE),
    TENON_NAME(CKR_KEY_FUNCTION_NOT_PERMITTED),
    TENON_NAME(CKR_KEY_NOT_WRAPPABLE),
    TENON_NAME(CKR_KEY_UNEXTRACTABLE),
    TENON_NAME(CKR_MECHANISM_INVALID),
    TENON_NAME(CKR_MECHANISM_PARAM_INVALID),
    TENON_NAME(CKR_OBJECT_HANDLE_INVALID),
    TENON_NAME(CKR_OPERATION_ACTIVE),
    TENON_NAME(CKR_OPERATION_NOT_INITIALIZED),
    TENON_NAME(CKR_PIN_INCORRECT),
    TENON_NAME(CKR_PIN_INVALID),
    TENON_NAME(CKR_PIN_LEN_RANGE),
    TENON_NAME(CKR_PIN_EXPIRED),
    TENON_NAME(CKR_PIN_LOCKED),
    TENON_NAME(CKR_SESSION_CLOSED),
    TENON_NAME(CKR_SESSION_COUNT),
    TENON_NAME(CKR_SESSION_HANDLE_INVALID),
    TENON_NAME(CKR_SESSION_PARALLEL_NOT_SUPPORTED),
    TENON_NAME(CKR_SESSION_READ_ONLY),
    TENON_NAME(CKR_SESSION_EXISTS),
    TENON_NAME(CKR_SESSION_READ_ONLY_EXISTS),
    TENON_NAME(CKR_SESSION_READ_WRITE_SO_EXISTS),
    TENON_NAME(CKR_SIGNATURE_INVALID),
    TENON_NAME(CKR_SIGNATURE_LEN_RANGE),
    TENON_NAME(CKR_TEMPLATE_INCOMPLETE),
    TENON_NAME(CKR_TEMPLATE_INCONSISTENT),
    TENON_NAME(CKR_TOKEN_NOT_PRESENT),
    TENON_NAME(CKR_TOKEN_NOT_RECOGNIZED),
    TENON_NAME(CKR_TOKEN_WRITE_PROTECTED),
    TENON_NAME(CKR_UNWRAPPING_KEY_SIZE_RANGE),
    TENON_NAME(CKR_UNWRAPPING_KEY_TYPE_INCONSISTENT),
    TENON_NAME(CKR_USER_ALREADY_LOGGED_IN),
    TENON_NAME(CKR_USER_NOT_LOGGED_IN),
    TENON_NAME(CKR_USER_PIN_NOT_INITIALIZED),
    TENON_NAME(CKR_USER_TYPE_INVALID),
    TENON_NAME(CKR_USER_ANOTHER_ALREADY_LOGGED_IN),
    TENON_NAME(CKR_USER_TOO_MANY_TYPES),
    TENON_NAME(CKR_WRAPPED_KEY_INVALID),
    TENON_NAME(CKR_WRAPPED_KEY_LEN_RANGE),
    TENON_NAME(CKR_WRAPPING_KEY_HANDLE_INVALID),
    TENON_NAME(CKR_WRAPPING_KEY_SIZE_RANGE),
    TENON_NAME(CKR_WRAPPING_KEY_TYPE_INCONSISTENT),
    TENON_NAME(CKR_RANDOM_SEED_NOT_SUPPORTED),
    TENON_NAME(CKR_RANDOM_NO_RNG),
    TENON_NAME(CKR_DOMAIN_PARAMS_INVALID),
    TENON_NAME(CKR_CURVE_NOT_SUPPORTED),
    TENON_NAME(CKR_BUFFER_TOO_SMALL),
    TENON_NAME(CKR_SAVED_STATE_INVALID),
    TENON_NAME(CKR_INFORMATION_SENSITIVE),
    TENON_NAME(CKR_STATE_UNSAVEABLE),
    TENON_NAME(CKR_CRYPTOKI_NOT_INITIALIZED),
    TENON_NAME(CKR_CRYPTOKI_ALREADY_INITIALIZED),
    TENON_NAME(CKR_MUTEX_BAD),
    TENON_NAME(CKR_MUTEX_NOT_LOCKED),
    TENON_NAME(CKR_NEW_PIN_MODE),
    TENON_NAME(CKR_NEXT_OTP),
    TENON_NAME(CKR_EXCEEDED_MAX_ITERATIONS),
    TENON_NAME(CKR_FIPS_SELF_TEST_FAILED),
    TENON_NAME(CKR_LIBRARY_LOAD_FAILED),
    TENON_NAME(CKR_PIN_TOO_WEAK),
    TENON_NAME(CKR_PUBLIC_KEY_INVALID),
    TENON_NAME(CKR_FUNCTION_REJECTED),
};
#undef TENON_NAME

struct Advice {
  std::uint64_t code;
  ErrorCode kind;
  std::string_view meaning;
  std::string_view hint;
};

constexpr std::string_view kPlugIn = "plug the token in, wait for its light, and start again; nothing was signed";
constexpr std::string_view kVendor = "nothing was signed; `p11-kit list-modules` or the vendor's log may say more";
constexpr std::string_view kOthers = "close other programs that use it, or pull it out and plug it in";
constexpr std::string_view kProbe = "every token can do ecdsa-p256; tenon-keyctl token probe tries what yours can";
constexpr std::string_view kTouch = "was the touch or the key press missed? Start again";

constexpr Advice kAdvice[] = {
    {CKR_PIN_INCORRECT, ErrorCode::kAuth, "wrong PIN; it was sent once and not again",
     "each wrong PIN brings the token nearer to locking itself: be sure before the next try"},
    {CKR_PIN_INVALID, ErrorCode::kAuth, "the PIN has characters that this token does not take", ""},
    {CKR_PIN_LEN_RANGE, ErrorCode::kAuth, "the PIN is shorter or longer than this token's can be", ""},
    {CKR_PIN_EXPIRED, ErrorCode::kAuth, "the PIN has expired", "change it with the vendor's program"},
    {CKR_PIN_LOCKED, ErrorCode::kAuth, "the PIN is locked after too many wrong ones",
     "unlock it with the PUK or the security officer's PIN (vendor's program), or use the spare key"},
    {CKR_USER_PIN_NOT_INITIALIZED, ErrorCode::kAuth, "the token has no user PIN yet",
     "set one with the vendor's program"},
    {CKR_USER_NOT_LOGGED_IN, ErrorCode::kAuth, "the token wants a PIN for this and was given none",
     "pull it out, plug it in, and start again; tenon-keyctl token probe shows what it wants"},
    {CKR_USER_ALREADY_LOGGED_IN, ErrorCode::kAuth, "the token says that somebody is logged in, and so checked no PIN",
     kOthers},
    {CKR_USER_ANOTHER_ALREADY_LOGGED_IN, ErrorCode::kAuth, "another user of the token is logged in", kOthers},
    {CKR_USER_TOO_MANY_TYPES, ErrorCode::kAuth, "another user of the token is logged in", kOthers},
    {CKR_DEVICE_REMOVED, ErrorCode::kHw, "the token was pulled out", kPlugIn},
    {CKR_TOKEN_NOT_PRESENT, ErrorCode::kHw, "there is no token in the reader", kPlugIn},
    {CKR_TOKEN_NOT_RECOGNIZED, ErrorCode::kHw, "the module does not know this token",
     "is it the right --pkcs11-module?"},
    {CKR_SESSION_HANDLE_INVALID, ErrorCode::kHw, "the token ended the session; it may have been pulled out", kPlugIn},
    {CKR_SESSION_CLOSED, ErrorCode::kHw, "the token ended the session; it may have been pulled out", kPlugIn},
    {CKR_SESSION_COUNT, ErrorCode::kHw, "the token has no session left", kOthers},
    {CKR_DEVICE_ERROR, ErrorCode::kHw, "the token or its reader failed",
     "for a smart card or YubiKey: is pcscd running? (systemctl status pcscd) For a TPM: may you use /dev/tpmrm0?"},
    {CKR_DEVICE_MEMORY, ErrorCode::kHw, "the token has no room left",
     "remove what is not needed with the vendor's program"},
    {CKR_HOST_MEMORY, ErrorCode::kHw, "the module ran out of memory", kVendor},
    {CKR_KEY_FUNCTION_NOT_PERMITTED, ErrorCode::kPolicy, "the key may not sign",
     "it was made for something else; make one with tenon-keyctl key generate --token"},
    {CKR_ACTION_PROHIBITED, ErrorCode::kPolicy, "the token forbids it", ""},
    {CKR_MECHANISM_INVALID, ErrorCode::kPolicy, "the token cannot do this kind of key", kProbe},
    {CKR_MECHANISM_PARAM_INVALID, ErrorCode::kPolicy, "the token cannot do this kind of key as TUF needs it", kProbe},
    {CKR_CURVE_NOT_SUPPORTED, ErrorCode::kPolicy, "the token does not know this curve", "take --type ecdsa-p256"},
    {CKR_KEY_SIZE_RANGE, ErrorCode::kPolicy, "the token cannot do keys of this size", "take --type ecdsa-p256"},
    {CKR_TOKEN_WRITE_PROTECTED, ErrorCode::kPolicy, "the token is write-protected", ""},
    {CKR_SESSION_READ_ONLY, ErrorCode::kPolicy, "the token is write-protected", ""},
    {CKR_RANDOM_NO_RNG, ErrorCode::kHw, "the token has no random numbers; nothing was made",
     "do not use this token for keys"},
    {CKR_FUNCTION_REJECTED, ErrorCode::kAuth, "it was refused on the token itself", kTouch},
    {CKR_FUNCTION_CANCELED, ErrorCode::kAuth, "it was cancelled on the token itself", kTouch},
    {CKR_LIBRARY_LOAD_FAILED, ErrorCode::kHw, "the module lacks a library that it needs", kVendor},
    {wire::CallFailure::kImpossible, ErrorCode::kHw, "the module gave an answer that no module may give",
     "do not use this module or token until that is understood"},
    {wire::CallFailure::kTooMany, ErrorCode::kPolicy, "more keys fit than are looked through",
     "name one with id= or object="},
    {wire::CallFailure::kNotLoaded, ErrorCode::kUsage, "this is no PKCS#11 module that can be loaded here",
     "name the vendor's .so with --pkcs11-module; `p11-kit list-modules` lists those of this system"},
    {wire::CallFailure::kOutOfTurn, ErrorCode::kHw, "the token is not ready for this", "start again"},
};

}  // namespace

std::string pkcs11_code_name(std::uint64_t code) {
  const auto known = std::ranges::find(kNames, code, &Name::code);
  if (known != std::end(kNames)) return std::string(known->name);
  const std::string text = wire::CallFailure{"x", code}.text();
  return (code >= CKR_VENDOR_DEFINED ? "vendor's code " : "code ") + text.substr(2);
}

Error pkcs11_error(const wire::CallFailure& failure) {
  const bool is_own = failure.code > 0xffffffff;
  const std::string where = " (" + failure.call + (is_own ? "" : ": " + pkcs11_code_name(failure.code)) + ")";
  const auto known = std::ranges::find(kAdvice, failure.code, &Advice::code);
  if (known == std::end(kAdvice)) return Error{ErrorCode::kHw, "the token failed" + where, std::string(kVendor)};
  return Error{known->kind, std::string(known->meaning) + where, std::string(known->hint)};
}

}  // namespace tenon::hsm
