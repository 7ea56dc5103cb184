// Where an error is, for people: put together only when there is one, from names that a stranger may have chosen.
#include <tenon/metadata/json_fields.h>

#include <gtest/gtest.h>

namespace tenon::json {
namespace {

Value parsed(std::string_view text) {
  return *parse(as_bytes(text));
}

TEST(Fields, SayWhereTheyAreAtAnyDepth) {
  const Value value = parsed(R"({"a":{"b":{"c":{"d":{"e":{"f":{"g":1}}}}}}})");
  Fields at = *Fields::of(value, "top");
  std::string where = "top";
  for (const char* name : {"a", "b", "c", "d", "e", "f"}) {
    Result<Fields> below = at.object(name);
    ASSERT_TRUE(below) << below.error().message;
    where += std::string(".") + name;
    EXPECT_EQ(below->where(), where);
    at = *std::move(below);
  }
  EXPECT_EQ(at.string("g").error().message, where + ": \"g\" is an integer, not a string");
}

TEST(Fields, MakeNamesOfStrangersSafeAndShort) {
  const Value value = parsed("{\"x\\u001b[2J" + std::string(500, 'y') + "\":1,\"good\":{}}");
  Fields fields = *Fields::of(value, "meta");
  const Member& strange = *std::next(fields.all().begin());
  const std::string message = fields.item(strange).error().message;
  EXPECT_EQ(message.find('\x1b'), std::string::npos);
  EXPECT_LT(message.size(), 160u);
  EXPECT_TRUE(fields.item(*fields.all().begin()));
}

TEST(Fields, KnowWhatWasAskedForOfManyMembers) {
  std::string text = "{";
  for (int i = 100; i < 300; ++i) text += (i == 100 ? "\"m" : ",\"m") + std::to_string(i) + "\":" + std::to_string(i);
  const Value value = parsed(text + "}");
  Fields fields = *Fields::of(value, "many");
  for (const int i : {100, 163, 164, 299}) EXPECT_EQ(*fields.integer("m" + std::to_string(i)), i);
  const Object rest = fields.rest();
  EXPECT_EQ(rest.size(), 196u);
  for (const char* name : {"m100", "m163", "m164", "m299"}) EXPECT_EQ(rest.find(name), nullptr) << name;
  EXPECT_FALSE(fields.finish());
}

TEST(Fields, AddWhereTheyAreToAnErrorAlone) {
  const Value value = parsed(R"({"a":{}})");
  const Fields fields = *(*Fields::of(value, "top")).object("a");
  EXPECT_EQ(*fields.located(Result<int>(7)), 7);
  EXPECT_EQ(fields.located(Result<int>(Error{ErrorCode::kParse, "no"})).error().message, "top.a: no");
}

}  // namespace
}  // namespace tenon::json
