// Where objects lie, and keys of accounts: what a person types.
#include <tenon/repo_tools/s3_address.h>
#include <tenon/repo_tools/s3_connection.h>

#include <gtest/gtest.h>

namespace tenon::repo_tools {
namespace {

Result<S3Address> address(std::string_view text, std::string_view endpoint = "") {
  return S3Address::parse(text, endpoint, "eu-central-1");
}

TEST(S3Address, NamesABucketAndAPrefixInIt) {
  EXPECT_EQ(address("s3://updates/prod")->url("metadata/timestamp.json"),
            "https://s3.eu-central-1.amazonaws.com/updates/prod/metadata/timestamp.json");
  EXPECT_EQ(address("s3://updates/a/b/", "http://127.0.0.1:9000/")->url("x"), "http://127.0.0.1:9000/updates/a/b/x");
  EXPECT_EQ(address("s3://updates", "https://[::1]:9000")->url("x"), "https://[::1]:9000/updates/x");
  EXPECT_EQ(address("s3://updates/prod/")->text(), "s3://updates/prod");
}

// What is signed is the path as it is sent: a byte that is not encoded makes another signature (curl/curl#9717).
TEST(S3Address, EncodesEveryByteOfANameThatIsNotUnreserved) {
  EXPECT_EQ(address("s3://updates", "https://s3")->url("targets/a-b._~/c=d@e,f+g h\xc3\xa9"),
            "https://s3/updates/targets/a-b._~/c%3Dd%40e%2Cf%2Bg%20h%C3%A9");
}

TEST(S3Address, RefusesWhatIsNoPlace) {
  for (const char* text :
       {"", "s3:/updates", "S3://updates", "s3://", "s3://ab", "s3://Updates", "s3://up dates", "s3://updates//x",
        "s3://updates/./x", "s3://updates/x/..", "s3://updates/x?y", "file://updates"}) {
    EXPECT_FALSE(address(text)) << text;
  }
  for (const char* endpoint : {"ftp://x", "https://", "https://a/b", "https://user@host", "https://a?b", "host:80"}) {
    EXPECT_FALSE(address("s3://updates", endpoint)) << endpoint;
  }
  EXPECT_FALSE(S3Address::parse("s3://updates", "", ""));
  EXPECT_FALSE(S3Address::parse("s3://" + std::string(600, 'a'), "", "x"));
}

hsm::SecretBytes line(std::string_view text) {
  return hsm::SecretBytes::copy_of(as_bytes(text));
}

TEST(S3Key, IsOneLineWithAnIdASecretAndPerhapsASessionToken) {
  const Result<S3Key> key = S3Key::parse(line("test:tester  sec/ret+\n"));
  EXPECT_EQ(key->id, "test:tester");
  EXPECT_EQ(key->secret.text(hsm::RevealSecret()), "sec/ret+");
  EXPECT_TRUE(key->session_token.empty());
  EXPECT_EQ(S3Key::parse(line("id secret token"))->session_token.text(hsm::RevealSecret()), "token");
}

TEST(S3Key, ThatMakesNoSenseIsRefusedAndNotRepeated) {
  for (const char* text : {"", "canary", "canary b c d"}) {
    const Result<S3Key> key = S3Key::parse(line(text));
    ASSERT_FALSE(key);
    EXPECT_EQ(key.error().code, ErrorCode::kUsage);
    EXPECT_EQ(key.error().message.find("canary"), std::string::npos);
  }
}

}  // namespace
}  // namespace tenon::repo_tools
