// HttpReply, ContentRange and the rules for URLs: everything about HTTP that needs no network.
#include <tenon/client/transport/http_range.h>
#include <tenon/client/transport/http_reply.h>
#include <tenon/client/transport/http_url.h>

#include <limits>
#include <string>

#include <gtest/gtest.h>

namespace tenon::client {
namespace {

class CollectingSink final : public ByteSink {
 public:
  Result<void> accept(ByteView piece) override {
    text += as_text(piece);
    return {};
  }
  std::string text;
};

// Conversation feeds one reply by hand.
struct Conversation {
  explicit Conversation(std::uint64_t offset, std::uint64_t max_length, bool is_part = false)
      : request{"file", offset, max_length, is_part} {}

  Result<void> feed(const std::string& head, const std::string& body) {
    for (std::size_t start = 0; start < head.size();) {
      const std::size_t end = head.find('\n', start) + 1;
      TENON_TRY_VOID(reply.take_header(std::string_view(head).substr(start, end - start)));
      start = end;
    }
    for (const char c : body) TENON_TRY_VOID(reply.take_body(as_bytes({&c, 1})));
    return reply.finish();
  }

  FetchRequest request;
  CollectingSink sink;
  HttpReply reply{request, sink};
};

ErrorCode code_of(const Result<void>& result) {
  EXPECT_FALSE(result.has_value());
  return result ? ErrorCode::kUsage : result.error().code;
}

TEST(ContentRange, ReadsAPartOfAFileOfKnownAndOfUnknownLength) {
  const auto known = ContentRange::parse("bytes 100-199/200");
  ASSERT_TRUE(known) << known.error().message;
  EXPECT_EQ(*known, (ContentRange{100, 199, 200}));
  EXPECT_EQ(known->length(), 100u);
  const auto unknown = ContentRange::parse("Bytes 0-0/*");
  ASSERT_TRUE(unknown) << unknown.error().message;
  EXPECT_EQ(*unknown, (ContentRange{0, 0, std::nullopt}));
}

TEST(ContentRange, ReadsOffsetsAboveFourGiB) {
  const auto range = ContentRange::parse("bytes 4294967296-9223372036854775806/9223372036854775807");
  ASSERT_TRUE(range) << range.error().message;
  EXPECT_EQ(range->first, 4294967296u);
}

// Book: NET-06
TEST(ContentRange, RefusesWhatIsNoRangeOfBytes) {
  for (const char* value : {"",
                            "bytes",
                            "bytes ",
                            "bytes */200",
                            "bytes 0-",
                            "bytes -5/10",
                            "bytes 0-5",
                            "bytes 0-5/",
                            "bytes 5-4/10",
                            "bytes 0-10/10",
                            "bytes 0-5/x",
                            "bytes 0-5/10 ",
                            "bytes  0-5/10",
                            "bytes +0-5/10",
                            "bytes 0x0-5/10",
                            "items 0-5/10",
                            "bytes 0-18446744073709551615/*",
                            "bytes 0-18446744073709551616/*",
                            "bytes 0-5/18446744073709551616",
                            "bytes=0-5/10",
                            "bytes 0-5/10, 7-8/10"}) {
    const auto range = ContentRange::parse(value);
    ASSERT_FALSE(range) << value;
    EXPECT_EQ(range.error().code, ErrorCode::kParse) << value;
  }
}

TEST(HttpReply, HandsOverTheWholeFile) {
  Conversation talk(0, 10);
  EXPECT_TRUE(talk.feed("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n", "0123456789"));
  EXPECT_EQ(talk.sink.text, "0123456789");
}

// Book: NET-05
TEST(HttpReply, SkipsToTheOffsetWhenTheServerSendsAllOfTheFile) {
  Conversation talk(6, 4);
  EXPECT_TRUE(talk.feed("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n", "0123456789"));
  EXPECT_EQ(talk.sink.text, "6789");
}

TEST(HttpReply, RefusesAWholeFileThatEndsBeforeTheOffset) {
  Conversation talk(11, 4);
  EXPECT_EQ(code_of(talk.feed("HTTP/1.1 200 OK\r\n\r\n", "0123456789")), ErrorCode::kNet);
  EXPECT_EQ(talk.sink.text, "");
}

TEST(HttpReply, TakesTheRestOfTheFile) {
  Conversation talk(6, 4);
  EXPECT_TRUE(talk.feed("HTTP/2 206\r\ncontent-range: bytes 6-9/10\r\n\r\n", "6789"));
  EXPECT_EQ(talk.sink.text, "6789");
}

// Book: NET-06
TEST(HttpReply, GivesNoByteOfAPartThatStartsElsewhere) {
  for (const char* header :
       {"Content-Range: bytes 5-9/10\r\n", "Content-Range: bytes 7-9/10\r\n", "Content-Range: items 6-9/10\r\n", "",
        "Content-Range: bytes 6-9/10\r\nContent-Range: bytes 5-9/10\r\n"}) {
    Conversation talk(6, 100);
    EXPECT_EQ(code_of(talk.feed(std::string("HTTP/1.1 206 Partial Content\r\n") + header + "\r\n", "6789")),
              ErrorCode::kNet)
        << header;
    EXPECT_EQ(talk.sink.text, "") << header;
  }
}

// Book: NET-06
TEST(HttpReply, RefusesAPartThatEndsBeforeTheFileDoes) {
  Conversation talk(6, 4);
  EXPECT_EQ(code_of(talk.feed("HTTP/1.1 206 x\r\nContent-Range: bytes 6-8/10\r\n\r\n", "678")), ErrorCode::kNet);
}

TEST(HttpReply, RefusesABodyOfAnotherLengthThanItsRange) {
  Conversation shorter(6, 4);
  EXPECT_EQ(code_of(shorter.feed("HTTP/1.1 206 x\r\nContent-Range: bytes 6-9/10\r\n\r\n", "678")), ErrorCode::kNet);
  Conversation longer(6, 100);
  EXPECT_EQ(code_of(longer.feed("HTTP/1.1 206 x\r\nContent-Range: bytes 6-9/10\r\n\r\n", "67890")), ErrorCode::kNet);
}

// Book: NET-10
TEST(HttpReply, RefusesAPartThatNobodyAskedFor) {
  Conversation talk(0, 10);
  EXPECT_EQ(code_of(talk.feed("HTTP/1.1 206 x\r\nContent-Range: bytes 0-9/10\r\n\r\n", "0123456789")), ErrorCode::kNet);
  EXPECT_EQ(talk.sink.text, "");
}

TEST(HttpReply, OfAPartHandsOverThatPartAlone) {
  for (const std::uint64_t offset : {0U, 3U}) {
    const std::string range = std::to_string(offset) + "-" + std::to_string(offset + 3);
    Conversation part(offset, 4, true);
    EXPECT_TRUE(part.feed("HTTP/1.1 206 x\r\nContent-Range: bytes " + range + "/10\r\n\r\n", "abcd"));
    EXPECT_EQ(part.sink.text, "abcd");
    EXPECT_FALSE(part.reply.sends_on());
    // A server that ignores ranges, and announces more than is wanted.
    Conversation whole(offset, 4, true);
    EXPECT_TRUE(whole.feed("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n", "0123456789"));
    EXPECT_EQ(whole.sink.text, std::string("0123456789").substr(offset, 4));
    EXPECT_TRUE(whole.reply.sends_on());
  }
}

// Book: NET-06
TEST(HttpReply, OfAPartIsRefusedWhenItIsAnotherPartOrNotAllOfIt) {
  const std::string answers[] = {"HTTP/1.1 206 x\r\nContent-Range: bytes 6-8/10\r\n\r\n",
                                 "HTTP/1.1 206 x\r\nContent-Range: bytes 5-8/10\r\n\r\n",
                                 "HTTP/1.1 206 x\r\nContent-Range: bytes 6-9/10\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n"};
  for (const std::string& answer : answers) {
    Conversation talk(6, 4, true);
    EXPECT_EQ(code_of(talk.feed(answer, "678")), ErrorCode::kNet) << answer;
  }
  Conversation longer(6, 3, true);
  EXPECT_EQ(code_of(longer.feed("HTTP/1.1 206 x\r\nContent-Range: bytes 6-9/10\r\n\r\n", "6789")), ErrorCode::kLimit);
}

// Book: NET-10
TEST(HttpReply, NeverHandsOverThePageOfAnErrorStatus) {
  for (const int status : {0, 201, 204, 205, 300, 304, 400, 401, 403, 404, 410, 416, 418, 500, 503, 999}) {
    Conversation talk(0, 100);
    const auto result = talk.feed("HTTP/1.1 " + std::to_string(status) + " x\r\n\r\n", "<html>");
    EXPECT_EQ(code_of(result), ErrorCode::kNet) << status;
    EXPECT_NE(result.error().message.find(std::to_string(status)), std::string::npos);
    EXPECT_NE(result.error().hint, "");
    EXPECT_EQ(talk.sink.text, "") << status;
  }
}

// Book: TGT-02
TEST(HttpReply, StopsBeforeTheFirstByteThatIsTooMuch) {
  Conversation talk(0, 9);
  EXPECT_EQ(code_of(talk.feed("HTTP/1.1 200 OK\r\n\r\n", "0123456789")), ErrorCode::kLimit);
  EXPECT_EQ(talk.sink.text, "012345678");
}

// Book: NET-04
TEST(HttpReply, RefusesAnAnnouncedLengthAboveTheLimitBeforeTheBody) {
  Conversation whole(3, 6);
  EXPECT_EQ(code_of(whole.feed("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n", "0123456789")), ErrorCode::kLimit);
  EXPECT_EQ(whole.sink.text, "");
  Conversation part(3, 6);
  EXPECT_EQ(code_of(part.feed("HTTP/1.1 206 x\r\nContent-Range: bytes 3-9/10\r\n\r\n", "3456789")), ErrorCode::kLimit);
  EXPECT_EQ(part.sink.text, "");
}

// Book: NET-19
TEST(HttpReply, BoundsTheHeadAlsoWhenItComesInManyInterimReplies) {
  Conversation talk(0, 10);
  std::string flood;
  for (int i = 0; i < 5000; ++i) flood += "HTTP/1.1 103 Early Hints\r\n\r\n";
  EXPECT_EQ(code_of(talk.feed(flood + "HTTP/1.1 200 OK\r\n\r\n", "0")), ErrorCode::kNet);
}

TEST(HttpReply, ForgetsTheHeadOfAnInterimReply) {
  Conversation talk(0, 10);
  EXPECT_TRUE(
      talk.feed("HTTP/1.1 103 x\r\nContent-Range: bytes 3-9/10\r\nContent-Length: 99\r\n\r\n"
                "HTTP/1.1 200 OK\r\n\r\n",
                "0123456789"));
}

TEST(HttpReply, BoundsAnErrorPage) {
  Conversation talk(0, 10);
  EXPECT_EQ(code_of(talk.feed("HTTP/1.1 404 x\r\n\r\n", std::string((1u << 20) + 1, 'x'))), ErrorCode::kNet);
}

TEST(BaseUrl, IsHttpOrHttpsWithAHostAndEndsWithASlash) {
  EXPECT_EQ(*parse_base_url("https://example.com"), "https://example.com/");
  EXPECT_EQ(*parse_base_url("HTTP://user:pass@[::1]:8080/repo/"), "HTTP://user:pass@[::1]:8080/repo/");
  for (const char* text : {"", "example.com", "ftp://example.com/", "file:///etc/passwd", "https://", "https:///path",
                           "https://user@/", "https://a/?x=1", "https://a/#x", "https://a b/", "https://a\n/"}) {
    const auto url = parse_base_url(text);
    ASSERT_FALSE(url) << text;
    EXPECT_EQ(url.error().code, ErrorCode::kUsage) << text;
  }
}

TEST(UrlBelow, RefusesAPathThatCouldLeaveTheBase) {
  EXPECT_EQ(*url_below("http://a/r/", "metadata/2.root.json"), "http://a/r/metadata/2.root.json");
  EXPECT_EQ(*url_below("http://a/r/", "targets/a%20..%2Fb"), "http://a/r/targets/a%20..%2Fb");
  for (const char* path :
       {"", "/etc", "../x", "a/../../x", "a/..", ".", "a/%2e%2E/x", "a?b", "a#b", "a b", "a\r\nX: y"}) {
    EXPECT_FALSE(url_below("http://a/r/", path)) << path;
  }
}

// Book: NET-13
TEST(Redirect, LeadsNowhereButToHttpAndNeverOutOfEncryption) {
  EXPECT_TRUE(may_redirect("http://a/", "http://b/"));
  EXPECT_TRUE(may_redirect("http://a/", "https://b/"));
  EXPECT_TRUE(may_redirect("https://a/", "HTTPS://b/"));
  EXPECT_FALSE(may_redirect("https://a/", "http://a/"));
  EXPECT_FALSE(may_redirect("HTTPS://a/", "http://a/"));
  for (const char* to : {"file:///etc/passwd", "ftp://a/", "gopher://a/", "", "//a/", "javascript:x"}) {
    EXPECT_FALSE(may_redirect("http://a/", to)) << to;
    EXPECT_FALSE(may_redirect("https://a/", to)) << to;
  }
}

TEST(ShownUrl, HoldsNoSecretAndNoControlCharacter) {
  EXPECT_EQ(shown_url("https://user:secret@host/path?token=secret#secret"), "https://host/path");
  EXPECT_EQ(shown_url("https://user:se@cret@host/"), "https://host/");
  EXPECT_EQ(shown_url("https://host/a@b"), "https://host/a@b");
  EXPECT_EQ(shown_url("user:secret@host"), "host");
  EXPECT_EQ(shown_url("http://host/\x1b[31m"), "http://host/\\x1b[31m");
}

}  // namespace
}  // namespace tenon::client
