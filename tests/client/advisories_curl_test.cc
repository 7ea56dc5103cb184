// Advisories of libcurl that concern what we use of it, each with the test that shows we do not depend on the fix. TLS and
// proxies are in network_tls_test.py and network_proxy_test.py. None for what is never used: files that curl writes
// (CVE-2022-32207, CVE-2022-27778, CVE-2020-8177, CVE-2021-22922), SOCKS, Digest, NTLM and Negotiate, netrc, HTTP/2.
#include <cstdlib>

#include <tests/client/scripted_server.h>

namespace tenon::client {
namespace {

std::string with_login(std::string url, const std::string& login = "user:secret") {
  return url.insert(url.find("//") + 2, login + "@");
}

std::string replaced(std::string text, const std::string& what, const std::string& by) {
  return text.replace(text.find(what), what.size(), by);
}

// carries_a_secret looks for the login in what another server was sent, encoded or not.
bool carries_a_secret(const std::string& request) {
  for (const char* trace : {"secret", "dXNlcjpzZWNyZXQ", "Authorization", "Cookie", "user", "Referer"}) {
    if (request.find(trace) != std::string::npos) return true;
  }
  return false;
}

// CVE-2018-1000007, CVE-2022-27774, CVE-2022-27776, CVE-2024-11053, CVE-2025-0167, CVE-2025-14524, CVE-2026-3783,
// CVE-2026-6253, CVE-2026-86413: "the same host" did not look at the port, the scheme, netrc or a proxy.
// Book: NET-12
TEST(CurlAdvisory, RedirectsCarryNoCredentialsAnywhereElse) {
  const ScriptedServer other([](const Connection& connection, const std::string&) { connection.send(ok("moved")); });
  const std::vector<std::string> elsewhere = {
      other.url(),                                       // another port
      replaced(other.url(), "127.0.0.1", "localhost"),   // another name of the host
      replaced(other.url(), "http:", "HTTP:"),           // another spelling of the scheme
      replaced(other.url(), "127.0.0.1", "2130706433"),  // the host as a number
      replaced(other.url(), "127.0.0.1", "0x7f.1"),      // and as another
  };
  for (const std::string& target : elsewhere) {
    SCOPED_TRACE(target);
    const ScriptedServer server([&](const Connection& connection, const std::string&) {
      connection.send(
          "HTTP/1.1 302 x\r\nSet-Cookie: user=secret\r\nWWW-Authenticate: Digest realm=x, nonce=y\r\nLocation: " +
          target + "file\r\nContent-Length: 0\r\n\r\n");
    });
    const auto fetcher = fetcher_for(with_login(server.url()));
    for (int i = 0; i < 2; ++i) (void)fetch(*fetcher);
    EXPECT_NE(server.requests().front().find("Authorization: Basic dXNlcjpzZWNyZXQ="), std::string::npos);
    for (const std::string& request : server.requests()) EXPECT_EQ(request.find("Cookie"), std::string::npos);
  }
  EXPECT_GE(other.requests().size(), 6U);
  for (const std::string& request : other.requests()) EXPECT_FALSE(carries_a_secret(request)) << request;
}

// The same, where the server chooses a user name for us, which then need not be the one whose password we send.
// Book: NET-12
TEST(CurlAdvisory, RedirectsChooseNoLogin) {
  for (const char* login : {"user", "user:secret", ":", "user:"}) {
    const ScriptedServer other(always(ok("moved")));
    const ScriptedServer server(always(redirect_to(with_login(other.url(), login))));
    EXPECT_FALSE(fetch(*fetcher_for(with_login(server.url()))).outcome) << login;
    EXPECT_TRUE(other.requests().empty()) << login;
  }
}

// CVE-2022-22576, CVE-2022-27775, CVE-2022-27782, CVE-2023-27535 to 27538, CVE-2026-3784, CVE-2026-8932: a connection was
// used again that belonged to somebody else.
// Book: NET-16
TEST(CurlAdvisory, ConnectionsAreUsedByOneSourceAlone) {
  const ScriptedServer server([](const Connection& connection, const std::string&) { connection.send(ok("x")); });
  {
    const auto first = fetcher_for(with_login(server.url(), "first:1"));
    EXPECT_TRUE(fetch(*first).outcome);
    EXPECT_TRUE(fetch(*first).outcome);
    EXPECT_EQ(server.connections(), 1);
  }
  const auto second = fetcher_for(with_login(server.url(), "second:2"));
  EXPECT_TRUE(fetch(*second).outcome);
  EXPECT_EQ(server.connections(), 2);
  EXPECT_NE(server.requests().back().find("c2Vjb25kOjI="), std::string::npos) << "second:2";
}

// The same on the way of a redirect: where it leads to, nothing is used that another origin left behind.
// Book: NET-16
TEST(CurlAdvisory, ConnectionsOfOneOriginAreNotUsedForAnother) {
  const ScriptedServer first_target([](const Connection& connection, const std::string&) { connection.send(ok("1")); });
  const ScriptedServer second_target(
      [](const Connection& connection, const std::string&) { connection.send(ok("2")); });
  int count = 0;
  const ScriptedServer server([&](const Connection& connection, const std::string&) {
    connection.send(redirect_to((count++ % 2 == 0 ? first_target : second_target).url() + "file"));
  });
  const auto fetcher = fetcher_for(server.url());
  for (const char* body : {"1", "2", "1", "2"}) EXPECT_EQ(fetch(*fetcher).body, body);
  EXPECT_EQ(server.connections(), 1) << "the repository's own stays";
  EXPECT_EQ(first_target.connections(), 2) << "the one of a redirect ends with the next origin";
}

// CVE-2024-2004: an empty set of protocols meant all of them.
// Book: NET-13
TEST(CurlAdvisory, ProtocolsAreHttpAndHttpsWhateverALocationSays) {
  for (const char* target : {"file:///etc/passwd", "FILE:///etc/passwd", "ftp://127.0.0.1/", "scp://127.0.0.1/",
                             "smb://127.0.0.1/x", "ldap://127.0.0.1/", "gopher://127.0.0.1/", "unix:///run/x.sock",
                             "http+unix://%2Frun%2Fx/", "data:text/plain,x"}) {
    const ScriptedServer server(always(redirect_to(target)));
    const Fetched fetched = fetch_from(server);
    EXPECT_FALSE(fetched.outcome) << target;
    EXPECT_EQ(fetched.body, "") << target;
  }
}

// A cloud's metadata service answers on an address of the link, without a question who asks.
// Book: NET-13
TEST(CurlAdvisory, RedirectsDoNotLeadToTheLink) {
  for (const char* target : {"http://169.254.169.254/latest/meta-data/", "http://0xa9fea9fe/", "http://2852039166/",
                             "http://[::ffff:169.254.169.254]/", "http://[fe80::1]/"}) {
    const ScriptedServer server(always(redirect_to(target)));
    const auto began = std::chrono::steady_clock::now();
    const Fetched fetched = fetch_from(server);
    ASSERT_FALSE(fetched.outcome) << target;
    EXPECT_NE(fetched.outcome.error().message.find("this machine or link"), std::string::npos)
        << fetched.outcome.error().message;
    EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(1)) << "nothing was connected";
  }
}

// CVE-2022-32206, CVE-2023-23916: chained encodings. CVE-2023-38039: headers without end.
// Book: NET-18, NET-19
TEST(CurlAdvisory, ChainedEncodingsAndHeadersWithoutEndCostNothing) {
  std::string chain = "gzip";
  for (int i = 0; i < 1000; ++i) chain += ", gzip";
  const ScriptedServer chained(
      always("HTTP/1.1 200 OK\r\nContent-Encoding: " + chain + "\r\nContent-Length: 1\r\n\r\nx"));
  EXPECT_EQ(fetch_from(chained).body, "x");
  std::atomic<std::uint64_t> sent = 0;
  const ScriptedServer endless([&](const Connection& connection, const std::string&) {
    connection.send("HTTP/1.1 200 OK\r\n");
    const std::string line = "X: " + std::string(1000, 'x') + "\r\n";
    while (sent < (64u << 20) && connection.send(line)) sent += line.size();
  });
  expect_error(fetch_from(endless), ErrorCode::kNet);
  EXPECT_LT(sent, 16u << 20);
}

// CVE-2022-30115, CVE-2022-42916, CVE-2022-43551, CVE-2023-23914, CVE-2023-23915, CVE-2024-9681: ways around HSTS. There
// is none to go around: the configuration names the scheme, and a server says nothing about it.
TEST(CurlAdvisory, HstsOfAServerChangesNothing) {
  const ScriptedServer server([](const Connection& connection, const std::string&) {
    connection.send(
        "HTTP/1.1 200 OK\r\nStrict-Transport-Security: max-age=99999999\r\nAlt-Svc: h3=\":1\"\r\n"
        "Content-Length: 1\r\n\r\nx");
  });
  const auto fetcher = fetcher_for(server.url());
  for (int i = 0; i < 2; ++i) EXPECT_TRUE(fetch(*fetcher).outcome);
  EXPECT_EQ(server.requests().size(), 2U);
}

// CVE-2021-22876 (Referer), CVE-2020-8169, CVE-2026-94266 (EFFECTIVE_URL): credentials in a URL came out elsewhere.
// Book: NET-12
TEST(CurlAdvisory, CredentialsComeOutOfNoMessage) {
  const ScriptedServer away(always("HTTP/1.1 500 x\r\nContent-Length: 0\r\n\r\n"));
  const ScriptedServer server(always(redirect_to(away.url())));
  std::string nobody;
  {
    const ScriptedServer gone(always(""));
    nobody = gone.url();
  }
  for (const std::string& url : {server.url(), nobody, std::string("http://host.invalid/")}) {
    const auto fetcher = fetcher_for(with_login(url));
    EXPECT_EQ(fetcher->name().find("secret"), std::string::npos);
    const Fetched fetched = fetch(*fetcher);
    ASSERT_FALSE(fetched.outcome);
    EXPECT_EQ(fetched.outcome.error().message.find("secret"), std::string::npos) << fetched.outcome.error().message;
  }
  for (const std::string& request : away.requests()) EXPECT_FALSE(carries_a_secret(request)) << request;
}

}  // namespace
}  // namespace tenon::client
