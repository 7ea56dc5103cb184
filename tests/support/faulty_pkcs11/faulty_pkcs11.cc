// A PKCS#11 module for faults that no real token shows on demand: it wraps a real module and misbehaves as a script says.
// TENON_FAULTY_PKCS11 names the script; a line is one of
//
//   wrap PATH               the real module
//   log PATH                append the name of every call, and what C_SignInit and C_Sign were given
//   C_X N return CODE       the N-th call of C_X gives CODE (hex) and does nothing; N = 0: every call
//   C_X N sleep             ... does not return
//   C_X N crash             ... ends the process by a signal
//   C_Sign N flip           one bit of the signature is another
//   C_Sign N truncate       it is one byte shorter
//   C_Sign N empty          it has no bytes
//   C_X N huge              the length or count that comes back is 2^31 (C_Sign, C_GetSlotList, C_FindObjects)
//   C_X N overrun           writes beyond the buffer that it was given (C_Sign)
//   flags BITS              C_GetTokenInfo has these flags too (hex)
//   attribute TYPE HEX      C_GetAttributeValue gives these bytes for the attribute (both hex); "-": no bytes
//   attribute TYPE huge     ... gives a length of 2^31
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include <dlfcn.h>
#include <p11-kit/pkcs11.h>
#include <signal.h>
#include <unistd.h>

namespace {

constexpr CK_ULONG kHuge = CK_ULONG{1} << 31;

struct Fault {
  std::string call;
  unsigned long number;  // 0: every call
  std::string what;
  CK_RV code;
};

struct Script {
  CK_FUNCTION_LIST* real = nullptr;
  CK_FUNCTION_LIST mine{};
  std::string log;
  std::vector<Fault> faults;
  CK_FLAGS flags = 0;
  std::map<CK_ATTRIBUTE_TYPE, std::string> attributes;
  std::map<std::string, unsigned long> calls;
  std::string after;  // what the current call shall do with its result
};

Script& script() {
  static Script the_script;
  return the_script;
}

void note(const std::string& line) {
  if (!script().log.empty()) std::ofstream(script().log, std::ios::app) << line << "\n";
}

// Ends the process as a crash does. A sanitizer's handler would first write a report, and has been seen to hang in it.
[[noreturn]] void crash() {
  ::signal(SIGSEGV, SIG_DFL);
  ::raise(SIGSEGV);
  std::abort();
}

// Counts the call, does what comes before it, and gives the code to return at once, or CKR_OK to go on.
CK_RV before(const std::string& call) {
  Script& state = script();
  const unsigned long number = ++state.calls[call];
  note(call);
  state.after.clear();
  for (const Fault& fault : state.faults) {
    if (fault.call != call || (fault.number != 0 && fault.number != number)) continue;
    if (fault.what == "return") return fault.code;
    if (fault.what == "sleep") {
      for (;;) ::pause();
    }
    if (fault.what == "crash") crash();
    state.after = fault.what;
  }
  return CKR_OK;
}

#define TENON_WRAP(name, parameters, arguments)                        \
  CK_RV name##_wrapped parameters {                                    \
    if (const CK_RV code = before(#name); code != CKR_OK) return code; \
    return script().real->name arguments;                              \
  }

TENON_WRAP(C_Initialize, (void* a), (a))
TENON_WRAP(C_Finalize, (void* a), (a))
TENON_WRAP(C_OpenSession, (CK_SLOT_ID a, CK_FLAGS b, void* c, CK_NOTIFY d, CK_SESSION_HANDLE* e), (a, b, c, d, e))
TENON_WRAP(C_CloseSession, (CK_SESSION_HANDLE a), (a))
TENON_WRAP(C_GetSessionInfo, (CK_SESSION_HANDLE a, CK_SESSION_INFO* b), (a, b))
TENON_WRAP(C_Login, (CK_SESSION_HANDLE a, CK_USER_TYPE b, unsigned char* c, CK_ULONG d), (a, b, c, d))
TENON_WRAP(C_Logout, (CK_SESSION_HANDLE a), (a))
TENON_WRAP(C_FindObjectsInit, (CK_SESSION_HANDLE a, CK_ATTRIBUTE* b, CK_ULONG c), (a, b, c))
TENON_WRAP(C_FindObjectsFinal, (CK_SESSION_HANDLE a), (a))
TENON_WRAP(C_DestroyObject, (CK_SESSION_HANDLE a, CK_OBJECT_HANDLE b), (a, b))
TENON_WRAP(C_GenerateKeyPair,
           (CK_SESSION_HANDLE a, CK_MECHANISM* b, CK_ATTRIBUTE* c, CK_ULONG d, CK_ATTRIBUTE* e, CK_ULONG f,
            CK_OBJECT_HANDLE* g, CK_OBJECT_HANDLE* h),
           (a, b, c, d, e, f, g, h))

CK_RV C_GetSlotList_wrapped(CK_BBOOL present, CK_SLOT_ID* slots, CK_ULONG* count) {
  if (const CK_RV code = before("C_GetSlotList"); code != CKR_OK) return code;
  const CK_RV code = script().real->C_GetSlotList(present, slots, count);
  if (script().after == "huge") *count = kHuge;
  return code;
}

CK_RV C_GetTokenInfo_wrapped(CK_SLOT_ID slot, CK_TOKEN_INFO* info) {
  if (const CK_RV code = before("C_GetTokenInfo"); code != CKR_OK) return code;
  const CK_RV code = script().real->C_GetTokenInfo(slot, info);
  info->flags |= script().flags;
  return code;
}

CK_RV C_FindObjects_wrapped(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE* found, CK_ULONG room, CK_ULONG* count) {
  if (const CK_RV code = before("C_FindObjects"); code != CKR_OK) return code;
  const CK_RV code = script().real->C_FindObjects(session, found, room, count);
  if (script().after == "huge") *count = kHuge;
  return code;
}

CK_RV C_GetAttributeValue_wrapped(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE* wanted,
                                  CK_ULONG count) {
  if (const CK_RV code = before("C_GetAttributeValue"); code != CKR_OK) return code;
  const auto lie = script().attributes.find(wanted[0].type);
  if (lie == script().attributes.end()) return script().real->C_GetAttributeValue(session, object, wanted, count);
  if (lie->second == "huge") {
    wanted[0].ulValueLen = kHuge;
    return CKR_OK;
  }
  std::string bytes;
  for (std::size_t i = 0; i + 1 < lie->second.size(); i += 2) {
    bytes += static_cast<char>(std::stoul(lie->second.substr(i, 2), nullptr, 16));
  }
  std::memcpy(wanted[0].pValue, bytes.data(), bytes.size());
  wanted[0].ulValueLen = bytes.size();
  return CKR_OK;
}

CK_RV C_SignInit_wrapped(CK_SESSION_HANDLE session, CK_MECHANISM* mechanism, CK_OBJECT_HANDLE key) {
  if (const CK_RV code = before("C_SignInit"); code != CKR_OK) return code;
  note("C_SignInit with parameters of " + std::to_string(mechanism->ulParameterLen));
  return script().real->C_SignInit(session, mechanism, key);
}

CK_RV C_Sign_wrapped(CK_SESSION_HANDLE session, unsigned char* data, CK_ULONG data_size, unsigned char* signature,
                     CK_ULONG* size) {
  if (const CK_RV code = before("C_Sign"); code != CKR_OK) return code;
  note("C_Sign of " + std::to_string(data_size));
  const CK_ULONG room = *size;
  const CK_RV code = script().real->C_Sign(session, data, data_size, signature, size);
  const std::string& after = script().after;
  if (after == "flip") signature[*size / 2] ^= 1;
  if (after == "truncate") --*size;
  if (after == "empty") *size = 0;
  if (after == "huge") *size = kHuge;
  if (after == "overrun") std::memset(signature, 0x41, room + (1 << 20));
  return code;
}

void read_line(Script& state, const std::string& line) {
  std::istringstream words(line);
  std::string first;
  words >> first;
  if (first == "wrap") {
    std::string path;
    words >> path;
    void* library = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) return;
    const auto get = reinterpret_cast<CK_C_GetFunctionList>(::dlsym(library, "C_GetFunctionList"));
    if (get == nullptr || get(&state.real) != CKR_OK) state.real = nullptr;
  } else if (first == "log") {
    words >> state.log;
  } else if (first == "flags") {
    words >> std::hex >> state.flags;
  } else if (first == "attribute") {
    CK_ATTRIBUTE_TYPE type = 0;
    std::string value;
    words >> std::hex >> type >> value;
    state.attributes[type] = value == "-" ? "" : value;
  } else if (!first.empty()) {
    Fault fault{first, 0, "", CKR_OK};
    words >> fault.number >> fault.what >> std::hex >> fault.code;
    state.faults.push_back(fault);
  }
}

}  // namespace

extern "C" __attribute__((visibility("default"))) CK_RV C_GetFunctionList(CK_FUNCTION_LIST** list) {
  Script& state = script();
  const char* path = std::getenv("TENON_FAULTY_PKCS11");
  if (path == nullptr) return CKR_GENERAL_ERROR;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) read_line(state, line);
  if (state.real == nullptr) return CKR_GENERAL_ERROR;
  state.mine = *state.real;
  state.mine.C_GetFunctionList = C_GetFunctionList;
#define TENON_USE(name) state.mine.name = name##_wrapped
  TENON_USE(C_Initialize);
  TENON_USE(C_Finalize);
  TENON_USE(C_GetSlotList);
  TENON_USE(C_GetTokenInfo);
  TENON_USE(C_OpenSession);
  TENON_USE(C_CloseSession);
  TENON_USE(C_GetSessionInfo);
  TENON_USE(C_Login);
  TENON_USE(C_Logout);
  TENON_USE(C_FindObjectsInit);
  TENON_USE(C_FindObjects);
  TENON_USE(C_FindObjectsFinal);
  TENON_USE(C_GetAttributeValue);
  TENON_USE(C_SignInit);
  TENON_USE(C_Sign);
  TENON_USE(C_GenerateKeyPair);
  TENON_USE(C_DestroyObject);
  *list = &state.mine;
  return CKR_OK;
}
