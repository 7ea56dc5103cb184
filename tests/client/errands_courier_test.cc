// tenond's end and the courier's end of a connection, each against one that does what it should not.
#include <tenon/client/errands/courier_fetcher.h>
#include <tenon/client/errands/errand_server.h>
#include <tenon/client/errands/errand_wire.h>

#include <functional>
#include <string>
#include <thread>

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <tests/support/scratch_folder.h>
#include <unistd.h>

namespace tenon::client {
namespace {

struct Text final : ByteSink {
  std::string text = {};
  bool refuses = false;
  Result<void> accept(ByteView piece) override {
    if (refuses) return Error{ErrorCode::kMismatch, "not what is signed"};
    text += as_text(piece);
    return {};
  }
};

// PlayedCourier listens, and plays a script for one connection after the other.
class PlayedCourier {
 public:
  using Script = std::function<void(const ErrandSocket&)>;

  explicit PlayedCourier(Script script) : listener_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path().copy(std::data(address.sun_path), sizeof(address.sun_path) - 1);
    EXPECT_EQ(::bind(listener_.descriptor(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
    EXPECT_EQ(::listen(listener_.descriptor(), 4), 0);
    thread_ = std::thread([this, script = std::move(script)] {
      for (int one = -1; (one = ::accept(listener_.descriptor(), nullptr, nullptr)) >= 0; ++connections) {
        const ErrandSocket connection(one);
        script(connection);
      }
    });
  }
  ~PlayedCourier() {
    ::shutdown(listener_.descriptor(), SHUT_RDWR);
    thread_.join();
  }
  std::string path() const { return (folder_.path() / "courier.sock").string(); }

  std::atomic<int> connections = 0;

 private:
  tests::ScratchFolder folder_;
  ErrandSocket listener_;
  std::thread thread_;
};

Bytes next_errand(const ErrandSocket& peer) {
  Bytes frame(1000);
  const Result<std::size_t> count = peer.receive(frame, kNoDeadline);
  frame.resize(count ? *count : 0);
  return frame;
}

void say(const ErrandSocket& peer, ByteView bytes) {
  static_cast<void>(peer.send(bytes, {}, kNoDeadline));
}

void say_piece(const ErrandSocket& peer, std::string_view text) {
  say(peer, FrameHead{FrameKind::kPiece, static_cast<std::uint32_t>(text.size())}.to_bytes());
  say(peer, as_bytes(text));
}

const FetchRequest kRequest{.path = "metadata/x.json", .offset = 0, .max_length = 10, .is_part = false};

struct Fetched {
  Result<FetchOutcome> outcome;
  std::string text;
};

Fetched fetch_from(const PlayedCourier& courier, const FetchOptions& options = {}) {
  CourierLink link = CourierLink::to_socket(courier.path());
  CourierFetcher fetcher(link, 0, "the source", options);
  Text sink;
  Result<FetchOutcome> outcome = fetcher.fetch(kRequest, sink);
  return {std::move(outcome), sink.text};
}

TEST(CourierFetcher, BringsWhatTheCourierBringsAndKeepsTheConnection) {
  const PlayedCourier courier([](const ErrandSocket& peer) {
    while (!next_errand(peer).empty()) {
      say_piece(peer, "01234");
      say(peer, ErrandEnd{FetchOutcome::kComplete, std::chrono::seconds(7)}.to_frame());
    }
  });
  CourierLink link = CourierLink::to_socket(courier.path());
  CourierFetcher fetcher(link, 0, "the source", {});
  for (int i = 0; i < 3; ++i) {
    Text sink;
    const Result<FetchOutcome> outcome = fetcher.fetch(kRequest, sink);
    ASSERT_TRUE(outcome) << outcome.error().message;
    EXPECT_EQ(sink.text, "01234");
    EXPECT_EQ(fetcher.asked_pause(), std::chrono::seconds(7));
  }
  EXPECT_EQ(courier.connections, 0) << "the first has not ended";
}

TEST(CourierFetcher, TakesALyingCourierForABadServer) {
  const struct {
    const char* what;
    PlayedCourier::Script script;
    ErrorCode code;
  } cases[] = {
      {"closes at once", [](const ErrandSocket&) {}, ErrorCode::kNet},
      {"closes in a piece",
       [](const ErrandSocket& peer) {
         next_errand(peer);
         say(peer, FrameHead{FrameKind::kPiece, 10}.to_bytes());
         say(peer, as_bytes("012"));
       },
       ErrorCode::kNet},
      {"sends too much",
       [](const ErrandSocket& peer) {
         next_errand(peer);
         for (int i = 0; i < 100; ++i) say_piece(peer, "0123456789");
         next_errand(peer);
       },
       ErrorCode::kLimit},
      {"announces four gigabytes",
       [](const ErrandSocket& peer) {
         next_errand(peer);
         say(peer, Bytes{'E', 0xff, 0xff, 0xff, 0xff});
         next_errand(peer);
       },
       ErrorCode::kNet},
      {"speaks HTTP",
       [](const ErrandSocket& peer) {
         next_errand(peer);
         say(peer, as_bytes("HTTP/1.1 200 OK\r\n\r\n"));
         next_errand(peer);
       },
       ErrorCode::kNet},
      {"answers twice",
       [](const ErrandSocket& peer) {
         next_errand(peer);
         Bytes twice = ErrandEnd{FetchOutcome::kComplete}.to_frame();
         twice.insert(twice.end(), twice.begin(), twice.end());
         say(peer, twice);
         next_errand(peer);
       },
       ErrorCode::kNet},
  };
  for (const auto& one : cases) {
    const PlayedCourier courier(one.script);
    const Fetched fetched = fetch_from(courier);
    ASSERT_FALSE(fetched.outcome) << one.what;
    EXPECT_EQ(fetched.outcome.error().code, one.code) << one.what;
    EXPECT_LE(fetched.text.size(), kRequest.max_length) << one.what;
  }
}

// The time of a stall is none here, so that nothing is waited for.
TEST(CourierFetcher, LeavesACourierThatSaysNothing) {
  FetchOptions options;
  options.connect_timeout = options.stall_time = std::chrono::seconds::zero();
  options.slowest_bytes_per_second = 1'000'000;
  for (const std::string_view beginning : {"", "P", "P\x0a\0\0"}) {
    const PlayedCourier courier([&](const ErrandSocket& peer) {
      next_errand(peer);
      say(peer, as_bytes(beginning));
      next_errand(peer);  // until the other side has gone
    });
    const Fetched fetched = fetch_from(courier, options);
    ASSERT_FALSE(fetched.outcome);
    EXPECT_EQ(fetched.outcome.error().code, ErrorCode::kNet);
  }
}

TEST(CourierFetcher, BeginsAnewWhenItsSinkRefused) {
  const PlayedCourier courier([](const ErrandSocket& peer) {
    next_errand(peer);
    say_piece(peer, "01234");
    say(peer, ErrandEnd{FetchOutcome::kComplete}.to_frame());
    next_errand(peer);
  });
  CourierLink link = CourierLink::to_socket(courier.path());
  CourierFetcher fetcher(link, 0, "the source", {});
  Text refusing;
  refusing.refuses = true;
  const Result<FetchOutcome> refused = fetcher.fetch(kRequest, refusing);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kMismatch);
  Text sink;
  EXPECT_TRUE(fetcher.fetch(kRequest, sink)) << "nothing of the first answer is left";
  EXPECT_EQ(sink.text, "01234");
}

TEST(CourierFetcher, SaysThatNoCourierIsThere) {
  CourierLink link = CourierLink::to_socket("/nowhere/courier.sock");
  CourierFetcher fetcher(link, 0, "the source", {});
  Text sink;
  const Result<FetchOutcome> outcome = fetcher.fetch(kRequest, sink);
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, ErrorCode::kNet);
  EXPECT_NE(outcome.error().message.find("/nowhere/courier.sock"), std::string::npos);
  EXPECT_FALSE(outcome.error().hint.empty());
}

TEST(CourierFetcher, AsksForNoPathThatDoesNotFit) {
  CourierLink link = CourierLink::nowhere(Error{ErrorCode::kNet, "not asked"});
  CourierFetcher fetcher(link, 0, "the source", {});
  Text sink;
  for (const std::string& path : {std::string(), std::string(kMaxPathBytes + 1, 'x')}) {
    const Result<FetchOutcome> outcome = fetcher.fetch(FetchRequest{.path = path}, sink);
    ASSERT_FALSE(outcome);
    EXPECT_NE(outcome.error().message, "not asked");
  }
}

TEST(CourierLink, SaysThatAProgramCannotBeStarted) {
  CourierLink link = CourierLink::start("/nowhere/tenon-courier", "device.toml");
  const Result<ErrandSocket> connection = link.connect(kNoDeadline);
  ASSERT_FALSE(connection);
  EXPECT_EQ(connection.error().code, ErrorCode::kNet);
  EXPECT_NE(connection.error().message.find("/nowhere/tenon-courier cannot be started"), std::string::npos);
  EXPECT_FALSE(link.is_lost()) << "there was none";
}

TEST(CourierLink, NoticesThatTheCourierItStartedHasEnded) {
  CourierLink link = CourierLink::start("/bin/true", "device.toml");
  Result<ErrandSocket> connection = link.connect(kNoDeadline);
  while (connection) {  // what was passed before its end is closed with it
    Bytes byte(1);
    const Result<std::size_t> count = connection->receive(byte, kNoDeadline);
    EXPECT_TRUE(count && *count == 0);
    connection = link.connect(kNoDeadline);
  }
  EXPECT_EQ(connection.error().code, ErrorCode::kNet);
  EXPECT_TRUE(link.is_lost());
}

// What the courier was asked for, and what it answers.
struct Source final : Fetcher {
  std::vector<FetchRequest> requests = {};
  std::string content = "0123456789";
  Result<FetchOutcome> outcome = FetchOutcome::kComplete;

  std::string name() const override { return "a source"; }
  Result<FetchOutcome> fetch(const FetchRequest& request, ByteSink& sink) override {
    requests.push_back(request);
    TENON_TRY_VOID(sink.accept(as_bytes(content)));
    return outcome;
  }
  std::chrono::seconds asked_pause() const override { return std::chrono::seconds(3); }
};

// A courier with one source, and this end of a connection to it.
struct Served {
  Served() {
    auto made = std::make_unique<Source>();
    source = made.get();
    sources.push_back(std::move(made));
    auto ends = *ErrandSocket::pair();
    peer.emplace(std::move(ends.first));
    thread = std::thread([this, end = std::move(ends.second)]() mutable {
      const ErrandSocket own = std::move(end);
      outcome = serve_errands(own, sources);
    });
  }
  // The outcome once the courier's end has ended.
  Result<void> end() {
    ::shutdown(peer->descriptor(), SHUT_WR);
    thread.join();
    return outcome;
  }

  Source* source;
  std::vector<std::unique_ptr<Fetcher>> sources;
  std::optional<ErrandSocket> peer;
  std::thread thread;
  Result<void> outcome;
};

Bytes all_of(const ErrandSocket& peer, std::size_t size) {
  Bytes bytes(size);
  for (std::size_t have = 0; have < size;) {
    const Result<std::size_t> count = peer.receive(std::span(bytes).subspan(have), kNoDeadline);
    if (!count || *count == 0) return Bytes(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(have));
    have += *count;
  }
  return bytes;
}

ErrandEnd end_of(const ErrandSocket& peer) {
  const Bytes head_bytes = all_of(peer, kHeadBytes);
  const FrameHead head = *FrameHead::read(std::span(head_bytes).first<kHeadBytes>());
  EXPECT_EQ(head.kind, FrameKind::kEnd);
  return *ErrandEnd::read(all_of(peer, head.length));
}

TEST(ErrandServer, RunsOneErrandAfterTheOther) {
  Served served;
  for (int i = 0; i < 3; ++i) {
    say(*served.peer, Errand{0, kRequest}.to_frame());
    EXPECT_EQ(as_text(all_of(*served.peer, kHeadBytes + 10)).substr(kHeadBytes), "0123456789");
    const ErrandEnd end = end_of(*served.peer);
    EXPECT_TRUE(end.outcome);
    EXPECT_EQ(end.asked_pause, std::chrono::seconds(3));
  }
  EXPECT_TRUE(served.end());
  EXPECT_EQ(served.source->requests.size(), 3u);
}

TEST(ErrandServer, KnowsNoSourceBeyondItsConfiguration) {
  Served served;
  for (const int source : {1, 2, 65535}) {
    say(*served.peer, Errand{static_cast<std::uint16_t>(source), kRequest}.to_frame());
    const ErrandEnd end = end_of(*served.peer);
    ASSERT_FALSE(end.outcome);
    EXPECT_EQ(end.outcome.error().code, ErrorCode::kNet);
  }
  EXPECT_TRUE(served.end());
  EXPECT_TRUE(served.source->requests.empty());
}

TEST(ErrandServer, EndsWithAPeerThatMakesNoSense) {
  for (const std::string_view said : {"GET / HTTP/1.1\r\n\r\n", "F\xff\xff\xff\xff", "F\x01", "P\x01\0\0\0x"}) {
    Served served;
    say(*served.peer, as_bytes(said));
    EXPECT_FALSE(served.end()) << said;
    EXPECT_TRUE(served.source->requests.empty());
  }
}

TEST(ErrandServer, EndsAFetchWhenNobodyTakesItAnyMore) {
  Served served;
  served.source->content = std::string(8 << 20, 'x');
  say(*served.peer, Errand{0, kRequest}.to_frame());
  all_of(*served.peer, 10);
  served.peer.reset();
  served.thread.join();
  EXPECT_FALSE(served.outcome);
}

TEST(ErrandSocket, TakesNothingButAConnectionFromAChannel) {
  auto ends = *ErrandSocket::pair();
  say(ends.first, as_bytes("C"));
  EXPECT_FALSE(ends.second.take_passed());
  auto passed = *ErrandSocket::pair();
  ASSERT_TRUE(ends.first.pass(passed.first));
  const Result<std::optional<ErrandSocket>> taken = ends.second.take_passed();
  ASSERT_TRUE(taken && *taken);
  say(**taken, as_bytes("x"));
  EXPECT_EQ(as_text(all_of(passed.second, 1)), "x");
  ends.first = ErrandSocket(-1);
  const Result<std::optional<ErrandSocket>> ended = ends.second.take_passed();
  EXPECT_TRUE(ended && !*ended);
}

}  // namespace
}  // namespace tenon::client
