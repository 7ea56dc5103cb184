// Fields: typed reading of one JSON object. Every error names the place: "signed.roles.root: threshold is ...".
//
//   TENON_TRY(json::Fields fields, json::Fields::of(value, "signed"));
//   TENON_TRY(std::int64_t version, fields.integer("version"));
//   json::Object others = fields.rest();          // what was not asked for survives
#pragma once

#include <tenon/metadata/json.h>

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
  Result<std::int64_t> integer(std::string_view name);
  Result<bool> boolean(std::string_view name);
  Result<const Array*> array(std::string_view name);
  Result<Fields> object(std::string_view name);

  // optional gives null for an absent member; null as a value is a value.
  const Value* optional(std::string_view name);

  // rest is the object without the members that were asked for.
  Object rest() const;
  // finish refuses members that were not asked for, for formats that nobody else extends. Errors: E_PARSE.
  Result<void> finish() const;

  const Object& all() const { return *object_; }
  const std::string& where() const { return where_; }
  // error says what is wrong with the object or one of its members.
  Error error(std::string_view message) const;

 private:
  Fields(const Object& object, std::string where) : object_(&object), where_(std::move(where)) {}
  Error wrong_kind(std::string_view name, std::string_view wanted, const Value& got) const;

  bool was_asked(const Member& member) const;

  const Object* object_;
  std::string where_;
  std::vector<bool> asked_;  // by place in the object; empty until something is asked for
};

}  // namespace tenon::json
