#include <tenon/hsm/pkcs11_error.h>
#include <tenon/hsm/token_agent.h>
#include <tenon/hsm/token_process.h>
#include <tenon/metadata/utf8.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace tenon::hsm {
namespace {

constexpr int kFirstFreeDescriptor = 10;  // above what the child's end is given
constexpr std::chrono::milliseconds kPatienceAtTheEnd{2000};

struct Pipe {
  FileDescriptor read;
  FileDescriptor write;
};

// Both ends above the numbers that the agent uses, so that handing them over never overwrites one with the other.
Result<Pipe> make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return Error{ErrorCode::kHw, std::string("pipe: ") + std::strerror(errno)};
  const Pipe low{FileDescriptor(ends[0]), FileDescriptor(ends[1])};
  Pipe high{FileDescriptor(::fcntl(ends[0], F_DUPFD_CLOEXEC, kFirstFreeDescriptor)),
            FileDescriptor(::fcntl(ends[1], F_DUPFD_CLOEXEC, kFirstFreeDescriptor))};
  if (!high.read || !high.write) return Error{ErrorCode::kHw, std::string("pipe: ") + std::strerror(errno)};
  return high;
}

class SpawnActions {
 public:
  SpawnActions() { ::posix_spawn_file_actions_init(&actions_); }
  ~SpawnActions() { ::posix_spawn_file_actions_destroy(&actions_); }
  SpawnActions(const SpawnActions&) = delete;
  SpawnActions& operator=(const SpawnActions&) = delete;
  posix_spawn_file_actions_t* get() { return &actions_; }

 private:
  posix_spawn_file_actions_t actions_{};
};

// The module gets the two pipes and nothing else that is open here; what it prints goes nowhere, since some print PINs.
Result<pid_t> spawn(const std::filesystem::path& agent, int in, int out) {
  SpawnActions actions;
  ::posix_spawn_file_actions_addopen(actions.get(), 0, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_addopen(actions.get(), 1, "/dev/null", O_WRONLY, 0);
  ::posix_spawn_file_actions_addopen(actions.get(), 2, "/dev/null", O_WRONLY, 0);
  ::posix_spawn_file_actions_adddup2(actions.get(), in, kTokenAgentIn);
  ::posix_spawn_file_actions_adddup2(actions.get(), out, kTokenAgentOut);
  ::posix_spawn_file_actions_addclosefrom_np(actions.get(), kTokenAgentOut + 1);
  std::string name = "tenon-token-agent";
  std::string argument = kTokenAgentArgument;
  std::array<char*, 3> arguments = {name.data(), argument.data(), nullptr};
  pid_t child = -1;
  const int failed = ::posix_spawn(&child, agent.c_str(), actions.get(), nullptr, arguments.data(), environ);
  if (failed == 0) return child;
  return Error{ErrorCode::kHw,
               "the process for the PKCS#11 module does not start: " + std::string(std::strerror(failed))};
}

// True if the child has ended within the patience, and then it is gone from the process table too.
bool reaped(pid_t child, std::chrono::milliseconds patience) {
  const FileDescriptor handle(static_cast<int>(::syscall(SYS_pidfd_open, child, 0)));
  if (handle) {
    pollfd ended{handle.get(), POLLIN, 0};
    while (::poll(&ended, 1, static_cast<int>(patience.count())) < 0 && errno == EINTR) continue;
  }
  return ::waitpid(child, nullptr, WNOHANG) == child;
}

template <class Reply>
Result<Reply> read_reply(ByteView body) {
  Result<json::Value> value = json::parse(body, {.max_bytes = wire::kMaxReplyBytes, .max_values = 8192});
  Result<Reply> reply = value ? Reply::read(*value) : Result<Reply>(value.error());
  if (reply) return reply;
  return Error{ErrorCode::kHw,
               "the PKCS#11 module's process gave an answer that makes no sense: " + printable(reply.error().message),
               "do not use this module until that is understood"};
}

Bytes text_of(const json::Object& object) {
  return to_bytes(json::to_text(object));
}

}  // namespace

Result<TokenProcess> TokenProcess::start(const ModuleOptions& options, const std::optional<std::string>& module_name) {
  if (module_name && !options.module.empty()) {
    return Error{ErrorCode::kUsage, "both --pkcs11-module and module-name= name a module", "give one of them"};
  }
  TENON_TRY(Pipe requests, make_pipe());
  TENON_TRY(Pipe replies, make_pipe());
  TENON_TRY(const pid_t child, spawn(options.agent, requests.read.get(), replies.write.get()));
  TokenProcess process(FramePipe(std::move(replies.read), std::move(requests.write)), child, options);
  // The child's ends close here, so that its end is seen.
  requests.read = FileDescriptor(-1);
  replies.write = FileDescriptor(-1);
  const wire::ModuleChoice choice{options.module.native(), module_name.value_or("")};
  TENON_TRY(const Bytes opened, process.ask(wire::Ask::kOpen, text_of(choice.to_json())));
  TENON_TRY(process.tokens_, read_reply<wire::TokenList>(opened));
  return process;
}

TokenProcess::TokenProcess(TokenProcess&& other) noexcept
    : pipe_(std::move(other.pipe_)),
      child_(std::exchange(other.child_, -1)),
      options_(std::move(other.options_)),
      tokens_(std::move(other.tokens_)) {}

TokenProcess::~TokenProcess() {
  if (child_ < 0) return;
  (void)ask(wire::Ask::kClose, {}, kPatienceAtTheEnd);  // whatever it says, it goes now
  end(kPatienceAtTheEnd);
}

void TokenProcess::end(std::chrono::milliseconds patience) {
  if (child_ < 0) return;
  if (!reaped(child_, patience)) {
    ::kill(child_, SIGKILL);
    ::waitpid(child_, nullptr, 0);
  }
  child_ = -1;
}

Result<Bytes> TokenProcess::ask(wire::Ask what, ByteView body, std::chrono::milliseconds patience) {
  if (child_ < 0) return Error{ErrorCode::kHw, "the PKCS#11 module's process has ended", "start again"};
  Result<FramePipe::Reply> reply = pipe_.exchange(static_cast<std::uint8_t>(what), body, patience);
  if (!reply) {
    end(std::chrono::milliseconds::zero());
    if (reply.error().code == ErrorCode::kBusy) {
      return Error{ErrorCode::kBusy,
                   "the token did not answer within " +
                       std::to_string(std::chrono::duration_cast<std::chrono::seconds>(patience).count()) +
                       " s; its module was ended, nothing was signed",
                   "does it wait for a touch? Pull it out, plug it in, and start again"};
    }
    if (reply.error().code == ErrorCode::kLimit) return std::move(reply).error();
    return Error{ErrorCode::kHw, "the PKCS#11 module crashed; nothing was signed (" + reply.error().message + ")",
                 "try the vendor's newest module"};
  }
  if (reply->kind == static_cast<std::uint8_t>(wire::Answer::kDone)) return std::move(reply->body);
  const Result<wire::CallFailure> failure = wire::CallFailure::parse(as_text(reply->body));
  if (reply->kind == static_cast<std::uint8_t>(wire::Answer::kFailed) && failure) return pkcs11_error(*failure);
  end(std::chrono::milliseconds::zero());
  return Error{ErrorCode::kHw, "the PKCS#11 module's process gave an answer that makes no sense",
               "do not use this module until that is understood"};
}

Result<wire::TokenList> TokenProcess::refresh_tokens() {
  TENON_TRY(const Bytes body, ask(wire::Ask::kTokens, {}));
  return read_reply<wire::TokenList>(body);
}

Result<void> TokenProcess::open_session(std::size_t token, bool writes) {
  TENON_TRY_VOID(ask(wire::Ask::kSession, text_of(wire::SessionRequest{token, writes}.to_json())));
  return {};
}

Result<void> TokenProcess::login(const SecretBytes& pin) {
  TENON_TRY_VOID(ask(wire::Ask::kLogin, pin.bytes(RevealSecret())));
  return {};
}

Result<wire::KeyList> TokenProcess::keys(const wire::KeyQuery& query) {
  TENON_TRY(const Bytes body, ask(wire::Ask::kKeys, text_of(query.to_json())));
  return read_reply<wire::KeyList>(body);
}

Result<Bytes> TokenProcess::sign(wire::Mechanism mechanism, std::size_t key, ByteView data,
                                 const SecretBytes* context_pin) {
  TENON_CHECK(key < wire::kMaxKeys);
  if (context_pin != nullptr) TENON_TRY_VOID(ask(wire::Ask::kContextPin, context_pin->bytes(RevealSecret())));
  const wire::SignRequest request{mechanism, static_cast<std::uint8_t>(key), data};
  TENON_TRY(Bytes signature, ask(wire::Ask::kSign, request.bytes()));
  if (signature.size() <= wire::kMaxSignatureBytes) return signature;
  return pkcs11_error({"C_Sign", wire::CallFailure::kImpossible});
}

Result<wire::KeyList> TokenProcess::generate(const wire::GenerateRequest& request) {
  TENON_TRY(const Bytes body, ask(wire::Ask::kGenerate, text_of(request.to_json()), options_.generate_patience));
  return read_reply<wire::KeyList>(body);
}

Result<void> TokenProcess::destroy_generated() {
  TENON_TRY_VOID(ask(wire::Ask::kDestroy, {}));
  return {};
}

}  // namespace tenon::hsm
