// TokenProcess: a PKCS#11 module at arm's length. It runs in a process of its own (token_agent.h); this is our end. What
// it answers is parsed with limits, and nothing in it is believed: who uses it compares and verifies.
// Thread: one. A module that does not answer in time is ended, and every later call fails at once.
#pragma once

#include <tenon/hsm/frame_pipe.h>
#include <tenon/hsm/secret_bytes.h>
#include <tenon/hsm/token_wire.h>
#include <tenon/metadata/result.h>

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>

#include <sys/types.h>

namespace tenon::hsm {

struct ModuleOptions {
  std::filesystem::path module;  // the one file to load; empty: the modules of the system's p11-kit configuration
  // The program that serves as the agent; our own by default.
  std::filesystem::path agent = "/proc/self/exe";
  std::chrono::milliseconds patience = std::chrono::seconds(60);  // for each answer; a touch may be waited for
  std::chrono::milliseconds generate_patience = std::chrono::seconds(600);  // a TPM may need minutes for RSA
};

class TokenProcess {
 public:
  // start runs the agent and lists the tokens. module_name: of the configured modules, this one alone.
  // Errors: those of pkcs11_error; E_HW if the module crashed; E_BUSY if it did not answer in time; E_USAGE for both a
  // file and a name.
  static Result<TokenProcess> start(const ModuleOptions& options, const std::optional<std::string>& module_name);

  TokenProcess(TokenProcess&& other) noexcept;
  TokenProcess& operator=(TokenProcess&&) = delete;
  // Lets the module end in good order, for a short while; then ends it.
  ~TokenProcess();

  const wire::TokenList& tokens() const { return tokens_; }
  // refresh_tokens reads the tokens' flags anew.
  Result<wire::TokenList> refresh_tokens();

  // Each Errors: as start.
  Result<void> open_session(std::size_t token, bool writes);
  Result<void> login(const SecretBytes& pin);
  Result<wire::KeyList> keys(const wire::KeyQuery& query);
  // sign gives what the token made, unverified. context_pin is sent before it if there is one.
  Result<Bytes> sign(wire::Mechanism mechanism, std::size_t key, ByteView data, const SecretBytes* context_pin);
  Result<wire::KeyList> generate(const wire::GenerateRequest& request);
  Result<void> destroy_generated();

 private:
  TokenProcess(FramePipe pipe, pid_t child, ModuleOptions options)
      : pipe_(std::move(pipe)), child_(child), options_(std::move(options)) {}
  Result<Bytes> ask(wire::Ask what, ByteView body, std::chrono::milliseconds patience);
  Result<Bytes> ask(wire::Ask what, ByteView body) { return ask(what, body, options_.patience); }
  void end(std::chrono::milliseconds patience);

  FramePipe pipe_;
  pid_t child_ = -1;
  ModuleOptions options_;
  wire::TokenList tokens_;
};

}  // namespace tenon::hsm
