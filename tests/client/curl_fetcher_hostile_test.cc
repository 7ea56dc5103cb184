// Replies that no server should give, each by libcurl and our own rules together.
#include <chrono>
#include <cstdio>
#include <fstream>

#include <tests/client/scripted_server.h>

namespace tenon::client {
namespace {

// Book: NET-04
TEST(WrongContentLength, GivesNoByteThatIsNotThereAndNoMoreThanWasAskedFor) {
  const std::string body = "0123456789";
  for (const char* header :
       {"Content-Length: 5", "Content-Length: 11", "Content-Length: -1", "Content-Length: 5\r\nContent-Length: 10",
        "Content-Length: 10\r\nContent-Length: 5", "Content-Length: 9223372036854775808",
        "Content-Length: 18446744073709551616", "Content-Length: x", "Content-Length: 10, 10",
        "Content-Length: 3\r\nTransfer-Encoding: chunked", "Content-Length:"}) {
    SCOPED_TRACE(header);
    const bool chunked = std::string_view(header).ends_with("chunked");
    const ScriptedServer server(always("HTTP/1.1 200 OK\r\n" + std::string(header) + "\r\n\r\n" +
                                       (chunked ? "a\r\n" + body + "\r\n0\r\n\r\n" : body)));
    const Fetched fetched = fetch_from(server, 0, 10);
    EXPECT_EQ(fetched.body, body.substr(0, fetched.body.size()));
    if (!fetched.outcome) {
      EXPECT_TRUE(fetched.outcome.error().code == ErrorCode::kNet || fetched.outcome.error().code == ErrorCode::kLimit);
    }
  }
}

// Book: NET-04, NET-21
TEST(ALengthThatIsNotAnnounced, IsCountedAllTheSame) {
  for (const char* head : {"HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.0 200 OK\r\n\r\n",
                           "HTTP/1.1 200 OK\r\nContent-Length: 9223372036854775808\r\n\r\n"}) {
    const ScriptedServer server(always(head + std::string(1'000'000, 'x')));
    const Fetched fetched = fetch_from(server, 0, 1000);
    EXPECT_FALSE(fetched.outcome);
    EXPECT_LE(fetched.body.size(), 1000U);
  }
}

// Book: NET-08, NET-10
TEST(AStatusWithoutAFile, IsNeverASuccess) {
  for (const char* reply :
       {"HTTP/1.1 204 x\r\n\r\n", "HTTP/1.1 205 x\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 304 x\r\n\r\n",
        "HTTP/1.1 206 x\r\nContent-Range: bytes 0-9/10\r\nContent-Length: 10\r\n\r\n0123456789",
        "HTTP/1.1 416 x\r\nContent-Range: bytes */0\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 302 x\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 302 x\r\nLocation:\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 101 x\r\nUpgrade: h2c\r\n\r\n", "HTTP/1.1 200"}) {
    const ScriptedServer server(always(reply));
    const Fetched fetched = fetch_from(server, 0, 10);
    EXPECT_FALSE(fetched.outcome) << reply;
    EXPECT_EQ(fetched.body, "") << reply;
  }
}

// Book: NET-10
TEST(AServerThatAsksToBeLeftAlone, IsHeardForTheStatusesThatSaySo) {
  for (const int status : {429, 503, 500, 200}) {
    const ScriptedServer server(
        always("HTTP/1.1 " + std::to_string(status) + " x\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n"));
    const auto fetcher = fetcher_for(server.url());
    (void)fetch(*fetcher);
    EXPECT_EQ(fetcher->asked_pause().count(), status == 429 || status == 503 ? 7 : 0) << status;
  }
}

// Book: NET-15
TEST(WhatAServerWrites, ReachesNoLogAndNoRequestAsItIs) {
  const std::string evil = "/x\x1b[2J\xff\x01";
  const ScriptedServer redirecting([&](const Connection& connection, const std::string&) {
    connection.send("HTTP/1.1 302 x\r\nLocation: ftp://evil" + evil + "\r\nContent-Disposition: a" + evil +
                    "\r\nContent-Length: 0\r\n\r\n");
  });
  const Fetched fetched = fetch_from(redirecting);
  ASSERT_FALSE(fetched.outcome);
  for (const char c : fetched.outcome.error().message) EXPECT_TRUE(c >= ' ' && c < '\x7f');
  const ScriptedServer garbage(always("HTTP/1.1 200\x1b[2J OK\r\nX\x01: \xff\r\nContent-Length: 99\r\n\r\nx"));
  const Fetched refused = fetch_from(garbage);
  ASSERT_FALSE(refused.outcome);
  for (const char c : refused.outcome.error().message) EXPECT_TRUE(c >= ' ' && c < '\x7f');
  // CR and LF end a Location; whatever it holds, the next request has no line of the server's.
  for (const char* location : {"/a\rX-Evil: 1", "/a%0d%0aX-Evil: 1", "/a\tX-Evil: 1", "/a b", "/\xc3\xa9"}) {
    int count = 0;
    const ScriptedServer server([&](const Connection& connection, const std::string&) {
      connection.send(count++ == 0 ? redirect_to(location) : ok("x"));
    });
    (void)fetch_from(server);
    for (const std::string& request : server.requests()) {
      EXPECT_EQ(request.find("\r\nX-Evil"), std::string::npos) << request;
      EXPECT_EQ(request.find("\rX-Evil"), std::string::npos) << request;
    }
  }
}

// Book: NET-18
TEST(ACompressedReply, IsTakenAsItIsAndCountedSo) {
  // 20 bytes of gzip that decode to "hello": decoded, they would be another file.
  const std::string gzip(
      "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\xff\xcb\x48\xcd\xc9\xc9\x07\x00\x86\xa6\x10\x36\x05\0\0\0", 25);
  for (const char* encoding : {"gzip", "deflate", "br", "zstd", "gzip, gzip, gzip, gzip, gzip, gzip, gzip"}) {
    const ScriptedServer server(always("HTTP/1.1 200 OK\r\nContent-Encoding: " + std::string(encoding) +
                                       "\r\nContent-Length: 25\r\n\r\n" + gzip));
    EXPECT_EQ(fetch_from(server).body, gzip) << encoding;
  }
  const ScriptedServer coded(
      always("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n19\r\n" + gzip + "\r\n0\r\n\r\n"));
  expect_error(fetch_from(coded), ErrorCode::kNet);  // nobody asked for a coding of the transfer
}

// Book: NET-20
TEST(AConnectionThatIsKept, GivesNoByteOfOneReplyToTheNext) {
  int count = 0;
  const ScriptedServer server([&](const Connection& connection, const std::string&) {
    connection.send(++count == 1 ? ok("first") + "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil" : ok("second"));
  });
  const auto fetcher = fetcher_for(server.url());
  EXPECT_EQ(fetch(*fetcher).body, "first");
  const Fetched second = fetch(*fetcher);
  EXPECT_EQ(second.body.find("evil"), std::string::npos);
  EXPECT_EQ(fetch(*fetcher).body, "second") << "nor is anything out of step afterwards";
}

// Book: NET-25
TEST(TheServersClock, SaysNothing) {
  for (const char* date : {"Thu, 01 Jan 1970 00:00:00 GMT", "Fri, 31 Dec 9999 23:59:59 GMT", "yesterday", ""}) {
    const ScriptedServer server(always("HTTP/1.1 200 OK\r\nDate: " + std::string(date) +
                                       "\r\nExpires: 0\r\nLast-Modified: " + date +
                                       "\r\nContent-Length: 5\r\n\r\nhello"));
    EXPECT_EQ(fetch_from(server).body, "hello");
  }
}

class DiscardingSink final : public ByteSink {
 public:
  Result<void> accept(ByteView piece) override {
    bytes += piece.size();
    return {};
  }
  std::uint64_t bytes = 0;
};

std::uint64_t resident_kib() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmHWM:")) return std::stoull(line.substr(6));
  }
  return 0;
}

// Book: NET-26
TEST(AFastServer, CostsNoMemory) {
  constexpr std::uint64_t kBytes = 512u << 20;
  const ScriptedServer server([](const Connection& connection, const std::string&) {
    connection.send("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(kBytes) + "\r\n\r\n");
    const std::string piece(1u << 20, 'x');
    for (std::uint64_t sent = 0; sent < kBytes && connection.send(piece); sent += piece.size()) {
    }
  });
  const auto fetcher = fetcher_for(server.url());
  const std::uint64_t before = resident_kib();
  ASSERT_GT(before, 0U);
  DiscardingSink sink;
  ASSERT_TRUE(fetcher->fetch({"file", 0, kBytes}, sink));
  EXPECT_EQ(sink.bytes, kBytes);
  EXPECT_LT(resident_kib() - before, 16U << 10);
}

// Slower than a stall in between, had it been read in large pieces.
TEST(ALimitOfBandwidth, IsKeptAndIsNoStall) {
  const std::string file(200'000, 'x');
  const ScriptedServer server(always(ok(file)));
  FetchOptions options = impatient();
  options.most_bytes_per_second = 65'536;
  const auto began = std::chrono::steady_clock::now();
  const Fetched fetched = fetch(*fetcher_for(server.url(), options), 0, file.size());
  ASSERT_TRUE(fetched.outcome) << fetched.outcome.error().message;
  EXPECT_EQ(fetched.body, file);
  EXPECT_GE(std::chrono::steady_clock::now() - began, std::chrono::milliseconds(1200));
}

// Nobody takes the connection from the queue of this listener, which is full.
// Book: NET-02
TEST(AServerThatTakesNoConnection, IsGivenUp) {
  const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof(address);
  ASSERT_EQ(::bind(listener, reinterpret_cast<sockaddr*>(&address), length), 0);
  ASSERT_EQ(::listen(listener, 0), 0);
  ASSERT_EQ(::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &length), 0);
  std::vector<int> waiting;
  for (int i = 0; i < 4; ++i) {
    waiting.push_back(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
    (void)::connect(waiting.back(), reinterpret_cast<sockaddr*>(&address), length);
  }
  FetchOptions options = impatient();
  options.connect_timeout = std::chrono::seconds(1);
  const Fetched fetched =
      fetch(*fetcher_for("http://127.0.0.1:" + std::to_string(ntohs(address.sin_port)) + "/", options));
  expect_error(fetched, ErrorCode::kNet);
  EXPECT_NE(fetched.outcome.error().hint, "");
  for (const int socket : waiting) ::close(socket);
  ::close(listener);
}

}  // namespace
}  // namespace tenon::client
