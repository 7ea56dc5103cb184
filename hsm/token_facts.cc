#include <tenon/hsm/token_facts.h>
#include <tenon/metadata/hex.h>
#include <tenon/metadata/json_fields.h>
#include <tenon/metadata/utf8.h>

namespace tenon::hsm {
namespace {

Result<std::string> read_text(json::Fields& fields, std::string_view name) {
  TENON_TRY(std::string text, fields.string(name));
  if (text.size() > TokenFacts::kMaxTextBytes) {
    return Error{ErrorCode::kLimit, fields.where() + ": " + std::string(name) + " is of " +
                                        std::to_string(text.size()) + " bytes, at most " +
                                        std::to_string(TokenFacts::kMaxTextBytes)};
  }
  if (printable(text) != text) return fields.error(std::string(name) + " is not printable: " + printable(text));
  return text;
}

Result<Bytes> read_key_id(json::Fields& fields) {
  TENON_TRY(const std::string hex, fields.string("key_id"));
  std::optional<Bytes> id = from_hex(hex);
  if (id && id->size() <= TokenFacts::kMaxKeyIdBytes) return *std::move(id);
  return fields.error("key_id is not at most " + std::to_string(TokenFacts::kMaxKeyIdBytes) + " bytes in hex");
}

}  // namespace

Result<TokenFacts> TokenFacts::read(const json::Value& value) {
  TENON_TRY(json::Fields fields, json::Fields::of(value, "token"));
  TokenFacts facts;
  TENON_TRY(facts.label, read_text(fields, "label"));
  TENON_TRY(facts.manufacturer, read_text(fields, "manufacturer"));
  TENON_TRY(facts.model, read_text(fields, "model"));
  TENON_TRY(facts.serial, read_text(fields, "serial"));
  TENON_TRY(facts.key_id, read_key_id(fields));
  TENON_TRY(facts.local, fields.boolean("local"));
  TENON_TRY(facts.never_extractable, fields.boolean("never_extractable"));
  TENON_TRY(facts.always_authenticate, fields.boolean("always_authenticate"));
  TENON_TRY_VOID(fields.finish());
  return facts;
}

json::Object TokenFacts::to_json() const {
  json::Object object;
  object.set("label", label);
  object.set("manufacturer", manufacturer);
  object.set("model", model);
  object.set("serial", serial);
  object.set("key_id", to_hex(key_id));
  object.set("local", local);
  object.set("never_extractable", never_extractable);
  object.set("always_authenticate", always_authenticate);
  return object;
}

}  // namespace tenon::hsm
