#include <tenon/keyctl/policy_toml.h>
#include <tenon/metadata/utf8.h>

#include <algorithm>
#include <optional>

#include <toml++/toml.h>

namespace tenon::keyctl {
namespace {

using policies::SigningPolicy;

// PolicyReader lays a TOML document over the standard policy. What may stand where is what the standard's JSON has there;
// what the values may be is SigningPolicy::parse's to say.
class PolicyReader {
 public:
  PolicyReader(const toml::table& document, const std::string& file) : document_(&document), file_(&file) {}

  Result<SigningPolicy> read() const {
    json::Object base = *standard_.to_json().object();
    base.erase("_type");
    base.erase("spec_version");
    TENON_TRY(json::Object laid, overlay(std::move(base), *document_, ""));
    laid.set("_type", std::string(SigningPolicy::kType));
    laid.set("spec_version", *standard_.to_json().object()->find("spec_version"));
    Result<SigningPolicy> policy = SigningPolicy::parse(laid);
    if (!policy) return at(line_of(policy.error().message), policy.error().message);
    return policy;
  }

 private:
  Error at(toml::source_index line, const std::string& message) const {
    return Error{ErrorCode::kUsage, *file_ + ", line " + std::to_string(line) + ": " + message};
  }
  Error error(const toml::node& node, const std::string& message) const {
    return at(node.source().begin.line, message);
  }

  // What a member of an open table begins as: a role as the standard limits it, a person as nobody.
  std::optional<json::Value> template_for(const std::string& place, std::string_view name) const {
    if (place == "roles") return role_template(name);
    if (place != "custodians") return std::nullopt;
    json::Object person;
    for (const char* member : {"name", "org", "contact", "since", "token"}) person.set(member, "");
    return person;
  }

  json::Value role_template(std::string_view name) const {
    const json::Value roles = *standard_.to_json().object()->find("roles");
    if (const json::Value* known = roles.object()->find(name)) return *known;
    if (name.ends_with('*')) name.remove_suffix(1);
    const auto role = metadata::RoleName::parse_delegated(name);
    SigningPolicy one = standard_;
    one.roles = {{"role", role ? standard_.limits(*role) : standard_.roles.find("delegated:*")->second}};
    const json::Value written = *one.to_json().object()->find("roles");
    return *written.object()->find("role");
  }

  static json::Value waiver_template() {
    json::Object waiver;
    for (const char* member : {"rule", "until", "reason"}) waiver.set(member, "");
    waiver.set("approved_by", json::Array());
    return waiver;
  }

  Result<json::Object> overlay(json::Object base, const toml::table& table, const std::string& place) const {
    for (const auto& [key, node] : table) {
      const std::string name(key.str());
      std::optional<json::Value> under = template_for(place, name);
      if (const json::Value* known = base.find(name); known != nullptr && !under) under = *known;
      if (!under) {
        return error(node,
                     "\"" + printable(name, 80) + "\" is not known" + (place.empty() ? "" : " in [" + place + "]"));
      }
      TENON_TRY(json::Value value, lay(*under, node, place.empty() ? name : place + "." + name));
      base.set(name, std::move(value));
    }
    return base;
  }

  Result<json::Value> lay(const json::Value& under, const toml::node& node, const std::string& place) const {
    if (place == "waivers") return lay_waivers(node);
    if (under.object() != nullptr && node.is_table()) {
      TENON_TRY(json::Object laid, overlay(*under.object(), *node.as_table(), place));
      return json::Value(std::move(laid));
    }
    const std::optional<json::Value> value = plain(node);
    if (!value || value->kind() != under.kind()) {
      return error(node, printable(place, 120) + " is not " + std::string(under.kind()));
    }
    return *value;
  }

  Result<json::Value> lay_waivers(const toml::node& node) const {
    const toml::array* entries = node.as_array();
    json::Array waivers;
    if (entries == nullptr) return error(node, "waivers is not a list of tables: write [[waivers]]");
    for (const toml::node& entry : *entries) {
      if (!entry.is_table()) return error(entry, "waivers is not a list of tables: write [[waivers]]");
      TENON_TRY(json::Object waiver, overlay(*waiver_template().object(), *entry.as_table(), "waivers[]"));
      waivers.push_back(std::move(waiver));
    }
    return json::Value(std::move(waivers));
  }

  // Texts, integers, truths, and lists of texts; nothing for what no policy holds.
  static std::optional<json::Value> plain(const toml::node& node) {
    if (const auto text = node.value_exact<std::string>()) return json::Value(*text);
    if (const auto number = node.value_exact<std::int64_t>()) return json::Value(*number);
    if (const auto truth = node.value_exact<bool>()) return json::Value(*truth);
    const toml::array* entries = node.as_array();
    if (entries == nullptr) return std::nullopt;
    json::Array texts;
    for (const toml::node& entry : *entries) {
      const auto text = entry.value_exact<std::string>();
      if (!text) return std::nullopt;
      texts.emplace_back(*text);
    }
    return json::Value(std::move(texts));
  }

  // Where the place stands that an error of SigningPolicy::parse begins with: "policy.roles.root: min_keys ...".
  toml::source_index line_of(std::string_view message) const {
    const toml::node* found = document_;
    if (message.starts_with("policy")) message.remove_prefix(sizeof("policy") - 1);
    for (;;) {
      const toml::node* next = next_step(*found, message);
      if (next == nullptr) return found->source().begin.line;
      found = next;
    }
  }

  // One step down, by the member or the index that the message goes on with, which is taken off it.
  static const toml::node* next_step(const toml::node& node, std::string_view& message) {
    if (const toml::array* entries = node.as_array()) {
      if (!message.starts_with('[')) return nullptr;
      std::size_t index = 0;
      message.remove_prefix(1);
      for (; !message.empty() && message[0] >= '0' && message[0] <= '9'; message.remove_prefix(1)) {
        index = std::min<std::size_t>(index * 10 + static_cast<std::size_t>(message[0] - '0'), entries->size());
      }
      if (message.starts_with(']')) message.remove_prefix(1);
      return entries->get(index);
    }
    const toml::table* table = node.as_table();
    if (table == nullptr) return nullptr;
    std::string_view rest = message;
    for (const std::string_view separator : {".", ": ", "\""}) {
      if (rest.starts_with(separator)) rest.remove_prefix(separator.size());
    }
    const toml::node* best = nullptr;
    std::size_t length = 0;
    for (const auto& [key, child] : *table) {
      if (key.str().size() <= length || !rest.starts_with(key.str())) continue;
      best = &child;
      length = key.str().size();
    }
    if (best != nullptr) message = rest.substr(length);
    return best;
  }

  const toml::table* document_;
  const std::string* file_;
  SigningPolicy standard_ = SigningPolicy::standard();
};

}  // namespace

Result<SigningPolicy> parse_policy_toml(std::string_view text, const std::string& file_name) {
  try {
    const toml::table document = toml::parse(text, file_name);
    return PolicyReader(document, file_name).read();
  } catch (const toml::parse_error& problem) {
    return Error{ErrorCode::kUsage, file_name + ", line " + std::to_string(problem.source().begin.line) + ": " +
                                        std::string(problem.description())};
  }
}

}  // namespace tenon::keyctl
