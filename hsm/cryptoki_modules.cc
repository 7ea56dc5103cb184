#include <tenon/hsm/cryptoki_modules.h>
#include <tenon/metadata/utf8.h>

#include <cstdlib>
#include <filesystem>
#include <memory>

#include <p11-kit/p11-kit.h>

namespace tenon::hsm::cryptoki {
namespace {

constexpr std::size_t kMaxShownBytes = 64;
constexpr std::size_t kMaxModules = 32;

struct FreeText {
  void operator()(char* text) const { std::free(text); }
};
using CText = std::unique_ptr<char, FreeText>;

// Blank-padded text of Cryptoki.
template <std::size_t size>
std::string trimmed(const unsigned char (&field)[size]) {
  std::string_view text(reinterpret_cast<const char*>(field), size);
  text = text.substr(0, text.find('\0'));
  while (text.ends_with(' ')) text.remove_suffix(1);
  return printable(text, kMaxShownBytes);
}

wire::TokenInfo describe(const CK_TOKEN_INFO& info, const std::string& module) {
  const auto has = [&](CK_FLAGS flag) { return (info.flags & flag) != 0; };
  return {.module = module,
          .label = trimmed(info.label),
          .manufacturer = trimmed(info.manufacturerID),
          .model = trimmed(info.model),
          .serial = trimmed(info.serialNumber),
          .initialized = has(CKF_TOKEN_INITIALIZED),
          .pin_set = has(CKF_USER_PIN_INITIALIZED),
          .pin_pad = has(CKF_PROTECTED_AUTHENTICATION_PATH),
          .pin_count_low = has(CKF_USER_PIN_COUNT_LOW),
          .pin_final_try = has(CKF_USER_PIN_FINAL_TRY),
          .pin_locked = has(CKF_USER_PIN_LOCKED)};
}

bool is_trust_store(CK_FUNCTION_LIST* module) {
  const CText option(p11_kit_config_option(module, "trust-policy"));
  return option && std::string_view(option.get()) == "yes";
}

}  // namespace

Error own_failure(std::string_view call, std::uint64_t code) {
  return Error{ErrorCode::kHw, wire::CallFailure{std::string(call), code}.text()};
}

Error failure(std::string_view call, CK_RV code) {
  return own_failure(call, code & 0xffffffff);
}

Result<void> check(std::string_view call, CK_RV code) {
  if (code == CKR_OK) return {};
  return failure(call, code);
}

ModuleSet::~ModuleSet() {
  for (const Module& module : modules_) {
    p11_kit_module_finalize(module.functions);
    p11_kit_module_release(module.functions);
  }
}

Result<void> ModuleSet::start(CK_FUNCTION_LIST* functions, std::string name) {
  const CK_RV code = p11_kit_module_initialize(functions);
  if (code == CKR_OK) {
    modules_.push_back({functions, std::move(name)});
    return {};
  }
  p11_kit_module_release(functions);
  return failure("C_Initialize", code);
}

Result<ModuleSet> ModuleSet::load(const wire::ModuleChoice& choice) {
  ModuleSet set;
  if (!choice.file.empty()) {
    CK_FUNCTION_LIST* module = p11_kit_module_load(choice.file.c_str(), P11_KIT_MODULE_UNMANAGED);
    if (module == nullptr) return own_failure("C_GetFunctionList", wire::CallFailure::kNotLoaded);
    TENON_TRY_VOID(set.start(module, printable(std::filesystem::path(choice.file).stem().native(), kMaxShownBytes)));
    return set;
  }
  CK_FUNCTION_LIST** modules = p11_kit_modules_load(nullptr, P11_KIT_MODULE_UNMANAGED);
  for (std::size_t i = 0; modules != nullptr && modules[i] != nullptr; ++i) {
    const CText name_text(p11_kit_module_get_name(modules[i]));
    const std::string name = name_text ? printable(name_text.get(), kMaxShownBytes) : "";
    const bool wanted = choice.name.empty() ? !is_trust_store(modules[i]) : name == choice.name;
    if (!wanted || set.modules_.size() == kMaxModules) {
      p11_kit_module_release(modules[i]);
    } else if (auto started = set.start(modules[i], name); !started) {
      TENON_TRY(const wire::CallFailure why, wire::CallFailure::parse(started.error().message));
      set.problems_.push_back({name, why});
    }
  }
  std::free(static_cast<void*>(modules));
  const bool named_is_missing = !choice.name.empty() && set.modules_.empty();
  if (named_is_missing && set.problems_.empty()) return own_failure("module_name", wire::CallFailure::kNotLoaded);
  return set;
}

wire::TokenList ModuleSet::list_tokens() {
  wire::TokenList list;
  list.problems = problems_;
  slots_.clear();
  for (const Module& module : modules_) list_tokens_of(module, list);
  return list;
}

void ModuleSet::list_tokens_of(const Module& module, wire::TokenList& list) {
  const auto problem = [&](const char* call, CK_RV code) {
    list.problems.push_back({module.name, {call, code & 0xffffffff}});
  };
  std::vector<CK_SLOT_ID> ids(wire::kMaxTokens);
  CK_ULONG count = ids.size();
  const CK_RV listed = module.functions->C_GetSlotList(CK_TRUE, ids.data(), &count);
  if (listed != CKR_OK) return problem("C_GetSlotList", listed);
  if (count > ids.size()) {
    list.problems.push_back({module.name, {"C_GetSlotList", wire::CallFailure::kImpossible}});
    return;
  }
  for (CK_ULONG i = 0; i < count && slots_.size() < wire::kMaxTokens; ++i) {
    CK_TOKEN_INFO info{};
    const CK_RV asked = module.functions->C_GetTokenInfo(ids[i], &info);
    if (asked == CKR_TOKEN_NOT_PRESENT) continue;
    if (asked != CKR_OK) {
      problem("C_GetTokenInfo", asked);
      continue;
    }
    slots_.push_back({module.functions, ids[i]});
    list.tokens.push_back(describe(info, module.name));
  }
}

}  // namespace tenon::hsm::cryptoki
