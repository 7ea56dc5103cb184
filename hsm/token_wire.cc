#include <tenon/hsm/token_wire.h>
#include <tenon/metadata/hex.h>
#include <tenon/metadata/json_fields.h>
#include <tenon/metadata/utf8.h>

#include <algorithm>
#include <charconv>

namespace tenon::hsm::wire {
namespace {

constexpr std::size_t kMaxTextBytes = 255;
constexpr std::size_t kMaxPathBytes = 4096;
constexpr std::size_t kMaxCallBytes = 40;
constexpr std::size_t kMaxProblems = 64;

bool is_letter(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
}

Result<std::string> read_text(json::Fields& fields, std::string_view name, std::size_t max_bytes = kMaxTextBytes) {
  TENON_TRY(std::string text, fields.string(name));
  if (text.size() > max_bytes) return fields.error(std::string(name) + " is too long");
  return text;
}

// Text that people will see.
Result<std::string> read_shown(json::Fields& fields, std::string_view name) {
  TENON_TRY(std::string text, read_text(fields, name));
  if (printable(text) != text) return fields.error(std::string(name) + " is not printable");
  return text;
}

Result<Bytes> read_hex(json::Fields& fields, std::string_view name) {
  TENON_TRY(const std::string hex, read_text(fields, name, 2 * kMaxAttributeBytes));
  std::optional<Bytes> bytes = from_hex(hex);
  if (!bytes) return fields.error(std::string(name) + " is no hex");
  return *std::move(bytes);
}

template <class Item>
Result<std::vector<Item>> read_list(const json::Array& array, std::size_t max_items) {
  if (array.size() > max_items) return Error{ErrorCode::kLimit, "a list of " + std::to_string(array.size())};
  std::vector<Item> items;
  for (const json::Value& value : array) {
    TENON_TRY(Item item, Item::read(value));
    items.push_back(std::move(item));
  }
  return items;
}

template <class Item>
json::Array list_of(const std::vector<Item>& items) {
  json::Array array;
  for (const Item& item : items) array.push_back(item.to_json());
  return array;
}

Result<ModuleProblem> read_problem(const json::Value& value) {
  TENON_TRY(json::Fields fields, json::Fields::of(value, "problem"));
  ModuleProblem problem;
  TENON_TRY(problem.module, read_shown(fields, "module"));
  TENON_TRY(const std::string failure, read_text(fields, "failure"));
  TENON_TRY_VOID(fields.finish());
  TENON_TRY(problem.failure, CallFailure::parse(failure));
  return problem;
}

}  // namespace

FrameHeader FrameHeader::read(const std::array<std::uint8_t, kBytes>& bytes) {
  std::uint32_t size = 0;
  for (std::size_t i = 1; i < kBytes; ++i) size = size << 8 | bytes[i];
  return {bytes[0], size};
}

std::array<std::uint8_t, FrameHeader::kBytes> FrameHeader::bytes() const {
  const auto byte = [&](int shift) { return static_cast<std::uint8_t>(size >> shift & 0xff); };
  return {kind, byte(24), byte(16), byte(8), byte(0)};
}

Result<CallFailure> CallFailure::parse(std::string_view text) {
  const std::size_t blank = text.find(" 0x");
  CallFailure failure{std::string(text.substr(0, blank)), 0};
  const bool named =
      !failure.call.empty() && failure.call.size() <= kMaxCallBytes && std::ranges::all_of(failure.call, is_letter);
  if (named && blank != text.npos) {
    const char* end = text.data() + text.size();
    const auto [at, failed] = std::from_chars(text.data() + blank + 3, end, failure.code, 16);
    if (failed == std::errc() && at == end && failure.text() == text) return failure;
  }
  return Error{ErrorCode::kParse, "not a function of Cryptoki and its code"};
}

std::string CallFailure::text() const {
  std::array<char, 16> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), code, 16).ptr;
  return call + " 0x" + std::string(digits.data(), end);
}

Result<ModuleChoice> ModuleChoice::read(const json::Value& value) {
  TENON_TRY(json::Fields fields, json::Fields::of(value, "module"));
  ModuleChoice choice;
  TENON_TRY(choice.file, read_text(fields, "file", kMaxPathBytes));
  TENON_TRY(choice.name, read_text(fields, "name"));
  TENON_TRY_VOID(fields.finish());
  return choice;
}

json::Object ModuleChoice::to_json() const {
  json::Object object;
  object.set("file", file);
  object.set("name", name);
  return object;
}

Result<TokenInfo> TokenInfo::read(const json::Value& value) {
  TENON_TRY(json::Fields fields, json::Fields::of(value, "token"));
  TokenInfo info;
  TENON_TRY(info.module, read_shown(fields, "module"));
  TENON_TRY(info.label, read_shown(fields, "label"));
  TENON_TRY(info.manufacturer, read_shown(fields, "manufacturer"));
  TENON_TRY(info.model, read_shown(fields, "model"));
  TENON_TRY(info.serial, read_shown(fields, "serial"));
  TENON_TRY(info.initialized, fields.boolean("initialized"));
  TENON_TRY(info.pin_set, fields.boolean("pin_set"));
  TENON_TRY(info.pin_pad, fields.boolean("pin_pad"));
  TENON_TRY(info.pin_count_low, fields.boolean("pin_count_low"));
  TENON_TRY(info.pin_final_try, fields.boolean("pin_final_try"));
  TENON_TRY(info.pin_locked, fields.boolean("pin_locked"));
  TENON_TRY_VOID(fields.finish());
  return info;
}

json::Object TokenInfo::to_json() const {
  json::Object object;
  object.set("module", module);
  object.set("label", label);
  object.set("manufacturer", manufacturer);
  object.set("model", model);
  object.set("serial", serial);
  object.set("initialized", initialized);
  object.set("pin_set", pin_set);
  object.set("pin_pad", pin_pad);
  object.set("pin_count_low", pin_count_low);
  object.set("pin_final_try", pin_final_try);
  object.set("pin_locked", pin_locked);
  return object;
}

Result<TokenList> TokenList::read(const json::Value& value) {
  TENON_TRY(json::Fields fields, json::Fields::of(value, "tokens"));
  TokenList list;
  TENON_TRY(const json::Array* tokens, fields.array("tokens"));
  TENON_TRY(const json::Array* problems, fields.array("problems"));
  TENON_TRY_VOID(fields.finish());
  TENON_TRY(list.tokens, read_list<TokenInfo>(*tokens, kMaxTokens));
  if (problems->size() > kMaxProblems) return fields.error("too many problems");
  for (const json::Value& problem : *problems) {
    TENON_TRY(ModuleProblem one, read_problem(problem));
    list.problems.push_back(std::move(one));
  }
  return list;
}

json::Object TokenList::to_json() const {
  json::Array found;
  for (const ModuleProblem& problem : problems) {
    json::Object object;
    object.set("module", problem.module);
    object.set("failure", problem.failure.text());
    found.push_back(std::move(object));
  }
  json::Object object;
  object.set("tokens", list_of(tokens));
  object.set("problems", std::move(found));
  return object;
}

Result<SessionRequest> SessionRequest::read(const json::Value& value) {
  TENON_TRY(json::Fields fields, json::Fields::of(value, "session"));
  TENON_TRY(const std::int64_t token, fields.integer("token"));
  TENON_TRY(const bool writes, fields.boolean("writes"));
  TENON_TRY_VOID(fields.finish());
  if (token < 0 || token >= static_cast<std::int64_t>(kMaxTokens)) return fields.error("no such token");
  return SessionRequest{static_cast<std::size_t>(token), writes};
}

json::Object SessionRequest::to_json() const {
  json::Object object;
  object.set("token", static_cast<std::int64_t>(token));
  object.set("writes", writes);
  return object;
}

Result<KeyQuery> KeyQuery::read(const json::Value& value) {
  TENON_TRY(json::Fields fields, json::Fields::of(value, "query"));
  KeyQuery query;
  if (fields.optional("id") != nullptr) {
    TENON_TRY(query.id, read_hex(fields, "id"));
  }
  if (fields.optional("label") != nullptr) {
    TENON_TRY(query.label, read_text(fields, "label"));
  }
  TENON_TRY_VOID(fields.finish());
  return query;
}

json::Object KeyQuery::to_json() const {
  json::Object object;
  if (id) object.set("id", to_hex(*id));
  if (label) object.set("label", *label);
  return object;
}

Result<KeyObject> KeyObject::read(const json::Value& value) {
  TENON_TRY(json::Fields fields, json::Fields::of(value, "key"));
  KeyObject key;
  TENON_TRY(key.is_private, fields.boolean("private"));
  TENON_TRY(key.key_type, fields.integer("key_type"));
  TENON_TRY(key.modulus_bits, fields.integer("modulus_bits"));
  TENON_TRY(key.label, read_shown(fields, "label"));
  TENON_TRY(key.id, read_hex(fields, "id"));
  TENON_TRY(key.ec_params, read_hex(fields, "ec_params"));
  TENON_TRY(key.ec_point, read_hex(fields, "ec_point"));
  TENON_TRY(key.modulus, read_hex(fields, "modulus"));
  TENON_TRY(key.exponent, read_hex(fields, "exponent"));
  TENON_TRY(key.signs, fields.boolean("signs"));
  TENON_TRY(key.local, fields.boolean("local"));
  TENON_TRY(key.never_extractable, fields.boolean("never_extractable"));
  TENON_TRY(key.always_authenticate, fields.boolean("always_authenticate"));
  TENON_TRY_VOID(fields.finish());
  return key;
}

json::Object KeyObject::to_json() const {
  json::Object object;
  object.set("private", is_private);
  object.set("key_type", key_type);
  object.set("modulus_bits", modulus_bits);
  object.set("label", label);
  object.set("id", to_hex(id));
  object.set("ec_params", to_hex(ec_params));
  object.set("ec_point", to_hex(ec_point));
  object.set("modulus", to_hex(modulus));
  object.set("exponent", to_hex(exponent));
  object.set("signs", signs);
  object.set("local", local);
  object.set("never_extractable", never_extractable);
  object.set("always_authenticate", always_authenticate);
  return object;
}

Result<KeyList> KeyList::read(const json::Value& value) {
  TENON_TRY(json::Fields fields, json::Fields::of(value, "keys"));
  TENON_TRY(const json::Array* keys, fields.array("keys"));
  TENON_TRY_VOID(fields.finish());
  KeyList list;
  TENON_TRY(list.keys, read_list<KeyObject>(*keys, kMaxKeys));
  return list;
}

json::Object KeyList::to_json() const {
  json::Object object;
  object.set("keys", list_of(keys));
  return object;
}

std::string_view to_string(Mechanism mechanism) {
  switch (mechanism) {
    case Mechanism::kEcdsa: return "CKM_ECDSA";
    case Mechanism::kRsaPss: return "CKM_RSA_PKCS_PSS";
    case Mechanism::kEddsa: return "CKM_EDDSA";
    case Mechanism::kEcdsaSha256: return "CKM_ECDSA_SHA256";
    case Mechanism::kRsaPssSha256: return "CKM_SHA256_RSA_PKCS_PSS";
  }
  return "";
}

Result<SignRequest> SignRequest::read(ByteView body) {
  const bool known = body.size() >= kHeadBytes && body[0] >= static_cast<std::uint8_t>(Mechanism::kEcdsa) &&
                     body[0] <= static_cast<std::uint8_t>(Mechanism::kRsaPssSha256);
  if (known) return SignRequest{static_cast<Mechanism>(body[0]), body[1], body.subspan(kHeadBytes)};
  return Error{ErrorCode::kParse, "no request for a signature"};
}

Bytes SignRequest::bytes() const {
  Bytes body = {static_cast<std::uint8_t>(mechanism), key};
  body.insert(body.end(), data.begin(), data.end());
  return body;
}

Result<GenerateRequest> GenerateRequest::read(const json::Value& value) {
  TENON_TRY(json::Fields fields, json::Fields::of(value, "new key"));
  TENON_TRY(const std::string type, fields.string("type"));
  GenerateRequest request;
  TENON_TRY(request.type, parse_key_type(type));
  TENON_TRY(request.id, read_hex(fields, "id"));
  TENON_TRY(request.label, read_text(fields, "label"));
  TENON_TRY(request.always_authenticate, fields.boolean("always_authenticate"));
  TENON_TRY_VOID(fields.finish());
  return request;
}

json::Object GenerateRequest::to_json() const {
  json::Object object;
  object.set("type", std::string(to_string(type)));
  object.set("id", to_hex(id));
  object.set("label", label);
  object.set("always_authenticate", always_authenticate);
  return object;
}

}  // namespace tenon::hsm::wire
