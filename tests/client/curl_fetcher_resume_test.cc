// A transfer that breaks off goes on with the same version of the file, or not at all.
#include <algorithm>

#include <tests/client/scripted_server.h>

namespace tenon::client {
namespace {

std::string numbered(std::size_t size) {
  std::string text;
  while (text.size() < size) text += std::to_string(text.size()) + " ";
  text.resize(size);
  return text;
}

std::uint64_t asked_offset(const std::string& request) {
  const std::size_t at = request.find("Range: bytes=");
  return at == std::string::npos ? 0 : std::stoull(request.substr(at + 13));
}

// Behind the last byte that is asked for.
std::uint64_t asked_end(const std::string& request, std::uint64_t size) {
  const std::size_t at = request.find("Range: bytes=");
  const std::size_t dash = at == std::string::npos ? at : request.find('-', at);
  const bool is_part = dash != std::string::npos && std::isdigit(static_cast<unsigned char>(request[dash + 1])) != 0;
  return is_part ? std::stoull(request.substr(dash + 1)) + 1 : size;
}

std::string header_of(const std::string& request, const std::string& name) {
  const std::size_t at = request.find("\r\n" + name + ": ");
  if (at == std::string::npos) return "";
  const std::size_t start = at + name.size() + 4;
  return request.substr(start, request.find("\r\n", start) - start);
}

// Reply is what a good server says to a request for a file from an offset on.
struct Reply {
  std::string file;
  std::string tag = "\"v1\"";
  bool ranges = true;

  std::string head(std::uint64_t offset) const { return head(offset, file.size()); }
  std::string head(std::uint64_t offset, std::uint64_t end) const {
    const std::string etag = tag.empty() ? "" : "ETag: " + tag + "\r\n";
    if (offset == 0 || !ranges) {
      return "HTTP/1.1 200 OK\r\n" + etag + "Content-Length: " + std::to_string(file.size()) + "\r\n\r\n";
    }
    return "HTTP/1.1 206 x\r\n" + etag + "Content-Length: " + std::to_string(end - offset) +
           "\r\nContent-Range: bytes " + std::to_string(offset) + "-" + std::to_string(end - 1) + "/" +
           std::to_string(file.size()) + "\r\n\r\n";
  }
  std::string to(const std::string& request) const {
    const std::uint64_t offset = asked_offset(request);
    const std::uint64_t end = asked_end(request, file.size());
    return head(offset, end) + (ranges ? file.substr(offset, end - offset) : file);
  }
};

// Breaks the first reply off after `bytes` of its body, and then gives what `then` says.
ScriptedServer::Script cut_once(const Reply& first, std::size_t bytes,
                                const std::function<std::string(const std::string&)>& then) {
  auto count = std::make_shared<int>(0);
  return [=](const Connection& connection, const std::string& request) {
    if ((*count)++ == 0) {
      const std::uint64_t offset = asked_offset(request);
      connection.send(first.head(offset, asked_end(request, first.file.size())) + first.file.substr(offset, bytes));
    } else {
      connection.send(then(request));
    }
    connection.close();
  };
}

Fetched fetch_file(const ScriptedServer& server, std::uint64_t offset, std::uint64_t length) {
  return fetch(*fetcher_for(server.url()), offset, length);
}

// Book: NET-01
TEST(BrokenTransfer, GoesOnAtTheByteThatIsMissingWhereverItBroke) {
  const Reply reply{numbered(100'000)};
  const std::size_t n = reply.file.size();
  for (const std::size_t at : {std::size_t{1}, n / 4, n / 2, n - 2, n - 1}) {
    SCOPED_TRACE(at);
    const ScriptedServer server(cut_once(reply, at, [&](const std::string& request) { return reply.to(request); }));
    const Fetched fetched = fetch_file(server, 0, n);
    ASSERT_TRUE(fetched.outcome) << fetched.outcome.error().message;
    EXPECT_EQ(fetched.body, reply.file);
    ASSERT_EQ(server.requests().size(), 2U);
    EXPECT_EQ(asked_offset(server.requests()[1]), at) << "no byte is fetched twice";
    EXPECT_EQ(header_of(server.requests()[1], "If-Range"), "\"v1\"");
  }
}

// Book: NET-01
TEST(BrokenTransfer, EndsWhenItBreaksBeforeTheFirstByteOfTheFile) {
  const Reply reply{numbered(1000)};
  const std::string head = reply.head(0);
  for (const std::size_t at : {std::size_t{0}, head.size() / 2, head.size() - 1, head.size()}) {
    SCOPED_TRACE(at);
    const ScriptedServer server(always(head.substr(0, at)));
    const Fetched fetched = fetch_file(server, 0, 1000);
    expect_error(fetched, ErrorCode::kNet);
    EXPECT_EQ(fetched.body, "");
  }
}

// Book: NET-01
TEST(BrokenTransfer, OfAPartGoesOnBehindThePartThatCame) {
  const Reply reply{numbered(100'000)};
  const ScriptedServer server(cut_once(reply, 7'000, [&](const std::string& request) { return reply.to(request); }));
  const Fetched fetched = fetch_file(server, 50'000, 50'000);
  ASSERT_TRUE(fetched.outcome) << fetched.outcome.error().message;
  EXPECT_EQ(fetched.body, reply.file.substr(50'000));
  EXPECT_EQ(asked_offset(server.requests().at(1)), 57'000U);
}

// Book: NET-01
TEST(BrokenTransfer, OfAPartInTheMiddleGoesOnToTheEndOfThatPart) {
  const Reply reply{numbered(100'000)};
  const ScriptedServer server(cut_once(reply, 7'000, [&](const std::string& request) { return reply.to(request); }));
  CollectingSink sink;
  const auto outcome = fetcher_for(server.url())->fetch({"targets/file", 50'000, 20'000, true}, sink);
  ASSERT_TRUE(outcome) << outcome.error().message;
  EXPECT_EQ(sink.text, reply.file.substr(50'000, 20'000));
  EXPECT_EQ(header_of(server.requests().at(0), "Range"), "bytes=50000-69999");
  EXPECT_EQ(header_of(server.requests().at(1), "Range"), "bytes=57000-69999");
}

// Book: NET-05
TEST(PartOfAFile, ComesFromAServerThatIgnoresRangesToo) {
  const Reply reply{.file = numbered(5'000'000), .ranges = false};
  const ScriptedServer server([&](const Connection& connection, const std::string& request) {
    connection.send(reply.to(request));
    connection.close();
  });
  const auto fetcher = fetcher_for(server.url());
  for (const std::uint64_t offset : {0U, 70'000U}) {
    CollectingSink sink;
    const auto outcome = fetcher->fetch({"targets/file", offset, 1'000, true}, sink);
    ASSERT_TRUE(outcome) << outcome.error().message;
    EXPECT_EQ(sink.text, reply.file.substr(offset, 1'000));
  }
}

// Book: NET-07
TEST(BrokenTransfer, EndsWhenTheServerHasAnotherVersionMeanwhile) {
  const Reply first{numbered(1000)};
  Reply second{std::string(1000, 'x'), "\"v2\""};
  for (const bool honours_if_range : {true, false}) {
    second.ranges = !honours_if_range;
    const ScriptedServer server(cut_once(first, 400, [&](const std::string& request) { return second.to(request); }));
    const Fetched fetched = fetch_file(server, 0, 1000);
    expect_error(fetched, ErrorCode::kNet);
    EXPECT_EQ(fetched.body, first.file.substr(0, 400)) << "no byte of the other version";
    EXPECT_NE(fetched.outcome.error().message.find("another one"), std::string::npos);
  }
}

// Book: NET-07
TEST(BrokenTransfer, EndsWhenTheTagOrTheLengthIsGone) {
  const Reply first{numbered(1000)};
  for (const Reply& second : {Reply{numbered(1000), ""}, Reply{numbered(999)}, Reply{numbered(1000), "W/\"v1\""}}) {
    const ScriptedServer server(cut_once(first, 400, [&](const std::string& request) { return second.to(request); }));
    const Fetched fetched = fetch_file(server, 0, 1000);
    expect_error(fetched, ErrorCode::kNet);
    EXPECT_EQ(fetched.body.size(), 400U);
  }
}

// Book: NET-07
TEST(BrokenTransfer, OfAVersionWithoutAStrongTagIsLeftToTheCaller) {
  for (const char* tag : {"", "W/\"v1\"", "v1", "\"v\x01\"", "\"v\xc3\xa9\"", "\"a\"b\""}) {
    SCOPED_TRACE(tag);
    const Reply reply{numbered(1000), tag};
    const ScriptedServer server(cut_once(reply, 400, [&](const std::string& request) { return reply.to(request); }));
    const Fetched fetched = fetch_file(server, 0, 1000);
    expect_error(fetched, ErrorCode::kNet);
    EXPECT_EQ(server.requests().size(), 1U);
    EXPECT_EQ(fetched.body.size(), 400U);
  }
}

// Book: NET-05
TEST(BrokenTransfer, TakesTheRestOutOfAWholeFileFromAServerWithoutRanges) {
  Reply reply{numbered(1000)};
  reply.ranges = false;
  const ScriptedServer server(cut_once(reply, 400, [&](const std::string& request) { return reply.to(request); }));
  const Fetched fetched = fetch_file(server, 0, 1000);
  ASSERT_TRUE(fetched.outcome) << fetched.outcome.error().message;
  EXPECT_EQ(fetched.body, reply.file);
}

// Book: NET-05
TEST(Transfer, LeavesAServerThatSendsABeginningAgainAndAgain) {
  Reply reply{numbered(1000)};
  reply.ranges = false;
  const ScriptedServer server(
      [&](const Connection& connection, const std::string& request) { connection.send(reply.to(request)); });
  const auto fetcher = fetcher_for(server.url());
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(fetch(*fetcher, 600, 400).outcome);
  const Fetched fetched = fetch(*fetcher, 600, 400);
  expect_error(fetched, ErrorCode::kNet);
  EXPECT_NE(fetched.outcome.error().message.find("ignores ranges"), std::string::npos);
  EXPECT_TRUE(fetch(*fetcher, 0, 1000).outcome) << "the whole file is still welcome";
}

// Book: NET-08
TEST(BrokenTransfer, EndsWhenTheRestIsNotThere) {
  for (const char* range : {"bytes */400", "bytes */1000", "bytes */x", ""}) {
    const ScriptedServer server(cut_once(Reply{numbered(1000)}, 400, [&](const std::string&) {
      return "HTTP/1.1 416 x\r\nETag: \"v1\"\r\nContent-Length: 0\r\nContent-Range: " + std::string(range) + "\r\n\r\n";
    }));
    const Fetched fetched = fetch_file(server, 0, 1000);
    expect_error(fetched, ErrorCode::kNet);
    EXPECT_NE(fetched.outcome.error().message.find("416"), std::string::npos);
    EXPECT_EQ(server.requests().size(), 2U);
  }
}

TEST(BrokenTransfer, IsNoMissingFileWhenItIsGoneMeanwhile) {
  const ScriptedServer server(cut_once(Reply{numbered(1000)}, 400, [](const std::string&) {
    return std::string("HTTP/1.1 404 x\r\nContent-Length: 0\r\n\r\n");
  }));
  expect_error(fetch_file(server, 0, 1000), ErrorCode::kNet);
}

// Book: NET-09
TEST(BrokenTransfer, AsksForNoRangeThatIsEmptyOrAll) {
  const Reply reply{numbered(1000)};
  // All bytes that may come have come, and the connection breaks all the same: there is nothing left to ask for.
  const ScriptedServer server([&](const Connection& connection, const std::string&) {
    connection.send("HTTP/1.1 200 OK\r\nETag: \"v1\"\r\nTransfer-Encoding: chunked\r\n\r\n3e8\r\n" + reply.file);
    connection.close();
  });
  expect_error(fetch_file(server, 0, 1000), ErrorCode::kNet);
  ASSERT_EQ(server.requests().size(), 1U);
  EXPECT_EQ(server.requests().front().find("Range:"), std::string::npos);
}

// A server that ends each connection after a few bytes is left: each costs more than it brings.
// Book: NET-01
TEST(BrokenTransfer, EndsWithAServerThatDealsOutFewBytesAConnection) {
  const Reply reply{numbered(1'000'000)};
  for (const std::size_t each : {std::size_t{1}, std::size_t{30'000}}) {
    const ScriptedServer server([&](const Connection& connection, const std::string& request) {
      connection.send(reply.to(request).substr(0, reply.head(asked_offset(request)).size() + each));
      connection.close();
    });
    const Fetched fetched = fetch_file(server, 0, reply.file.size());
    expect_error(fetched, ErrorCode::kNet);
    EXPECT_LE(server.requests().size(), 10U);
    EXPECT_EQ(fetched.body, reply.file.substr(0, fetched.body.size()));
  }
}

// Book: NET-01
TEST(BrokenTransfer, ComesToItsEndOverABadLink) {
  const Reply reply{numbered(5'000'000)};
  const ScriptedServer server([&](const Connection& connection, const std::string& request) {
    connection.send(reply.to(request).substr(0, reply.head(asked_offset(request)).size() + 100'000));
    connection.close();
  });
  const Fetched fetched = fetch_file(server, 0, reply.file.size());
  ASSERT_TRUE(fetched.outcome) << fetched.outcome.error().message;
  EXPECT_EQ(fetched.body, reply.file);
  EXPECT_EQ(server.requests().size(), 50U);
}

TEST(BrokenTransfer, IsNotContinuedForWhatTheSinkRefuses) {
  const Reply reply{numbered(1000)};
  const ScriptedServer server(
      [&](const Connection& connection, const std::string& request) { connection.send(reply.to(request)); });
  CollectingSink sink;
  sink.refusal = Error{ErrorCode::kMismatch, "not what was signed"};
  EXPECT_EQ(fetcher_for(server.url())->fetch({"file", 0, 1000}, sink).error(), *sink.refusal);
  EXPECT_EQ(server.requests().size(), 1U);
}

}  // namespace
}  // namespace tenon::client
