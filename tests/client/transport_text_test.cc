// What servers write that a transport must read without a network: entity tags, Retry-After, origins, proxies' addresses,
// and how far an address reaches.
#include <tenon/client/transport/entity_tag.h>
#include <tenon/client/transport/http_url.h>
#include <tenon/client/transport/retry_after.h>
#include <tenon/client/transport/socket_reach.h>

#include <string>

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>

namespace tenon::client {
namespace {

using std::chrono::seconds;

TEST(EntityTag, IsTakenAsItIsWhenItIsStrong) {
  for (const char* tag : {"\"a\"", "\"\"", "\"5f-3a!#/W\"", "\"'\\\""}) EXPECT_EQ(strong_entity_tag(tag), tag);
}

// Book: NET-07, NET-15
TEST(EntityTag, IsNotTakenWhenItIsWeakOrCouldBeMoreThanATag) {
  for (const std::string& tag :
       {std::string(), std::string("\""), std::string("a"), std::string("W/\"a\""), std::string("w/\"a\""),
        std::string("\"a"), std::string("a\""), std::string("\"a\"b\""), std::string("\"a b\""),
        std::string("\"a\r\nX: y\""), std::string("\"a\0b\"", 5), std::string("\"\x7f\""), std::string("\"\xe9\""),
        std::string("\"a\", \"b\""), "\"" + std::string(255, 'a') + "\""}) {
    EXPECT_FALSE(strong_entity_tag(tag)) << tag;
  }
}

// Book: NET-10
TEST(RetryAfter, IsReadInSecondsAndAsADateBesideTheServersOwn) {
  EXPECT_EQ(pause_asked_for("120", ""), seconds(120));
  EXPECT_EQ(pause_asked_for("0", ""), seconds(0));
  const char* date = "Sun, 06 Nov 1994 08:49:37 GMT";
  EXPECT_EQ(pause_asked_for("Sun, 06 Nov 1994 08:51:37 GMT", date), seconds(120));
  EXPECT_EQ(pause_asked_for("Mon, 07 Nov 1994 00:00:37 GMT", "Sun, 06 Nov 1994 23:59:37 GMT"), seconds(60));
  EXPECT_EQ(pause_asked_for("Sun, 06 Nov 1994 08:48:37 GMT", date), seconds(0)) << "it has passed";
}

// Book: NET-25
TEST(RetryAfter, NeedsNoClockThatIsRight) {
  EXPECT_EQ(pause_asked_for("Fri, 01 Jan 2100 00:01:00 GMT", "Fri, 01 Jan 2100 00:00:00 GMT"), seconds(60));
  EXPECT_EQ(pause_asked_for("Fri, 01 Jan 2100 00:01:00 GMT", ""), seconds(0));
}

// Book: NET-10
TEST(RetryAfter, NeverKeepsADeviceAwayForLong) {
  for (const char* value : {"601", "86400", "4294967295", "4294967296", "99999999999999999999999999"}) {
    EXPECT_EQ(pause_asked_for(value, ""), kLongestPause) << value;
  }
  EXPECT_EQ(pause_asked_for("Fri, 31 Dec 9999 23:59:59 GMT", "Thu, 01 Jan 0000 00:00:00 GMT"), kLongestPause);
}

TEST(RetryAfter, SaysNothingWhenItIsMalformed) {
  const char* date = "Sun, 06 Nov 1994 08:49:37 GMT";
  for (const char* value :
       {"", "-1", "+1", "1.5", "1s", " 1", "soon", "Sunday, 06-Nov-94 08:51:37 GMT", "Sun Nov  6 08:51:37 1994",
        "Sun, 32 Nov 1994 08:51:37 GMT", "Sun, 31 Feb 1994 08:51:37 GMT", "Sun, 06 Abc 1994 08:51:37 GMT",
        "Sun, 06 Nov 1994 24:51:37 GMT", "Sun, 06 Nov 1994 08:60:37 GMT", "Sun, 06 Nov 1994 08:51:61 GMT",
        "Sun, 06 Nov 1994 08:51:37 CET", "Sun, -6 Nov 1994 08:51:37 GMT", "Sun, 06 Nov 1994 08:51:37 GMT "}) {
    EXPECT_EQ(pause_asked_for(value, date), seconds(0)) << value;
  }
}

// Book: NET-12, NET-16
TEST(Origin, IsSchemeHostAndPortAndNobodysName) {
  EXPECT_EQ(origin_of("https://user:secret@Host:8443/a/b?c#d"), "https://host:8443");
  EXPECT_EQ(origin_of("HTTPS://HOST:8443"), origin_of("https://host:8443/x"));
  EXPECT_EQ(origin_of("http://[::1]:80/"), "http://[::1]:80");
  const char* home = "https://host/";
  for (const char* other :
       {"http://host/", "https://host:8443/", "https://host.evil/", "https://sub.host/", "https://host@evil/",
        "https://127.0.0.1/", "https://host:443@evil/x@host/", "https://evil/@host/", "https://evil?@host/",
        "https://evil#@host/", "https://evil\\@host/"}) {
    EXPECT_NE(origin_of(other), origin_of(home)) << other;
  }
}

// Book: NET-23
TEST(ProxyUrl, IsAHostAndAPortAndNothingBelow) {
  EXPECT_EQ(*parse_proxy_url("http://proxy:3128"), "http://proxy:3128");
  EXPECT_EQ(*parse_proxy_url("https://user:secret@proxy/"), "https://user:secret@proxy");
  for (const char* text : {"", "proxy", "proxy:3128", "socks5://proxy", "http://", "http://proxy/path", "http://a b/",
                           "file:///x", "http://proxy?x", "http://user:secret@/"}) {
    const auto url = parse_proxy_url(text);
    ASSERT_FALSE(url) << text;
    EXPECT_EQ(url.error().code, ErrorCode::kUsage);
    EXPECT_EQ(url.error().message.find("secret"), std::string::npos);
  }
}

Reach reach(const char* text) {
  sockaddr_storage storage{};
  auto* v4 = reinterpret_cast<sockaddr_in*>(&storage);
  auto* v6 = reinterpret_cast<sockaddr_in6*>(&storage);
  if (::inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
  } else {
    EXPECT_EQ(::inet_pton(AF_INET6, text, &v6->sin6_addr), 1) << text;
    v6->sin6_family = AF_INET6;
  }
  return reach_of(reinterpret_cast<const sockaddr&>(storage));
}

// Book: NET-13
TEST(Reach, OfAnAddressIsKnownInEverySpellingOfIt) {
  for (const char* here :
       {"127.0.0.1", "127.255.255.255", "0.0.0.0", "0.1.2.3", "::1", "::", "::ffff:127.0.0.1", "::ffff:0.0.0.0"}) {
    EXPECT_EQ(reach(here), Reach::kThisMachine) << here;
  }
  for (const char* link : {"169.254.169.254", "169.254.0.0", "fe80::1", "febf::1", "::ffff:169.254.169.254"}) {
    EXPECT_EQ(reach(link), Reach::kThisLink) << link;
  }
  for (const char* further :
       {"126.255.255.255", "128.0.0.1", "1.0.0.0", "169.253.255.255", "169.255.0.0", "10.0.0.1", "192.168.1.1", "::2",
        "fe00::1", "fec0::1", "fd00::1", "2001:db8::1", "::ffff:10.0.0.1"}) {
    EXPECT_EQ(reach(further), Reach::kFurther) << further;
  }
  sockaddr unix_socket{};
  unix_socket.sa_family = AF_UNIX;
  EXPECT_EQ(reach_of(unix_socket), Reach::kThisMachine);
}

// Book: NET-13
TEST(Reach, OfARedirectGrowsOrStaysButNeverComesNearer) {
  for (const Reach from : {Reach::kThisMachine, Reach::kThisLink, Reach::kFurther}) {
    EXPECT_TRUE(may_lead_to(from, Reach::kFurther));
    EXPECT_EQ(may_lead_to(from, Reach::kThisMachine), from == Reach::kThisMachine);
    EXPECT_EQ(may_lead_to(from, Reach::kThisLink), from == Reach::kThisLink);
  }
}

}  // namespace
}  // namespace tenon::client
