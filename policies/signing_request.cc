#include <tenon/metadata/hex.h>
#include <tenon/metadata/utf8.h>
#include <tenon/policies/signing_request.h>

#include <algorithm>

namespace tenon::policies {
namespace {

using metadata::UtcTime;

constexpr std::string_view kFormat = "tenon-request-1";
constexpr std::size_t kMaxReasonBytes = 1024;
constexpr std::size_t kMaxReasons = 4096;
constexpr std::size_t kMaxDelegators = 8;
constexpr std::size_t kMaxChildren = 256;
constexpr std::size_t kMaxRoleBytes = 255;    // RoleName
constexpr std::size_t kMaxNonceDigits = 128;  // hsm::Nonce

Result<UtcTime> read_time(json::Fields& fields, std::string_view name) {
  TENON_TRY(const std::string text, fields.string(name));
  return UtcTime::parse(text).with_context(fields.where() + "." + std::string(name));
}

Result<Sha256> read_sha256(json::Fields& fields, std::string_view name) {
  TENON_TRY(const std::string text, fields.string(name));
  return Sha256::parse(text).with_context(fields.where() + "." + std::string(name));
}

Result<std::optional<std::string>> read_optional_text(json::Fields& fields, std::string_view name) {
  if (fields.optional(name) == nullptr) return std::optional<std::string>();
  TENON_TRY(std::string text, fields.string(name));
  return std::optional(std::move(text));
}

// read_list reads an array, absent or not, of at most max items.
template <class Item, class ReadItem>
Result<std::vector<Item>> read_list(json::Fields& fields, std::string_view name, std::size_t max, ReadItem read_item) {
  std::vector<Item> items;
  if (fields.optional(name) == nullptr) return items;
  TENON_TRY(const json::Array* array, fields.array(name));
  if (array->size() > max) {
    return Error{ErrorCode::kLimit, fields.where() + "." + std::string(name) + ": " + std::to_string(array->size()) +
                                        " items, at most " + std::to_string(max) + " are read"};
  }
  for (const json::Value& value : *array) {
    TENON_TRY(Item item, read_item(value));
    items.push_back(std::move(item));
  }
  return items;
}

Result<std::vector<std::string>> read_texts(json::Fields& fields, std::string_view name, std::size_t max) {
  const std::string where = fields.where() + "." + std::string(name);
  return read_list<std::string>(fields, name, max, [&](const json::Value& value) -> Result<std::string> {
    if (value.string() == nullptr) {
      return Error{ErrorCode::kParse, where + ": " + std::string(value.kind()) + " where a string is wanted"};
    }
    return *value.string();
  });
}

// A pair of strings, as the entries of "reasons" and "releases" are.
Result<std::pair<std::string, std::string>> read_pair(const json::Value& value, std::string_view where,
                                                      std::string_view first, std::string_view second) {
  TENON_TRY(json::Fields fields, json::Fields::of(value, std::string(where)));
  TENON_TRY(std::string key, fields.string(first));
  TENON_TRY(std::string text, fields.string(second));
  TENON_TRY_VOID(fields.finish());
  return std::pair(std::move(key), std::move(text));
}

Result<std::map<std::string, std::string>> read_map(json::Fields& fields, std::string_view name, std::size_t max,
                                                    std::string_view first, std::string_view second) {
  using Pair = std::pair<std::string, std::string>;
  const std::string where = fields.where() + "." + std::string(name);
  TENON_TRY(std::vector<Pair> pairs, read_list<Pair>(fields, name, max, [&](const json::Value& value) {
              return read_pair(value, where, first, second);
            }));
  std::map<std::string, std::string> map;
  for (auto& [key, text] : pairs) {
    if (!map.emplace(key, std::move(text)).second) {
      return Error{ErrorCode::kParse, where + ": \"" + printable(key, 200) + "\" stands twice"};
    }
  }
  return map;
}

Result<RequestedDocument> read_document(const json::Value& value) {
  TENON_TRY(json::Fields fields, json::Fields::of(value, "request.documents"));
  TENON_TRY(std::string role, fields.string("role"));
  if (role.empty() || role.size() > kMaxRoleBytes || has_control_characters(role)) {
    return fields.error("role \"" + printable(role, 80) + "\" is no name of a role");
  }
  TENON_TRY(const std::string draft_text, fields.string("draft"));
  TENON_TRY(metadata::Envelope draft, metadata::Envelope::parse(as_bytes(draft_text), SigningRequest::kMaxBytes)
                                          .with_context("draft of " + printable(role, 80)));
  TENON_TRY(std::optional<std::string> previous, read_optional_text(fields, "previous"));
  TENON_TRY(std::vector<std::string> delegators, read_texts(fields, "delegators", kMaxDelegators));
  TENON_TRY(auto children, read_map(fields, "children", kMaxChildren, "role", "file"));
  TENON_TRY(auto reasons, read_map(fields, "reasons", kMaxReasons, "change", "reason"));
  TENON_TRY(const Sha256 stated, read_sha256(fields, "payload_sha256"));
  TENON_TRY_VOID(fields.finish());
  RequestedDocument document{std::move(role),       std::move(draft),    std::move(previous),
                             std::move(delegators), std::move(children), std::move(reasons)};
  for (const auto& [change, reason] : document.reasons) {
    if (reason.size() > kMaxReasonBytes) return fields.error("a reason is longer than 1024 bytes");
  }
  if (document.payload_sha256() != stated) {
    return Error{ErrorCode::kMismatch,
                 "request: the draft of " + printable(document.role, 80) + " has sha256 " +
                     document.payload_sha256().hex() + ", the request says " + stated.hex(),
                 "the file was damaged or changed on its way; fetch it again"};
  }
  return document;
}

json::Array write_texts(const std::vector<std::string>& texts) {
  return {texts.begin(), texts.end()};
}

json::Array write_map(const std::map<std::string, std::string>& map, const char* first, const char* second) {
  json::Array array;
  for (const auto& [key, text] : map) {
    json::Object pair;
    pair.set(first, key);
    pair.set(second, text);
    array.emplace_back(std::move(pair));
  }
  return array;
}

json::Value write_document(const RequestedDocument& document) {
  json::Object object;
  object.set("role", document.role);
  object.set("draft", document.draft.to_text());
  object.set("payload_sha256", document.payload_sha256().hex());
  if (document.previous) object.set("previous", *document.previous);
  if (!document.delegators.empty()) object.set("delegators", write_texts(document.delegators));
  if (!document.children.empty()) object.set("children", write_map(document.children, "role", "file"));
  if (!document.reasons.empty()) object.set("reasons", write_map(document.reasons, "change", "reason"));
  return object;
}

Result<void> check_documents(const std::vector<RequestedDocument>& documents) {
  if (documents.empty()) return Error{ErrorCode::kParse, "request: there is no document to sign"};
  for (std::size_t i = 0; i < documents.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      if (documents[i].role != documents[j].role) continue;
      return Error{ErrorCode::kParse, "request: role " + printable(documents[i].role, 80) + " stands twice"};
    }
  }
  return {};
}

}  // namespace

Result<SigningRequest> SigningRequest::parse(ByteView file) {
  TENON_TRY(const json::Value value, json::parse(file, {.max_bytes = kMaxBytes}));
  TENON_TRY(json::Fields fields, json::Fields::of(value, "request"));
  TENON_TRY(const std::string format, fields.string("format"));
  if (format != kFormat) {
    return fields.error("format is \"" + printable(format, 40) + "\", not \"" + std::string(kFormat) + "\"");
  }
  TENON_TRY(Label repository, Label::read(fields, "repository"));
  TENON_TRY(const UtcTime created, read_time(fields, "created"));
  TENON_TRY(const UtcTime not_after, read_time(fields, "not_after"));
  SigningRequest request{std::move(repository), created, not_after, false, {}};
  if (fields.optional("rehearsal") != nullptr) {
    TENON_TRY(request.rehearsal, fields.boolean("rehearsal"));
  }
  TENON_TRY(request.documents, read_list<RequestedDocument>(fields, "documents", kMaxDocuments, read_document));
  TENON_TRY_VOID(check_documents(request.documents));
  TENON_TRY(request.roots, read_texts(fields, "roots", kMaxRoots));
  TENON_TRY(request.policy, read_optional_text(fields, "policy"));
  TENON_TRY(request.policy_sha256, read_sha256(fields, "policy_sha256"));
  TENON_TRY(request.keys, read_list<json::Value>(fields, "keys", kMaxKeys,
                                                 [](const json::Value& key) { return Result<json::Value>(key); }));
  TENON_TRY(std::optional<std::string> nonce, read_optional_text(fields, "nonce"));
  request.nonce = std::move(nonce).value_or("");
  if (request.nonce.size() > kMaxNonceDigits) return fields.error("nonce is longer than 128 hex digits");
  if (!from_hex(request.nonce)) return fields.error("nonce is no hex");
  TENON_TRY(request.releases, read_map(fields, "releases", kMaxReleases, "path", "content"));
  TENON_TRY_VOID(fields.finish());
  return request;
}

json::Value SigningRequest::to_json() const {
  json::Array written;
  for (const RequestedDocument& document : documents) written.push_back(write_document(document));
  json::Object object;
  object.set("format", std::string(kFormat));
  object.set("repository", repository.text());
  object.set("created", created.text());
  object.set("not_after", not_after.text());
  if (rehearsal) object.set("rehearsal", true);
  object.set("documents", std::move(written));
  object.set("roots", write_texts(roots));
  if (policy) object.set("policy", *policy);
  object.set("policy_sha256", policy_sha256.hex());
  if (!keys.empty()) object.set("keys", json::Array(keys));
  if (!nonce.empty()) object.set("nonce", nonce);
  if (!releases.empty()) object.set("releases", write_map(releases, "path", "content"));
  return object;
}

std::string SigningRequest::to_text() const {
  return json::to_text(to_json(), 1) + "\n";
}

Sha256 SigningRequest::id() const {
  return Sha256::of(as_bytes(json::canonical(to_json())));
}

const RequestedDocument* SigningRequest::find(std::string_view role) const {
  const auto found = std::ranges::find(documents, role, &RequestedDocument::role);
  return found == documents.end() ? nullptr : &*found;
}

}  // namespace tenon::policies
