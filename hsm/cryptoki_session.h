// Session: one session with one token: its keys, its signatures, its new keys. As cryptoki_modules.h: for the process of
// its own; errors carry a wire::CallFailure.
// Thread: one.
#pragma once

#include <tenon/hsm/cryptoki_modules.h>
#include <tenon/hsm/secret_bytes.h>

namespace tenon::hsm::cryptoki {

class Session {
 public:
  static Result<Session> open(const ModuleSet::Slot& slot, bool writes);
  Session(Session&& other) noexcept;
  Session& operator=(Session&&) = delete;
  // Logs out and closes.
  ~Session();

  // login sends the PIN once; an empty one means that the token has a way of its own to ask. A login that was there
  // before, which would make any PIN look right, is ended first.
  Result<void> login(const SecretBytes& pin);

  // keys lists private and public keys that fit the query; their places are the numbers for sign().
  Result<wire::KeyList> keys(const wire::KeyQuery& query);

  // sign Errors: failure(); kOutOfTurn for a number that is not in the last list. pin is for a key that wants it for each
  // signature.
  Result<Bytes> sign(const wire::SignRequest& request, const SecretBytes* pin);

  // generate makes a key pair: by a strict template, or if the token takes none, by a minimal one. What it gives is read
  // back from the token. On an error nothing is left behind.
  Result<wire::KeyList> generate(const wire::GenerateRequest& request);
  // destroy removes what generate made.
  Result<void> destroy();

 private:
  struct Pair {
    CK_OBJECT_HANDLE public_key = CK_INVALID_HANDLE;
    CK_OBJECT_HANDLE private_key = CK_INVALID_HANDLE;
  };

  Session(const ModuleSet::Slot& slot, CK_SESSION_HANDLE handle) : module_(slot.module), handle_(handle) {}
  Result<void> find(CK_OBJECT_CLASS kind, const wire::KeyQuery& query, std::vector<CK_OBJECT_HANDLE>& found);
  Result<wire::KeyObject> describe(CK_OBJECT_HANDLE object, bool is_private);
  Result<Bytes> read_attribute(CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type);
  Result<bool> read_flag(CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type);
  Result<std::int64_t> read_number(CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type);
  Result<Pair> generate_pair(const wire::GenerateRequest& request);

  CK_FUNCTION_LIST* module_;
  CK_SESSION_HANDLE handle_;
  bool logged_in_ = false;
  std::vector<std::pair<CK_OBJECT_HANDLE, bool>> listed_;  // and whether it wants the PIN for each signature
  std::vector<CK_OBJECT_HANDLE> made_;
};

}  // namespace tenon::hsm::cryptoki
