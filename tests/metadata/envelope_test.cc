#include <tenon/metadata/envelope.h>

#include <gtest/gtest.h>
#include <tests/support/json_edit.h>
#include <tests/support/scenario.h>

namespace tenon::tests {
namespace {

using metadata::Envelope;

std::string verdict(std::string_view text, std::size_t max_bytes = 1u << 20) {
  return code_of(Envelope::parse(as_bytes(text), max_bytes));
}

std::string signatures(std::size_t count, bool same_keyid) {
  std::string text = R"({"signed":{},"signatures":[)";
  for (std::size_t i = 0; i < count; ++i) {
    text +=
        (i == 0 ? "" : ",") + std::string(R"({"keyid":"k)") + (same_keyid ? "" : std::to_string(i)) + R"(","sig":""})";
  }
  return text + "]}";
}

// Book: JSON-15, SIG-09, SIG-23
// Spec: 4.2.1e
TEST(Envelope, RefusesFilesThatAreNone) {
  for (const char* text : {"",
                           "null",
                           "[]",
                           "\"\"",
                           "{}",
                           "1",
                           R"({"signed":{}})",
                           R"({"signatures":[]})",
                           R"({"signed":[],"signatures":[]})",
                           R"({"signed":null,"signatures":[]})",
                           R"({"signed":"","signatures":[]})",
                           R"({"signed":{},"signatures":{}})",
                           R"({"signed":{},"signatures":null})",
                           R"({"signed":{},"signatures":""})",
                           R"({"signed":{},"signatures":[null]})",
                           R"({"signed":{},"signatures":[[]]})",
                           R"({"signed":{},"signatures":["k"]})",
                           R"({"signed":{},"signatures":[{}]})",
                           R"({"signed":{},"signatures":[{"keyid":"k"}]})",
                           R"({"signed":{},"signatures":[{"sig":"00"}]})",
                           R"({"signed":{},"signatures":[{"keyid":"k","sig":null}]})",
                           R"({"signed":{},"signatures":[{"keyid":"k","sig":0}]})",
                           R"({"signed":{},"signatures":[{"keyid":"k","sig":["00"]}]})",
                           R"({"signed":{},"signatures":[{"keyid":1,"sig":"00"}]})",
                           R"({"signed":{},"signatures":[{"keyid":"","sig":"00"}]})",
                           R"({"signed":{},"signed":{},"signatures":[]})",
                           R"({"signed":{},"signatures":[],"signatures":[]})"}) {
    EXPECT_EQ(verdict(text), "E_PARSE") << text;
  }
  EXPECT_EQ(verdict(R"({"signed":{},"signatures":[]})"), "accepted");
}

// Spec: 1.5.4c
TEST(Envelope, IsNeverCompressed) {
  // gzip and zstd of {"signed":{},"signatures":[]}
  EXPECT_EQ(verdict("\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03"), "E_PARSE");
  EXPECT_EQ(verdict("\x28\xb5\x2f\xfd\x20\x1d\xe9\x00\x00{\"signed\":{},\"signatures\":[]}"), "E_PARSE");
}

// Book: SIG-01
// Spec: 4.2.1a
TEST(Envelope, RefusesAKeyidThatSignsMoreThanOnce) {
  for (std::size_t count = 2; count <= 9; ++count) EXPECT_EQ(verdict(signatures(count, true)), "E_PARSE") << count;
  EXPECT_EQ(verdict(signatures(9, false)), "accepted");
}

// Book: SIG-19
TEST(Envelope, RefusesMoreSignaturesThanItsLimit) {
  EXPECT_EQ(verdict(signatures(64, false)), "accepted");
  EXPECT_EQ(verdict(signatures(65, false)), "E_LIMIT");
  EXPECT_EQ(verdict(signatures(5'000, false)), "E_LIMIT");
}

TEST(Envelope, RefusesOneByteMoreThanItsLimit) {
  const std::string text = signatures(1, false);
  EXPECT_EQ(verdict(text, text.size()), "accepted");
  EXPECT_EQ(verdict(text, text.size() - 1), "E_LIMIT");
}

// A tree takes far more memory than its text, and it is made before any signature can be checked.
TEST(Envelope, HoldsNoMoreValuesThanAFileOfItsLengthCanNeed) {
  const auto filled = [](const std::string& element, std::size_t count) {
    std::string text = R"({"signatures":[],"signed":{"list":[)";
    for (std::size_t i = 0; i < count; ++i) text += element + ",";
    return verdict(text + "0]}}");
  };
  EXPECT_EQ(filled("0", 50), "accepted");
  EXPECT_EQ(filled("0", 10'000), "E_LIMIT");
  EXPECT_EQ(filled("[]", 10'000), "E_LIMIT");
  EXPECT_EQ(filled("\"0f\"", 256), "accepted");  // all hash prefixes of two digits
  EXPECT_EQ(filled("\"01ef\"", 65'536), "accepted");
}

// Book: SIG-09, SIG-14, JSON-17
// Spec: 4.2.1d
TEST(Envelope, TakesASignatureThatIsNoHexAsWorthNothing) {
  for (const char* hex : {"", "0", "0g", "AB", "Ab", " 00", "00 ", "00\\n", "0x00", "\xC3\xA9"}) {
    const std::string text = R"({"signed":{},"signatures":[{"keyid":"k","sig":")" + std::string(hex) + "\"}]}";
    const Result<Envelope> envelope = Envelope::parse(as_bytes(text), text.size());
    ASSERT_TRUE(envelope) << text;
    EXPECT_FALSE(envelope->signatures().front().bytes().has_value()) << text;
  }
}

// Book: META-20
// Spec: 4a, 4.2.1d
TEST(Envelope, SignsTheCanonicalFormOfAllThatIsInside) {
  const std::string text =
      "{ \"signed\": {\"b\": [1, {\"z\":2,\"y\":\"\\n\"}], \"x-unknown\": true},\n \"signatures\": [] }";
  const Result<Envelope> envelope = Envelope::parse(as_bytes(text), text.size());
  ASSERT_TRUE(envelope);
  EXPECT_EQ(as_text(envelope->signed_bytes()), "{\"b\":[1,{\"y\":\"\n\",\"z\":2}],\"x-unknown\":true}");
  EXPECT_EQ(envelope->identity(), metadata::FileIdentity::of(as_bytes(text)));
}

// Book: META-20
// Spec: 4.1a
TEST(Envelope, KeepsItsSignedBytesWhenWrittenAndReadAgain) {
  const RepositorySimulator repository;
  for (const auto& [path, file] : repository.files()) {
    const Result<Envelope> envelope = Envelope::parse(file, file.size());
    ASSERT_TRUE(envelope) << path;
    const std::string text = envelope->to_text();
    const Result<Envelope> again = Envelope::parse(as_bytes(text), text.size());
    ASSERT_TRUE(again) << path;
    EXPECT_EQ(as_text(again->signed_bytes()), as_text(envelope->signed_bytes())) << path;
    EXPECT_EQ(again->signatures(), envelope->signatures()) << path;
  }
}

// Book: SIG-01
TEST(Envelope, ReplacesTheSignatureOfTheSameKeyid) {
  const metadata::KeyId keyid = *metadata::KeyId::parse("k");
  const Envelope envelope =
      Envelope::unsigned_of(json::Object{}).with_signature({keyid, "00"}).with_signature({keyid, "11"});
  ASSERT_EQ(envelope.signatures().size(), 1U);
  EXPECT_EQ(envelope.signatures().front().hex, "11");
}

TEST(Envelope, IsWrittenForPeopleAsLongAsItIsSmall) {
  const auto text_of_size = [](std::size_t size) {
    json::Object part;
    part.set("text", std::string(size, 'x'));
    return Envelope::unsigned_of(std::move(part)).to_text();
  };
  const std::string small = text_of_size(1000);
  const std::string large = text_of_size(5000);
  EXPECT_NE(small.find("\n \"signed\": {"), small.npos) << small;
  EXPECT_EQ(large.find(' '), large.npos) << large;
  EXPECT_TRUE(large.ends_with("}\n"));
  for (const std::string& text : {small, large}) {
    const Result<Envelope> read = Envelope::parse(as_bytes(text), 1u << 20);
    ASSERT_TRUE(read);
    EXPECT_EQ(read->to_text(), text);
  }
}

}  // namespace
}  // namespace tenon::tests
