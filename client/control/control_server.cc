#include <tenon/client/control/answer_fields.h>
#include <tenon/client/control/control_error.h>
#include <tenon/client/control/control_server.h>
#include <tenon/client/local_socket/listen_at.h>
#include <tenon/metadata/utf8.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <exception>
#include <vector>

#include <grp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace tenon::client {
namespace {

constexpr std::size_t kMostWhoAct = 32;    // connections at once of callers who may act, ...
constexpr std::size_t kMostWhoLook = 16;   // ... of others, ...
constexpr std::size_t kMostOfOneUser = 4;  // ... and of each of them
constexpr std::size_t kMostAtAll = 128;    // with those that are told to come again
constexpr int kReapMilliseconds = 1000;
constexpr auto kNobody = static_cast<uid_t>(-1);
constexpr std::string_view kStandardInterface = "org.varlink.service";

std::optional<gid_t> group_named(const std::string& name) {
  if (name.empty()) return std::nullopt;
  group entry{};
  group* found = nullptr;
  std::vector<char> text(64u << 10);  // a group of thousands has a long line
  if (::getgrnam_r(name.c_str(), &entry, text.data(), text.size(), &found) != 0 || found == nullptr)
    return std::nullopt;
  return entry.gr_gid;
}

Error too_many() {
  return Error{ErrorCode::kBusy, "too many ask at once"}.with_hint("ask again when the others have ended");
}

// Everybody may connect: what a caller may do is asked of the kernel for each.
Result<int> listen_for_everybody(const std::string& path) {
  TENON_TRY(const std::unique_ptr<ControlStream> other, ControlStream::connect(path));
  if (other) return Error{ErrorCode::kBusy, "another daemon answers at " + printable(path)};
  return listen_at(path, 0666);
}

// The file that came with a call, closed in the end whatever becomes of it.
struct GivenFile {
  int descriptor;
  ~GivenFile() {
    if (descriptor >= 0) ::close(descriptor);
  }
};

VarlinkReply failure(std::string_view error, const char* member, std::string value) {
  json::Object parameters;
  parameters.set(member, printable(value));
  return {.parameters = std::move(parameters), .error = std::string(error)};
}

}  // namespace

bool may_act(const Caller& caller, uid_t own, std::optional<gid_t> group) {
  return caller.uid == 0 || caller.uid == own ||
         (group && std::ranges::find(caller.groups, *group) != caller.groups.end());
}

struct ControlServer::Connection {
  Connection(std::unique_ptr<ControlStream> of, uid_t user, bool may_act, bool has_a_place)
      : stream(std::move(of)), uid(user), acts(may_act), is_served(has_a_place) {}

  std::unique_ptr<ControlStream> stream;  // of its thread, which destroys it; until then shut() is anybody's
  std::mutex ending = {};
  uid_t uid;
  bool acts;
  bool is_served;
  std::atomic<bool> has_ended = false;
  std::thread thread = {};
};

Result<std::unique_ptr<ControlServer>> ControlServer::start(ControlPlace place, DeviceControl& device, EventHub& hub) {
  TENON_TRY(const int listener, listen_for_everybody(place.socket));
  const std::optional<gid_t> group = group_named(place.group);
  if (!group && !place.group.empty()) {
    hub.note("there is no group " + printable(place.group) + ": root alone acts through the control socket");
  }
  try {
    return std::unique_ptr<ControlServer>(new ControlServer(std::move(place), listener, group, device, hub));
  } catch (const std::exception& problem) {
    ::close(listener);
    return Error{ErrorCode::kStorage, std::string("the control socket cannot be served: ") + problem.what()};
  }
}

ControlServer::ControlServer(ControlPlace place, int listener, std::optional<gid_t> group, DeviceControl& device,
                             EventHub& hub)
    : place_(std::move(place)), listener_(listener), group_(group), device_(device), hub_(hub), accepting_([this] {
        accept_all();
      }) {}

ControlServer::~ControlServer() {
  ::shutdown(listener_, SHUT_RDWR);
  accepting_.join();
  for (Connection& connection : connections_) {
    const std::lock_guard lock(connection.ending);
    if (connection.stream) connection.stream->shut();
  }
  for (Connection& connection : connections_) connection.thread.join();
  ::close(listener_);
  ::unlink(place_.socket.c_str());
}

void ControlServer::accept_all() {
  for (;;) {
    pollfd waiting{.fd = listener_, .events = POLLIN, .revents = 0};
    ::poll(&waiting, 1, connections_.empty() ? -1 : kReapMilliseconds);
    forget_ended();
    if ((waiting.revents & (POLLHUP | POLLERR | POLLNVAL)) != 0) return;
    if (connections_.size() >= kMostAtAll) {
      ::poll(nullptr, 0, kReapMilliseconds);  // until some have ended
      continue;
    }
    if ((waiting.revents & POLLIN) == 0) continue;
    const int descriptor = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (descriptor >= 0) {
      admit(descriptor);
    } else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
      ::poll(nullptr, 0, kReapMilliseconds);  // until something has been given back
    }
  }
}

void ControlServer::forget_ended() {
  connections_.remove_if([](Connection& connection) {
    if (!connection.has_ended) return false;
    connection.thread.join();
    return true;
  });
}

bool ControlServer::has_place_for(uid_t uid, bool acts) const {
  const auto count = [&](auto&& is_one) {
    return static_cast<std::size_t>(std::ranges::count_if(connections_, is_one));
  };
  const auto acting = [](const Connection& one) { return one.is_served && one.acts; };
  const auto looking = [](const Connection& one) { return one.is_served && !one.acts; };
  const auto of_this_user = [&](const Connection& one) { return looking(one) && one.uid == uid; };
  if (acts) return count(acting) < kMostWhoAct;
  return count(looking) < kMostWhoLook && count(of_this_user) < kMostOfOneUser;
}

void ControlServer::admit(int descriptor) {
  std::unique_ptr<ControlStream> stream = ControlStream::take(descriptor, kMaxCallBytes);
  const Result<Caller> caller = stream->caller();
  const uid_t uid = caller ? caller->uid : kNobody;
  const bool acts = caller && may_act(*caller, ::geteuid(), group_);
  if (!acts) stream->refuse_files();
  Connection& connection = connections_.emplace_back(std::move(stream), uid, acts, has_place_for(uid, acts));
  const auto live = [this, &connection] {
    try {
      if (connection.is_served) {
        serve(*connection.stream, connection.acts);
      } else {
        static_cast<void>(connection.stream->send(write_message(reply_of(too_many()))));
      }
    } catch (const std::exception&) {  // of memory: this connection ends
    }
    std::unique_ptr<ControlStream> ended;
    {
      const std::lock_guard lock(connection.ending);
      ended = std::move(connection.stream);
    }
    ended.reset();
    connection.has_ended = true;
  };
  try {
    connection.thread = std::thread(live);
  } catch (const std::exception&) {  // no thread to be had now
    connections_.pop_back();
  }
}

void ControlServer::serve(ControlStream& stream, bool acts) {
  for (;;) {
    const Result<std::optional<std::string>> message = stream.receive();
    if (!message || !*message) return;
    const Result<VarlinkCall> call = read_call(**message);
    if (!call || !answer(stream, *call, acts)) return;
  }
}

Result<void> ControlServer::answer(ControlStream& stream, const VarlinkCall& call, bool acts) {
  if (call.method == std::string(kControlInterface) + ".Monitor" && call.wants_more) {
    watch(stream);
    return Error{ErrorCode::kNet, "the watcher has gone"};
  }
  const VarlinkReply reply = reply_to(stream, call, acts);
  if (call.is_oneway) return {};
  return stream.send(write_message(reply));
}

VarlinkReply ControlServer::reply_to(ControlStream& stream, const VarlinkCall& call, bool acts) {
  const GivenFile file{stream.taken_file()};
  const std::size_t dot = call.method.rfind('.');
  const std::string interface = call.method.substr(0, dot == std::string::npos ? 0 : dot);
  const std::string method = dot == std::string::npos ? call.method : call.method.substr(dot + 1);
  json::Object parameters;
  if (interface == kStandardInterface && method == "GetInfo") {
    parameters.set("vendor", "Tenon");
    parameters.set("product", "tenond");
    parameters.set("version", place_.version);
    parameters.set("url", "");
    parameters.set("interfaces", json::Array{std::string(kStandardInterface), std::string(kControlInterface)});
    return {.parameters = std::move(parameters)};
  }
  if (interface == kStandardInterface && method == "GetInterfaceDescription") {
    const std::string wanted = string_in(call.parameters, "interface");
    if (wanted != kControlInterface) return failure("org.varlink.service.InterfaceNotFound", "interface", wanted);
    parameters.set("description", place_.description);
    return {.parameters = std::move(parameters)};
  }
  if (interface == kStandardInterface) return failure(kMethodNotFound, "method", call.method);
  if (interface != kControlInterface) return failure("org.varlink.service.InterfaceNotFound", "interface", interface);
  const bool only_looks = place_.looks.contains(method);
  if (!only_looks && !place_.acts.contains(method)) return failure(kMethodNotFound, "method", call.method);
  if (!only_looks && !acts) return {.error = std::string(kPermissionDenied)};

  CallReporter reporter(only_looks ? nullptr : &hub_, call.wants_more ? &stream : nullptr);
  Result<json::Object> result =
      device_.call({.method = method, .parameters = call.parameters, .file = file.descriptor}, reporter);
  return result ? VarlinkReply{.parameters = *std::move(result)} : reply_of(result.error());
}

void ControlServer::watch(ControlStream& stream) {
  hub_.subscribe(stream);
  stream.wait_until_closed();
  hub_.unsubscribe(stream);
}

}  // namespace tenon::client
