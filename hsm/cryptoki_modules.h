// ModuleSet: PKCS#11 modules (Cryptoki 2.40) that are loaded into this process, and the tokens that they show. Lives in
// the process of its own alone (token_agent.h): what a module answers is checked for what could hurt this side, and all
// else is judged by the other.
// Thread: one.
#pragma once

#include <tenon/hsm/token_wire.h>

#include <string>
#include <utility>
#include <vector>

#include <p11-kit/pkcs11.h>

namespace tenon::hsm::cryptoki {

// failure is what a function of Cryptoki returned, as an Error that carries a wire::CallFailure as its message.
Error failure(std::string_view call, CK_RV code);
Error own_failure(std::string_view call, std::uint64_t code);
// check Errors: failure() unless code is CKR_OK.
Result<void> check(std::string_view call, CK_RV code);

class ModuleSet {
 public:
  struct Slot {
    CK_FUNCTION_LIST* module;
    CK_SLOT_ID id;
  };

  // load the file, or all modules of the system's p11-kit configuration, or the one of that name. One that does not
  // start is a problem in list_tokens() if there are others. Trust stores are left out.
  // Errors: failure() if a module that was named does not load or start.
  static Result<ModuleSet> load(const wire::ModuleChoice& choice);

  ModuleSet(ModuleSet&& other) noexcept
      : modules_(std::exchange(other.modules_, {})),
        problems_(std::move(other.problems_)),
        slots_(std::move(other.slots_)) {}
  ModuleSet& operator=(ModuleSet&&) = delete;
  // Finalizes: modules crash at exit when they are not.
  ~ModuleSet();

  // list_tokens asks every module anew; the places in the list are the numbers of slots().
  wire::TokenList list_tokens();
  const std::vector<Slot>& slots() const { return slots_; }

 private:
  struct Module {
    CK_FUNCTION_LIST* functions;
    std::string name;
  };

  ModuleSet() = default;
  void list_tokens_of(const Module& module, wire::TokenList& list);
  Result<void> start(CK_FUNCTION_LIST* functions, std::string name);

  std::vector<Module> modules_;
  std::vector<wire::ModuleProblem> problems_;
  std::vector<Slot> slots_;
};

}  // namespace tenon::hsm::cryptoki
