#include <tenon/metadata/json.h>
#include <tenon/metadata/json_fields.h>

#include <chrono>

#include <gtest/gtest.h>
#include <tests/support/scenario.h>

namespace tenon::tests {
namespace {

std::string verdict(std::string_view text, const json::Limits& limits = {}) {
  return code_of(json::parse(as_bytes(text), limits));
}

json::Value parsed(std::string_view text) {
  return *json::parse(as_bytes(text));
}

// Book: JSON-01
// Spec: 4.1a
TEST(JsonParse, RefusesDuplicateMembersAtEveryDepthAndInEverySpelling) {
  for (const char* text : {
           R"({"a":1,"a":1})",
           R"({"a":1,"b":2,"a":null})",
           R"({"x":{"a":1,"a":2}})",
           R"([[{"a":1,"a":2}]])",
           R"({"threshold":1,"thre\u0073hold":2})",
           R"({"\u0061":1,"a":2})",
           R"({"":1,"":2})",
           R"({"signed":{},"signatures":[],"signed":{}})",
           R"({"signatures":[],"signed":{},"signatures":[]})",
           R"({"keys":{"k1":{},"k1":{}}})",
           R"({"targets":{"dir\/app":{},"dir/app":{}}})",
           R"({"\ud83d\ude00":1,"😀":2})",
       }) {
    EXPECT_EQ(verdict(text), "E_PARSE") << text;
  }
}

// Book: JSON-09
TEST(JsonParse, KeepsComposedAndDecomposedNamesApart) {
  const json::Value value = parsed(R"({"\u00e9":1,"e\u0301":2})");
  EXPECT_EQ(value.object()->size(), 2U);
}

// Book: JSON-02
TEST(JsonParse, RefusesNumbersThatJsonDoesNotKnow) {
  for (const char* text : {"NaN", "nan", "Infinity", "-Infinity", "0x10", "+1", "01", "00", "-01", ".5", "5.", "-",
                           "1e", "1e+", "1_000", "1 2", "0b1", "1L", "\xEF\xBC\x91"}) {
    EXPECT_EQ(verdict(text), "E_PARSE") << text;
    EXPECT_EQ(verdict("[" + std::string(text) + "]"), "E_PARSE") << text;
  }
}

// Book: JSON-03
// Spec: 4.1b
TEST(JsonParse, RefusesFractionsAndExponents) {
  for (const char* text :
       {"1.0", "1e0", "1E0", "-0.0", "0.0", "1E400", "1e-400", "1.9", "1e2", "-1.5", "1.0000000000000000001"}) {
    EXPECT_EQ(verdict(text), "E_PARSE") << text;
    EXPECT_EQ(verdict(R"({"signed":{"version":)" + std::string(text) + "}}"), "E_PARSE") << text;
  }
}

// Book: JSON-04
TEST(JsonParse, RefusesMinusZero) {
  EXPECT_EQ(verdict("-0"), "E_PARSE");
  EXPECT_EQ(verdict("[1,-0]"), "E_PARSE");
  EXPECT_EQ(verdict("0"), "accepted");
}

// Book: JSON-05, META-25
TEST(JsonParse, ReadsIntegersUpToTheirCeilingExactly) {
  struct Row {
    const char* text;
    std::int64_t value;
  };
  for (const Row& row : {Row{"9007199254740991", 9007199254740991}, Row{"9007199254740992", 9007199254740992},
                         Row{"9007199254740993", 9007199254740993}, Row{"9223372036854775806", INT64_MAX - 1},
                         Row{"9223372036854775807", INT64_MAX}, Row{"-9223372036854775808", INT64_MIN},
                         Row{"4294967297", 4294967297}, Row{"-1", -1}}) {
    const Result<json::Value> value = json::parse(as_bytes(row.text));
    ASSERT_TRUE(value) << row.text;
    EXPECT_EQ(*value->integer(), row.value);
    EXPECT_EQ(json::canonical(*value), row.text);
  }
}

// Book: JSON-05, META-25
TEST(JsonParse, RefusesIntegersAboveTheirCeiling) {
  for (const char* text :
       {"9223372036854775808", "18446744073709551615", "18446744073709551616", "-9223372036854775809",
        "99999999999999999999999999", "1000000000000000000000000000000000000000000000000000000000000"}) {
    EXPECT_EQ(verdict(text), "E_PARSE") << text;
  }
}

// Book: JSON-07
TEST(JsonParse, RefusesWhatIsNoUtf8) {
  for (const std::string_view inside : {
           "\xC0\xAF",          // overlong '/'
           "\xE0\x80\xAF",      // overlong '/', three bytes
           "\xF0\x80\x80\xAF",  // overlong '/', four bytes
           "\xC1\xBF",          // overlong
           "\xED\xA0\x80",      // surrogate U+D800
           "\xED\xBF\xBF",      // surrogate U+DFFF
           "\xF4\x90\x80\x80",  // above U+10FFFF
           "\xF5\x80\x80\x80",
           "\xFF",
           "\xFE",
           "\x80",
           "\xBF",
           "\xC3",
           "\xE2\x82",
           "\xF0\x9F\x98",
           R"(\ud800)",
           R"(\udc00)",
           R"(\ud800\u0041)",
           R"(\ud800\ud800)",
           R"(\udfff\ud800)",
       }) {
    const std::string text = "[\"" + std::string(inside) + "\"]";
    EXPECT_EQ(verdict(text), "E_PARSE") << text;
    EXPECT_EQ(verdict("{\"" + std::string(inside) + "\":1}"), "E_PARSE") << text;
  }
}

// Book: JSON-07
TEST(JsonWrite, TakesTextThatIsNoUtf8WithoutFailing) {
  const std::string text =
      json::to_text(json::Value(std::string("a\xFF"
                                            "b\xED\xA0\x80")));
  EXPECT_EQ(verdict(text), "accepted") << text;
}

// Book: JSON-08
TEST(JsonParse, RefusesTheZeroCharacterInStringsAndNames) {
  for (const char* text : {R"("\u0000")", R"(["allowed\u0000evil"])", R"({"\u0000":1})", R"({"a\u0000b":1})",
                           R"({"a":{"b":["x\u0000"]}})"}) {
    EXPECT_EQ(verdict(text), "E_PARSE") << text;
  }
  EXPECT_EQ(verdict(std::string_view("[\"a\0b\"]", 7)), "E_PARSE");
}

// Book: JSON-11
TEST(JsonParse, RefusesAByteOrderMark) {
  EXPECT_EQ(verdict("\xEF\xBB\xBF{}"), "E_PARSE");
  EXPECT_EQ(verdict("\xFF\xFE{\0}\0"), "E_PARSE");
  EXPECT_EQ(verdict("{}\xEF\xBB\xBF"), "E_PARSE");
}

// Book: JSON-12
TEST(JsonParse, RefusesAnythingButOneValueAndPlainSpace) {
  for (const std::string_view text :
       {std::string_view("{} {}"),     std::string_view("{}x"),        std::string_view("{},"),
        std::string_view("[1,]"),      std::string_view("{\"a\":1,}"), std::string_view("[,1]"),
        std::string_view("[1 2]"),     std::string_view("{\"a\" 1}"),  std::string_view("{a:1}"),
        std::string_view("{'a':1}"),   std::string_view("// x\n{}"),   std::string_view("{/* x */}"),
        std::string_view("# x\n{}"),   std::string_view("{}\0", 3),    std::string_view("\0{}", 3),
        std::string_view("{}\f"),      std::string_view("{}\v"),       std::string_view("\xC2\xA0{}"),
        std::string_view("[1"),        std::string_view("{\"a\":"),    std::string_view("\"a"),
        std::string_view("tru"),       std::string_view("True"),       std::string_view("[1]]"),
        std::string_view("\"\t\""),    std::string_view("\"\n\""),     std::string_view("\"\\x41\""),
        std::string_view("\"\\u12\""), std::string_view("null null")}) {
    EXPECT_EQ(verdict(text), "E_PARSE") << text;
  }
}

// Book: JSON-12
TEST(JsonParse, AcceptsAMegabyteOfSpaceAroundTheValue) {
  const std::string space(1u << 20, ' ');
  EXPECT_EQ(verdict(space + "{}" + space), "accepted");
  EXPECT_EQ(verdict("\r\n\t {} \r\n\t"), "accepted");
}

std::string nested(std::size_t depth, const std::string& open, const std::string& close) {
  std::string text;
  for (std::size_t i = 0; i < depth; ++i) text += open;
  if (open != "[") text += "1";
  for (std::size_t i = 0; i < depth; ++i) text += close;
  return text;
}

// Book: JSON-13
TEST(JsonParse, RefusesOneLevelMoreThanItsLimit) {
  EXPECT_EQ(verdict(nested(32, "[", "]")), "accepted");
  EXPECT_EQ(verdict(nested(33, "[", "]")), "E_PARSE");
  EXPECT_EQ(verdict(nested(32, "{\"a\":", "}")), "accepted");
  EXPECT_EQ(verdict(nested(33, "{\"a\":", "}")), "E_PARSE");
  EXPECT_EQ(verdict(nested(1'000'000, "[", "]")), "E_PARSE");
  EXPECT_EQ(verdict(std::string(1'000'000, '[')), "E_PARSE");
}

// Book: JSON-14
TEST(JsonParse, StaysWithinItsLimitsOfBytesAndValues) {
  EXPECT_EQ(verdict("[1,2,3]", {.max_bytes = 7}), "accepted");
  EXPECT_EQ(verdict("[1,2,3]", {.max_bytes = 6}), "E_LIMIT");
  EXPECT_EQ(verdict("[1,2,3]", {.max_values = 4}), "accepted");
  EXPECT_EQ(verdict("[1,2,3]", {.max_values = 3}), "E_LIMIT");
  EXPECT_EQ(verdict(R"({"a":{"b":[]}})", {.max_values = 3}), "accepted");
  EXPECT_EQ(verdict(R"({"a":{"b":[]}})", {.max_values = 2}), "E_LIMIT");
}

// Book: JSON-14
TEST(JsonParse, TakesWideFilesInTimeThatGrowsWithTheirSize) {
  constexpr int kMany = 1'000'000;
  std::string object = "{";
  std::string array = "[";
  std::string escapes = "\"";
  for (int i = 0; i < kMany; ++i) {
    object += (i == 0 ? "\"k" : ",\"k") + std::to_string(kMany - i) + "\":1";
    array += i == 0 ? "0" : ",0";
    escapes += "\\n";
  }
  const std::string wide[] = {object + "}", array + "]", escapes + "\"",
                              "\"" + std::string((16u << 20) - 2, 'x') + "\""};
  for (const std::string& text : wide) {
    const auto start = std::chrono::steady_clock::now();
    EXPECT_EQ(verdict(text), "accepted");
    // A quadratic parser takes hours; the bound is loose for sanitizers and busy machines.
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(60));
  }
}

// Book: JSON-15
TEST(JsonParse, RefusesAnEmptyFile) {
  for (const char* text : {"", " ", "\n", "\t \r\n"}) EXPECT_EQ(verdict(text), "E_PARSE");
}

TEST(JsonParse, NamesLineAndColumnOfAnError) {
  const Result<json::Value> value = json::parse(as_bytes("{\n  \"a\": 1,\n  oops\n}"));
  ASSERT_FALSE(value);
  EXPECT_TRUE(value.error().message.starts_with("line 3, column ")) << value.error().message;
}

struct Vector {
  const char* text;
  std::string_view canonical;
};

// Origin: securesystemslib 1.6.0, formats.encode_canonical(json.loads(text)), the reference of python-tuf.
constexpr Vector kVectors[] = {
    {R"({"b":1,"a":2})", "{\"a\":2,\"b\":1}"},
    {R"({"Z":1,"a":2,"A":3,"_":4,"0":5})", "{\"0\":5,\"A\":3,\"Z\":1,\"_\":4,\"a\":2}"},
    {R"({"":1," ":2,"\"":3,"\\":4})", "{\"\":1,\" \":2,\"\\\"\":3,\"\\\\\":4}"},
    {R"({"\uffff":1,"\ud800\udc00":2,"\ue000":3})", "{\"\xee\x80\x80\":3,\"\xef\xbf\xbf\":1,\"\xf0\x90\x80\x80\":2}"},
    {R"(["a\nb\tc\rd\u0001e\u007ff"])",
     "[\"a\x0a"
     "b\x09"
     "c\x0d"
     "d\x01"
     "e\x7f"
     "f\"]"},
    {R"({"k":"quote \" backslash \\ slash \/ done"})", "{\"k\":\"quote \\\" backslash \\\\ slash / done\"}"},
    {R"({"pem":"-----BEGIN PUBLIC KEY-----\nMFkw\n-----END PUBLIC KEY-----\n"})",
     "{\"pem\":\"-----BEGIN PUBLIC KEY-----\x0aMFkw\x0a-----END PUBLIC KEY-----\x0a\"}"},
    {R"([null,true,false,0,-1,9007199254740993,9223372036854775807,-9223372036854775808])",
     "[null,true,false,0,-1,9007199254740993,9223372036854775807,-9223372036854775808]"},
    {R"({"a":{"c":[1,2,{"z":[],"y":{}}],"b":"x"}})", "{\"a\":{\"b\":\"x\",\"c\":[1,2,{\"y\":{},\"z\":[]}]}}"},
    {R"("\u00e9 e\u0301 \u20ac \ud83d\ude00")", "\"\xc3\xa9 e\xcc\x81 \xe2\x82\xac \xf0\x9f\x98\x80\""},
    {R"({"\u00e9":1,"e\u0301":2,"f":3})", "{\"e\xcc\x81\":2,\"f\":3,\"\xc3\xa9\":1}"},
    {R"([[],{},"",[[]],[{}]])", "[[],{},\"\",[[]],[{}]]"},
    {R"({"10":1,"9":2,"1":3,"01":4})", "{\"01\":4,\"1\":3,\"10\":1,\"9\":2}"},
    {R"({"aa":1,"a":2,"ab":3,"a\u0001":4,"a\"":5})", "{\"a\":2,\"a\x01\":4,\"a\\\"\":5,\"aa\":1,\"ab\":3}"},
    {R"("\u2028\u2029\u202e")", "\"\xe2\x80\xa8\xe2\x80\xa9\xe2\x80\xae\""},
    {R"({"_type":"timestamp","expires":"2026-11-01T12:00:00Z","meta":{"snapshot.json":{"hashes":{"sha256":"00"},"length":10,"version":1}},"spec_version":"1.0.34","version":1})",
     "{\"_type\":\"timestamp\",\"expires\":\"2026-11-01T12:00:00Z\",\"meta\":{\"snapshot.json\":{\"hashes\":{"
     "\"sha256\":\"00\"},\"length\":10,\"version\":1}},\"spec_version\":\"1.0.34\",\"version\":1}"},
};

// Book: JSON-10
// Spec: 4.1b
TEST(CanonicalJson, EqualsTheReferenceOfPythonTuf) {
  for (const Vector& vector : kVectors) {
    const Result<json::Value> value = json::parse(as_bytes(vector.text));
    ASSERT_TRUE(value) << vector.text;
    EXPECT_EQ(json::canonical(*value), vector.canonical) << vector.text;
  }
}

// Book: JSON-10, SIG-21
TEST(CanonicalJson, DoesNotDependOnSpaceOrOrder) {
  const std::string canonical = json::canonical(parsed(R"({"b":[1,{"d":2,"c":3}],"a":""})"));
  EXPECT_EQ(json::canonical(parsed("{\n\t\"a\" : \"\" ,\r\n \"b\":[ 1 , {\"c\":3 , \"d\":2} ] }")), canonical);
}

// Book: JSON-10
TEST(JsonWrite, IsReadBackAsTheSameValue) {
  for (const Vector& vector : kVectors) {
    const json::Value value = parsed(vector.text);
    for (std::size_t indent : {0u, 1u, 4u}) EXPECT_EQ(parsed(json::to_text(value, indent)), value) << vector.text;
  }
}

// Book: JSON-01
// RFC 8259, 7: what must be escaped ends with U+001F.
TEST(JsonWrite, EscapesControlCharactersAndNothingElse) {
  EXPECT_EQ(json::to_text(json::Value("a b\x1f!\x01\n\t\r\"\\\x7f/")), "\"a b\\u001f!\\u0001\\n\\t\\r\\\"\\\\\x7f/\"");
}

TEST(JsonObject, KeepsOneMemberForEachName) {
  json::Object object;
  object.set("b", 1);
  object.set("a", 2);
  object.set("b", 3);
  EXPECT_EQ(json::canonical(object), R"({"a":2,"b":3})");
  object.erase("b");
  EXPECT_EQ(object.find("b"), nullptr);
  EXPECT_EQ(code_of(json::Object::from_members({{"x", 1}, {"x", 2}})), "E_PARSE");
}

TEST(JsonObject, IsEmptyWithoutMembersAlone) {
  EXPECT_TRUE(parsed("{}").object()->empty());
  EXPECT_FALSE(parsed(R"({"a":1})").object()->empty());
}

// Keys are compared by their objects, and so are members that nobody knows.
TEST(JsonValue, IsEqualToNoOther) {
  const char* const texts[] = {"null", "true",       "false",      "0",          "1",
                               "\"\"", "\"0\"",      "[]",         "[0]",        "[0,0]",
                               "{}",   R"({"a":0})", R"({"a":1})", R"({"b":0})", R"({"a":0,"b":0})"};
  for (const char* one : texts) {
    for (const char* other : texts) EXPECT_EQ(parsed(one) == parsed(other), one == other) << one << " " << other;
  }
}

TEST(JsonFields, KeepEveryMemberThatWasNotAskedFor) {
  const json::Value value = parsed(R"({"a":1,"b":2,"c":3})");
  json::Fields fields = *json::Fields::of(value, "value");
  EXPECT_EQ(json::Value(fields.rest()), value) << "nothing was asked for";
  EXPECT_EQ(code_of(fields.finish()), "E_PARSE");
  EXPECT_EQ(*fields.integer("b"), 2);
  EXPECT_EQ(json::Value(fields.rest()), parsed(R"({"a":1,"c":3})"));
}

}  // namespace
}  // namespace tenon::tests
