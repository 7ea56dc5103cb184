// The control socket: who may do what, and what callers who stall, flood or vanish can do to the rest.
#include <tenon/client/control/control_client.h>
#include <tenon/client/control/control_error.h>
#include <tenon/client/control/control_server.h>

#include <atomic>
#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <thread>
#include <vector>

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <tests/support/recording_reporter.h>
#include <tests/support/scratch_folder.h>
#include <unistd.h>

namespace tenon::tests {
namespace {

using client::ControlCall;
using client::ControlClient;
using client::ControlServer;
using client::ControlStream;

// A device that tells what it was asked, and waits in "Install" until it is let go.
class ScriptedControl final : public client::DeviceControl {
 public:
  Result<json::Object> call(const ControlCall& call, client::Reporter& reporter) override {
    json::Object answer;
    answer.set("method", call.method);
    if (call.file >= 0) {
      std::string text(8, '\0');
      text.resize(static_cast<std::size_t>(std::max<ssize_t>(0, ::pread(call.file, text.data(), text.size(), 0))));
      answer.set("file", text);
    }
    if (call.method == "Confirm") return Error{ErrorCode::kBusy, "somebody acts", "wait"};
    if (call.method != "Install") return answer;
    reporter.note("begun");
    reporter.progress("write", 1, 2);
    std::unique_lock lock(mutex_);
    ++installing_;
    changed_.notify_all();
    changed_.wait(lock, [&] { return may_end_; });
    reporter.warn("ended");
    return answer;
  }
  void wait_until_installing() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return installing_ > 0; });
  }
  void let_go() {
    const std::lock_guard lock(mutex_);
    may_end_ = true;
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool may_end_ = false;
  int installing_ = 0;
};

class ControlSocket : public testing::Test {
 protected:
  void SetUp() override { server = start(); }

  std::unique_ptr<ControlServer> start() {
    auto started = ControlServer::start({.socket = socket(),
                                         .version = "1",
                                         .looks = {"Status"},
                                         .acts = {"Install", "Confirm"},
                                         .description = "interface org.tenon.Update\n"},
                                        device, hub);
    EXPECT_TRUE(started) << started.error().message;
    return started ? *std::move(started) : nullptr;
  }
  std::string socket() const { return (folder.path() / "control.sock").string(); }
  std::unique_ptr<ControlStream> connect() { return *ControlStream::connect(socket()); }
  Result<json::Object> ask(const std::string& method, int file = -1) {
    ControlClient client(connect());
    return client.call({.method = method, .file = file}, told);
  }
  client::VarlinkReply raw(const std::string& method, json::Object parameters = {}) {
    const auto stream = connect();
    EXPECT_TRUE(stream->send(client::write_message(client::VarlinkCall{.method = method, .parameters = parameters})));
    return *client::read_reply(**stream->receive());
  }

  ScratchFolder folder;
  RecordingReporter log;
  RecordingReporter told;
  client::EventHub hub{log};
  ScriptedControl device;
  std::unique_ptr<ControlServer> server;
};

TEST_F(ControlSocket, AnswersWithTheAnswerOrTheError) {
  EXPECT_EQ(*ask("Status")->find("method"), json::Value("Status"));
  const auto refused = ask("Confirm");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error(), (Error{ErrorCode::kBusy, "somebody acts", "wait"}));
}

TEST_F(ControlSocket, TellsTheCallerAndTheLogWhatGoesOn) {
  device.let_go();
  EXPECT_TRUE(ask("Install"));
  EXPECT_EQ(told.notes, std::vector<std::string>{"begun"});
  EXPECT_EQ(told.warnings, std::vector<std::string>{"ended"});
  EXPECT_EQ(log.notes, told.notes);
}

TEST_F(ControlSocket, HandsAFileOver) {
  const std::string path = folder.path() / "bundle";
  const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  ASSERT_EQ(::write(file, "content", 7), 7);
  EXPECT_EQ(*ask("Status", file)->find("file"), json::Value("content"));
  ::close(file);
}

TEST_F(ControlSocket, AnswersOthersWhileOneActs) {
  std::thread acting([&] { static_cast<void>(ask("Install")); });
  device.wait_until_installing();
  EXPECT_TRUE(ask("Status"));
  device.let_go();
  acting.join();
}

TEST_F(ControlSocket, ActsToTheEndWhenTheCallerVanishes) {
  {
    const auto stream = connect();
    ASSERT_TRUE(stream->send(client::write_message(client::VarlinkCall{.method = "org.tenon.Update.Install"})));
    device.wait_until_installing();
  }
  device.let_go();
  server.reset();
  EXPECT_EQ(log.warnings, std::vector<std::string>{"ended"});
}

TEST_F(ControlSocket, ShowsAWatcherWhatOthersDo) {
  const auto watcher = connect();
  ASSERT_TRUE(watcher->send(
      client::write_message(client::VarlinkCall{.method = "org.tenon.Update.Monitor", .wants_more = true})));
  // Until the watcher is in, what is told is for the others.
  std::optional<std::string> first;
  std::atomic<bool> has_come = false;
  std::thread receiving([&] {
    first = *watcher->receive();
    has_come = true;
  });
  while (!has_come) {
    hub.note("hello");
    std::this_thread::yield();
  }
  receiving.join();
  const auto reply = *client::read_reply(*first);
  EXPECT_TRUE(reply.continues);
  EXPECT_EQ(*reply.parameters.find("note"), json::Value("hello"));
}

TEST_F(ControlSocket, AWatcherThatReadsNothingHoldsNobodyUp) {
  const auto watcher = connect();
  ASSERT_TRUE(watcher->send(
      client::write_message(client::VarlinkCall{.method = "org.tenon.Update.Monitor", .wants_more = true})));
  ASSERT_TRUE(ask("Status"));
  const std::string line(900, 'x');
  for (int i = 0; i < 2'000; ++i) hub.note(line);
  EXPECT_EQ(log.notes.size(), 2'000U);
  EXPECT_TRUE(ask("Status"));
}

TEST_F(ControlSocket, SpeaksTheStandardInterface) {
  const auto info = raw("org.varlink.service.GetInfo");
  EXPECT_EQ(*info.parameters.find("product"), json::Value("tenond"));
  json::Object wanted;
  wanted.set("interface", "org.tenon.Update");
  EXPECT_EQ(*raw("org.varlink.service.GetInterfaceDescription", wanted).parameters.find("description"),
            json::Value("interface org.tenon.Update\n"));
  wanted.set("interface", "org.example");
  EXPECT_EQ(raw("org.varlink.service.GetInterfaceDescription", wanted).error, "org.varlink.service.InterfaceNotFound");
  EXPECT_EQ(raw("org.tenon.Update.Format").error, client::kMethodNotFound);
  EXPECT_EQ(raw("org.example.Status").error, "org.varlink.service.InterfaceNotFound");
  EXPECT_EQ(raw("Status").error, "org.varlink.service.InterfaceNotFound");
}

TEST_F(ControlSocket, EndsTheConnectionOfWhoSendsNonsenseAndServesTheNext) {
  for (const std::string& nonsense : {std::string("no json\0", 8), std::string(client::kMaxCallBytes + 5000, 'x'),
                                      std::string("{\"method\":1}\0", 13)}) {
    const auto stream = connect();
    static_cast<void>(stream->send(nonsense));
    const auto answer = stream->receive();
    EXPECT_TRUE(!answer || !*answer);
    EXPECT_TRUE(ask("Status"));
  }
}

// A caller may hand over descriptors whose closing takes as long as he likes. Who may act may do so in his own connection alone.
TEST_F(ControlSocket, IsNotHeldUpByAHandedOverSocketThatLingers) {
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ASSERT_EQ(::bind(listener, reinterpret_cast<const sockaddr*>(&address), size), 0);
  ASSERT_EQ(::listen(listener, 1), 0);
  ASSERT_EQ(::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size), 0);
  const int lingering = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  ::connect(lingering, reinterpret_cast<const sockaddr*>(&address), size);
  const int peer = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);  // who never reads
  const std::string much(64u << 10, 'x');
  while (::send(lingering, much.data(), much.size(), MSG_NOSIGNAL) > 0) {
  }
  const linger long_enough{.l_onoff = 1, .l_linger = 1000};  // seconds: beyond this test's own time
  ASSERT_EQ(::setsockopt(lingering, SOL_SOCKET, SO_LINGER, &long_enough, sizeof long_enough), 0);
  const int flags = ::fcntl(lingering, F_GETFL);
  ASSERT_EQ(::fcntl(lingering, F_SETFL, flags & ~O_NONBLOCK), 0);
  auto stream = connect();
  ASSERT_TRUE(stream->send("{", lingering));
  ::close(lingering);  // on its way or there, it is open: the server's will be the last close
  stream.reset();
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(ask("Status"));
  ::close(peer);  // ends what lingers
  ::close(listener);
}

TEST_F(ControlSocket, TellsWhoAreTooManyAndServesTheNextWhenTheyHaveGone) {
  std::vector<std::unique_ptr<ControlStream>> held;
  for (int i = 0; i < 32; ++i) held.push_back(connect());
  const auto refused = ask("Status");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kBusy);
  held.clear();
  while (!ask("Status")) std::this_thread::yield();
}

// Book: LOC-08
TEST(ControlRights, AreRootsTheDaemonsAndTheGroups) {
  const client::Caller nobody{.uid = 65534, .groups = {65534, 100}};
  EXPECT_TRUE(client::may_act({.uid = 0}, 999, std::nullopt));
  EXPECT_TRUE(client::may_act({.uid = 999}, 999, std::nullopt));
  EXPECT_TRUE(client::may_act(nobody, 999, gid_t{100}));
  EXPECT_FALSE(client::may_act(nobody, 999, gid_t{0}));
  EXPECT_FALSE(client::may_act(nobody, 999, std::nullopt));
}

// Book: LOC-07
TEST_F(ControlSocket, IsNotMadeInAFolderThatOthersMayWriteTo) {
  server.reset();
  ASSERT_EQ(::chmod(folder.path().c_str(), 01777), 0);
  const auto refused = ControlServer::start({.socket = socket()}, device, hub);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kUsage);
  EXPECT_FALSE(std::filesystem::exists(socket()));
}

// Book: DEV-43
TEST_F(ControlSocket, IsNotTakenFromADaemonThatAnswers) {
  const auto second = ControlServer::start({.socket = socket()}, device, hub);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::kBusy);
  EXPECT_TRUE(ask("Status"));
}

TEST_F(ControlSocket, ReplacesTheOneThatADeadDaemonLeft) {
  server.reset();
  const int left = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  socket().copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(::bind(left, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  ::close(left);
  EXPECT_FALSE(*ControlStream::connect(socket())) << "nobody listens there";
  server = start();
  EXPECT_TRUE(ask("Status"));
}

}  // namespace
}  // namespace tenon::tests
