// Fields: typed reading of one JSON object. Every error names the place: "signed.roles.root: threshold is ...".
//
//   TENON_TRY(json::Fields fields, json::Fields::of(value, "signed"));
//   TENON_TRY(std::int64_t version, fields.integer("version"));
//   json::Object others = fields.rest();          // what was not asked for survives
#pragma once

#include <tenon/metadata/json.h>

#include <array>
#include <bitset>
#include <set>
#include <string>
#include <vector>

namespace tenon::json {

class Fields {
 public:
  // of Errors: E_PARSE if the value is no object. Caller must keep the value alive.
  static Result<Fields> of(const Value& value, std::string where);

  // Each reads a required member of that kind. Errors: E_PARSE if it is absent or of another kind.
  Result<const Value*> value(std::string_view name);
  Result<std::string> string(std::string_view name);
  Result<std::string_view> text(std::string_view name);  // as string(), and lives as long as the value
  Result<std::int64_t> integer(std::string_view name);
  Result<bool> boolean(std::string_view name);
  Result<const Array*> array(std::string_view name);
  Result<Fields> object(std::string_view name);
  // item is a member that was found by going over all(), as an object. Errors: E_PARSE if it is none.
  Result<Fields> item(const Member& member) const { return child(member.name, member.value); }

  // optional gives null for an absent member; null as a value is a value.
  const Value* optional(std::string_view name);

  // rest is the object without the members that were asked for.
  Object rest() const;
  // finish refuses members that were not asked for, for formats that nobody else extends. Errors: E_PARSE.
  Result<void> finish() const;

  const Object& all() const { return *object_; }
  // where names the object for people: "signed.targets.app.bin.hashes". It is put together when it is wanted, since of
  // the objects in a large file hardly one has an error.
  std::string where() const;
  // located adds where() to an error.
  template <class T>
  Result<T> located(Result<T> result) const {
    return result ? std::move(result) : Result<T>(Error(result.error()).context(where()));
  }
  // error says what is wrong with the object or one of its members.
  Error error(std::string_view message) const;

 private:
  static constexpr std::size_t kNames = 4;
  static constexpr std::size_t kFew = 64;

  Fields(const Object& object, std::string where) : object_(&object), where_(std::move(where)) {}
  Result<Fields> child(std::string_view name, const Value& value) const;
  Error wrong_kind(std::string_view name, std::string_view wanted, const Value& got) const;

  bool was_asked(const Member& member) const;

  const Object* object_;
  std::string where_;                             // of an object above, ...
  std::array<std::string_view, kNames> below_{};  // ... and the names that lead from there
  std::size_t names_ = 0;
  // What was asked for, by its place in the object.
  std::bitset<kFew> asked_;
  std::set<std::size_t> asked_beyond_;
};

}  // namespace tenon::json
