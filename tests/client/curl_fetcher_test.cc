// CurlFetcher against a server on this machine that answers exactly what a test tells it, also what no server should.
#include <cstdlib>

#include <tests/client/scripted_server.h>

namespace tenon::client {
namespace {

TEST(CurlFetcher, BringsAFileAndAsksForNothingElse) {
  const ScriptedServer server(always(ok("hello")));
  const Fetched fetched = fetch_from(server);
  ASSERT_TRUE(fetched.outcome) << fetched.outcome.error().message;
  EXPECT_EQ(*fetched.outcome, FetchOutcome::kComplete);
  EXPECT_EQ(fetched.body, "hello");
  ASSERT_EQ(server.requests().size(), 1u);
  const std::string request = server.requests().front();
  EXPECT_TRUE(request.starts_with("GET /metadata/file.json HTTP/1.1\r\n")) << request;
  EXPECT_NE(request.find("User-Agent: tenon-test/1\r\n"), std::string::npos) << request;
  EXPECT_NE(request.find("Accept-Encoding: identity\r\n"), std::string::npos) << request;
  for (const char* header : {"Range:", "Cookie:", "Authorization:", "Referer:", "Upgrade:"}) {
    EXPECT_EQ(request.find(header), std::string::npos) << header;
  }
}

TEST(CurlFetcher, ReusesItsConnection) {
  const ScriptedServer server([](const Connection& connection, const std::string&) { connection.send(ok("x")); });
  const auto fetcher = fetcher_for(server.url());
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(fetch(*fetcher).outcome);
  EXPECT_EQ(server.requests().size(), 3u);
  EXPECT_EQ(server.connections(), 1);
}

TEST(CurlFetcher, GoesOnFromAnOffset) {
  const ScriptedServer server(
      always("HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 6-9/10\r\nContent-Length: 4\r\n\r\n6789"));
  const Fetched fetched = fetch_from(server, 6, 4);
  ASSERT_TRUE(fetched.outcome) << fetched.outcome.error().message;
  EXPECT_EQ(fetched.body, "6789");
  EXPECT_NE(server.requests().front().find("Range: bytes=6-\r\n"), std::string::npos);
}

// Book: NET-05
TEST(CurlFetcher, TakesOnlyTheRestWhenTheServerIgnoresRanges) {
  const ScriptedServer server(always(ok("0123456789")));
  const Fetched fetched = fetch_from(server, 6, 4);
  ASSERT_TRUE(fetched.outcome) << fetched.outcome.error().message;
  EXPECT_EQ(fetched.body, "6789");
}

// Book: NET-06
TEST(CurlFetcher, RefusesAPartThatStartsElsewhere) {
  const ScriptedServer server(
      always("HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-9/10\r\nContent-Length: 10\r\n\r\n0123456789"));
  const Fetched fetched = fetch_from(server, 6, 100);
  expect_error(fetched, ErrorCode::kNet);
  EXPECT_EQ(fetched.body, "");
}

// Book: NET-08
TEST(CurlFetcher, TellsThatTheOffsetIsBehindTheEnd) {
  const ScriptedServer server(
      always("HTTP/1.1 416 Range Not Satisfiable\r\nContent-Range: bytes */5\r\nContent-Length: 4\r\n\r\noops"));
  const Fetched fetched = fetch_from(server, 6, 100);
  expect_error(fetched, ErrorCode::kNet);
  EXPECT_NE(fetched.outcome.error().message.find("416"), std::string::npos);
  EXPECT_EQ(fetched.body, "");
}

// Book: ROOT-12
TEST(CurlFetcher, TellsAMissingFileFromAnyOtherFailure) {
  const ScriptedServer server(always("HTTP/1.1 404 Not Found\r\nContent-Length: 6\r\n\r\n<html>"));
  const Fetched fetched = fetch_from(server);
  ASSERT_TRUE(fetched.outcome) << fetched.outcome.error().message;
  EXPECT_EQ(*fetched.outcome, FetchOutcome::kNotFound);
  EXPECT_EQ(fetched.body, "");
}

// Book: NET-10, ROOT-12
TEST(CurlFetcher, TakesEveryOtherStatusForAnErrorAndNamesIt) {
  for (const int status : {204, 206, 300, 302, 304, 400, 401, 403, 410, 500, 503}) {
    const bool bodyless = status == 204 || status == 304;
    const ScriptedServer server(always("HTTP/1.1 " + std::to_string(status) + " x\r\n" +
                                       (bodyless ? "\r\n" : "Content-Length: 6\r\n\r\n<html>")));
    const Fetched fetched = fetch_from(server);
    expect_error(fetched, ErrorCode::kNet);
    EXPECT_EQ(fetched.body, "") << status;
  }
}

// Book: ROOT-12
TEST(CurlFetcher, TakesForbiddenForMissingOnlyWhereTheSourceIsConfiguredSo) {
  const ScriptedServer server(always("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"));
  FetchOptions options = impatient();
  options.not_found_statuses = {403, 404};
  const auto fetched = fetch(*fetcher_for(server.url(), options));
  ASSERT_TRUE(fetched.outcome);
  EXPECT_EQ(*fetched.outcome, FetchOutcome::kNotFound);
}

// Book: TGT-02
// Spec: 5.3.3a, 5.4.1
TEST(CurlFetcher, EndsEndlessDataAtTheLimit) {
  const ScriptedServer server([](const Connection& connection, const std::string&) {
    connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    while (connection.send("a\r\n0123456789\r\n")) {
    }
  });
  const Fetched fetched = fetch_from(server, 0, 100'005);
  expect_error(fetched, ErrorCode::kLimit);
  EXPECT_LE(fetched.body.size(), 100'005u);
}

// Book: TGT-02
// Spec: 5.7.3a
TEST(CurlFetcher, RefusesOneByteMoreThanWasAskedFor) {
  const ScriptedServer server(always("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n0123456789"));
  expect_error(fetch_from(server, 0, 9), ErrorCode::kLimit);
  EXPECT_TRUE(fetch_from(server, 0, 10).outcome);
}

// Book: NET-17
TEST(CurlFetcher, BoundsThePageOfACaptivePortalLikeAnyFile) {
  const ScriptedServer server(always(ok("<html>" + std::string(5000, 'x'))));
  const Fetched fetched = fetch_from(server, 0, 1000);
  expect_error(fetched, ErrorCode::kLimit);
  EXPECT_EQ(fetched.body, "");
}

// Book: NET-01, TGT-03
TEST(CurlFetcher, RefusesAFileThatEndsBeforeItsAnnouncedLength) {
  const ScriptedServer server(always("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n01234"));
  const Fetched fetched = fetch_from(server);
  expect_error(fetched, ErrorCode::kNet);
  EXPECT_EQ(fetched.body, "01234");
}

// Book: NET-02, TGT-04
TEST(CurlFetcher, EndsWhenTheServerStallsInTheBodyOrBeforeTheHead) {
  for (const char* beginning : {"", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n01234"}) {
    const ScriptedServer server([&](const Connection& connection, const std::string&) {
      connection.send(beginning);
      connection.wait_until_closed();
    });
    const Fetched fetched = fetch_from(server);
    expect_error(fetched, ErrorCode::kNet);
    EXPECT_NE(fetched.outcome.error().hint, "");
  }
}

// Slow enough never to end, quick enough never to stall.
// Book: TGT-04
TEST(CurlFetcher, LeavesASourceThatDrips) {
  const ScriptedServer server([&](const Connection& connection, const std::string&) {
    connection.send("HTTP/1.1 200 OK\r\n\r\n");
    while (connection.send("x")) std::this_thread::sleep_for(std::chrono::milliseconds(20));
  });
  FetchOptions options;
  options.stall_bytes_per_second = 1;
  options.stall_time = std::chrono::seconds(1);
  options.connect_timeout = std::chrono::seconds(1);
  options.slowest_bytes_per_second = 1u << 30;
  expect_error(fetch(*fetcher_for(server.url(), options)), ErrorCode::kNet);
}

// Book: NET-20
TEST(CurlFetcher, RefusesAReplyThatIsNoHttp) {
  for (const char* reply : {"", "hello\r\n\r\n", "HTTP/1.1 abc OK\r\n\r\nx", "\r\n\r\n"}) {
    const ScriptedServer server(always(reply));
    const Fetched fetched = fetch_from(server);
    EXPECT_FALSE(fetched.outcome) << reply;
    EXPECT_EQ(fetched.body, "") << reply;
  }
}

// Book: TGT-15
TEST(CurlFetcher, FollowsARedirectAndKeepsTheOffset) {
  const ScriptedServer server([](const Connection& connection, const std::string& request) {
    const bool first = request.starts_with("GET /metadata/");
    connection.send(first ? redirect_to("/elsewhere")
                          : "HTTP/1.1 206 x\r\nContent-Range: bytes 2-4/5\r\nContent-Length: 3\r\n\r\n234");
  });
  const Fetched fetched = fetch_from(server, 2);
  ASSERT_TRUE(fetched.outcome) << fetched.outcome.error().message;
  EXPECT_EQ(fetched.body, "234");
  EXPECT_NE(server.requests().at(1).find("Range: bytes=2-\r\n"), std::string::npos);
}

// Book: NET-13
TEST(CurlFetcher, FollowsNoRedirectToAnotherScheme) {
  for (const char* target : {"file:///etc/passwd", "ftp://127.0.0.1/x", "gopher://127.0.0.1/x", "dict://127.0.0.1/"}) {
    const ScriptedServer server(always(redirect_to(target)));
    const Fetched fetched = fetch_from(server);
    ASSERT_FALSE(fetched.outcome) << target;
    EXPECT_EQ(fetched.outcome.error().code, ErrorCode::kNet);
    EXPECT_NE(fetched.outcome.error().message.find("is not followed"), std::string::npos)
        << fetched.outcome.error().message;
    EXPECT_EQ(fetched.body, "");
  }
}

// Book: NET-14
TEST(CurlFetcher, EndsACircleOfRedirectsAfterFive) {
  const ScriptedServer server(
      [](const Connection& connection, const std::string&) { connection.send(redirect_to("/again")); });
  const Fetched fetched = fetch_from(server);
  ASSERT_FALSE(fetched.outcome);
  EXPECT_EQ(fetched.outcome.error().code, ErrorCode::kNet);
  EXPECT_EQ(server.requests().size(), 6u);
}

// Book: NET-12
TEST(CurlFetcher, SendsNoCredentialsToTheTargetOfARedirect) {
  const ScriptedServer other(always(ok("moved")));
  const ScriptedServer server(always(redirect_to(other.url() + "file")));
  std::string url = server.url();
  url.insert(std::string("http://").size(), "user:secret@");
  const Fetched fetched = fetch(*fetcher_for(url));
  ASSERT_TRUE(fetched.outcome) << fetched.outcome.error().message;
  EXPECT_NE(server.requests().front().find("Authorization: Basic"), std::string::npos);
  EXPECT_EQ(other.requests().front().find("Authorization"), std::string::npos);
}

// Book: NET-12
TEST(CurlFetcher, DoesNotLogInAsTheServerOfARedirectWishes) {
  const ScriptedServer other(always(ok("moved")));
  std::string target = other.url();
  target.insert(std::string("http://").size(), "user:secret@");
  const ScriptedServer server(always(redirect_to(target)));
  EXPECT_FALSE(fetch_from(server).outcome);
  EXPECT_TRUE(other.requests().empty());
}

TEST(CurlFetcher, PrintsNoCredentials) {
  const ScriptedServer server(always("HTTP/1.1 500 x\r\nContent-Length: 0\r\n\r\n"));
  std::string url = server.url();
  url.insert(std::string("http://").size(), "user:secret@");
  const Fetched fetched = fetch(*fetcher_for(url));
  expect_error(fetched, ErrorCode::kNet);
  EXPECT_EQ(fetched.outcome.error().message.find("secret"), std::string::npos) << fetched.outcome.error().message;
}

TEST(CurlFetcher, GivesTheErrorOfTheSinkAsItIs) {
  const ScriptedServer server(always(ok("hello")));
  CollectingSink sink;
  sink.refusal = Error{ErrorCode::kStorage, "the disk is full", "free some space"};
  const auto outcome = fetcher_for(server.url())->fetch({"file", 0, 100}, sink);
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error(), *sink.refusal);
}

TEST(CurlFetcher, WorksAgainAfterAFailure) {
  std::atomic<int> count = 0;
  const ScriptedServer server([&](const Connection& connection, const std::string&) {
    connection.send(count++ == 0 ? "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n01" : ok("hello"));
    connection.close();
  });
  const auto fetcher = fetcher_for(server.url());
  EXPECT_FALSE(fetch(*fetcher, 0).outcome);
  EXPECT_EQ(fetch(*fetcher, 0).body, "hello");
}

TEST(CurlFetcher, TellsThatNobodyListens) {
  std::string url;
  {
    const ScriptedServer gone(always(""));
    url = gone.url();
  }
  const Fetched fetched = fetch(*fetcher_for(url));
  expect_error(fetched, ErrorCode::kNet);
  EXPECT_NE(fetched.outcome.error().hint, "");
}

// curl 7.88 keeps the buffer of a transfer that ended before it had a connection, and then takes no other size for it.
// Book: NET-22
TEST(CurlFetcher, WorksAgainAfterANameThatNobodyKnew) {
  const auto fetcher = fetcher_for("http://name.invalid/");
  const Fetched first = fetch(*fetcher);
  expect_error(first, ErrorCode::kNet);
  const Fetched second = fetch(*fetcher);
  expect_error(second, ErrorCode::kNet);
  EXPECT_EQ(second.outcome.error(), first.outcome.error());
}

// Book: NET-23
TEST(CurlFetcher, IgnoresTheProxyOfTheEnvironment) {
  const ScriptedServer server(always(ok("hello")));
  ::setenv("http_proxy", "http://127.0.0.1:1/", 1);
  ::setenv("ALL_PROXY", "http://127.0.0.1:1/", 1);
  const Fetched fetched = fetch_from(server);
  ::unsetenv("http_proxy");
  ::unsetenv("ALL_PROXY");
  EXPECT_TRUE(fetched.outcome);
}

TEST(CurlFetcher, RefusesAnAddressThatIsNoRepository) {
  const auto fetcher = CurlFetcher::create("file:///srv/repo", "tenon-test/1");
  ASSERT_FALSE(fetcher);
  EXPECT_EQ(fetcher.error().code, ErrorCode::kUsage);
}

}  // namespace
}  // namespace tenon::client
