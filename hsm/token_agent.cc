#include <tenon/hsm/cryptoki_session.h>
#include <tenon/hsm/frame_pipe.h>
#include <tenon/hsm/harden.h>
#include <tenon/hsm/token_agent.h>

#include <csignal>
#include <string_view>

#include <sys/prctl.h>
#include <unistd.h>

namespace tenon::hsm {
namespace {

using cryptoki::ModuleSet;
using cryptoki::Session;
using wire::Ask;

Error out_of_turn() {
  return cryptoki::own_failure("request", wire::CallFailure::kOutOfTurn);
}

Bytes text_of(const json::Object& object) {
  return to_bytes(json::to_text(object));
}

template <class Request>
Result<Request> read_json(ByteView body) {
  Result<json::Value> value = json::parse(body, {.max_bytes = 64 * 1024});
  if (!value) return out_of_turn();
  Result<Request> request = Request::read(*value);
  if (!request) return out_of_turn();
  return request;
}

class TokenAgent {
 public:
  explicit TokenAgent(FramePipe pipe) : pipe_(std::move(pipe)) {}

  // serve until the requests end.
  Result<void> serve() {
    for (;;) {
      TENON_TRY(const std::optional<wire::FrameHeader> head, pipe_.receive_head());
      if (!head || head->size > wire::kMaxRequestBytes) return {};
      TENON_TRY(const Result<Bytes> answer, receive_and_answer(*head));
      if (answer) {
        TENON_TRY_VOID(pipe_.send(static_cast<std::uint8_t>(wire::Answer::kDone), *answer));
      } else {
        const std::string& failure = answer.error().message;
        TENON_TRY_VOID(pipe_.send(static_cast<std::uint8_t>(wire::Answer::kFailed), as_bytes(failure)));
      }
      if (static_cast<Ask>(head->kind) == Ask::kClose) return {};
    }
  }

 private:
  // The outer error is the pipe's, the inner one the module's.
  Result<Result<Bytes>> receive_and_answer(const wire::FrameHeader& head) {
    const Ask ask = static_cast<Ask>(head.kind);
    if (ask == Ask::kLogin || ask == Ask::kContextPin) {
      if (head.size > wire::kMaxPinBytes) return Error{ErrorCode::kLimit, "PIN too long"};
      SecretBytes pin(head.size);
      TENON_TRY_VOID(pipe_.receive_body(pin.writable(RevealSecret())));
      return answer_pin(ask, std::move(pin));
    }
    Bytes body(head.size);
    TENON_TRY_VOID(pipe_.receive_body(body));
    return answer_body(ask, body);
  }

  Result<Bytes> answer_pin(Ask ask, SecretBytes pin) {
    if (!session_) return out_of_turn();
    if (ask == Ask::kContextPin) {
      context_pin_ = std::move(pin);
      return Bytes();
    }
    TENON_TRY_VOID(session_->login(pin));
    return Bytes();
  }

  Result<Bytes> answer_body(Ask ask, ByteView body) {
    switch (ask) {
      case Ask::kOpen: return open(body);
      case Ask::kTokens: return modules_ ? text_of(modules_->list_tokens().to_json()) : Result<Bytes>(out_of_turn());
      case Ask::kSession: return start_session(body);
      case Ask::kKeys: return keys(body);
      case Ask::kSign: return sign(body);
      case Ask::kGenerate: return generate(body);
      case Ask::kDestroy: return destroy();
      case Ask::kClose:
        session_.reset();
        modules_.reset();
        return Bytes();
      case Ask::kLogin:
      case Ask::kContextPin: break;
    }
    return out_of_turn();
  }

  Result<Bytes> open(ByteView body) {
    if (modules_) return out_of_turn();
    TENON_TRY(const wire::ModuleChoice choice, read_json<wire::ModuleChoice>(body));
    TENON_TRY(ModuleSet modules, ModuleSet::load(choice));
    modules_.emplace(std::move(modules));
    return text_of(modules_->list_tokens().to_json());
  }

  Result<Bytes> start_session(ByteView body) {
    TENON_TRY(const wire::SessionRequest request, read_json<wire::SessionRequest>(body));
    if (!modules_ || session_ || request.token >= modules_->slots().size()) return out_of_turn();
    TENON_TRY(Session session, Session::open(modules_->slots()[request.token], request.writes));
    session_.emplace(std::move(session));
    return Bytes();
  }

  Result<Bytes> keys(ByteView body) {
    TENON_TRY(const wire::KeyQuery query, read_json<wire::KeyQuery>(body));
    if (!session_) return out_of_turn();
    TENON_TRY(const wire::KeyList list, session_->keys(query));
    return text_of(list.to_json());
  }

  Result<Bytes> sign(ByteView body) {
    const Result<wire::SignRequest> request = wire::SignRequest::read(body);
    if (!request || !session_) return out_of_turn();
    const SecretBytes pin = std::move(context_pin_);
    return session_->sign(*request, &pin);
  }

  Result<Bytes> generate(ByteView body) {
    TENON_TRY(const wire::GenerateRequest request, read_json<wire::GenerateRequest>(body));
    if (!session_) return out_of_turn();
    TENON_TRY(const wire::KeyList list, session_->generate(request));
    return text_of(list.to_json());
  }

  Result<Bytes> destroy() {
    if (!session_) return out_of_turn();
    TENON_TRY_VOID(session_->destroy());
    return Bytes();
  }

  FramePipe pipe_;
  std::optional<ModuleSet> modules_;
  std::optional<Session> session_;  // after modules_: goes first
  SecretBytes context_pin_;
};

}  // namespace

std::optional<int> run_token_agent_if_asked(int argc, char** argv) {
  if (argc != 2 || std::string_view(argv[1]) != kTokenAgentArgument) return std::nullopt;
  ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  (void)harden_process();  // its warnings were shown by the program that started us
  bool served = false;
  {
    TokenAgent agent{FramePipe{FileDescriptor(kTokenAgentIn), FileDescriptor(kTokenAgentOut)}};
    served = agent.serve().has_value();
  }
  ::_exit(served ? 0 : 1);  // no destructors of a module's own: they crash where it is not expected
}

}  // namespace tenon::hsm
