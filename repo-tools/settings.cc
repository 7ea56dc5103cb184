#include <tenon/metadata/json_fields.h>
#include <tenon/metadata/utf8.h>
#include <tenon/policies/release.h>
#include <tenon/repo_tools/settings.h>

#include <algorithm>
#include <charconv>

namespace tenon::repo_tools {
namespace {

constexpr std::string_view kFormat = "tenon-repo-1";
constexpr std::int64_t kMaxDays = 3650;
constexpr std::size_t kMaxProducts = 256;

struct Lifetime {
  std::string_view name;
  Days ExpiryDays::*days;
};
constexpr Lifetime kLifetimes[] = {{"targets", &ExpiryDays::targets},
                                   {"releases", &ExpiryDays::releases},
                                   {"rollout", &ExpiryDays::rollout},
                                   {"snapshot", &ExpiryDays::snapshot},
                                   {"timestamp", &ExpiryDays::timestamp}};

// A list of names that may be absent.
Result<std::set<std::string>> read_names(json::Fields& fields, std::string_view member) {
  std::set<std::string> names;
  if (fields.optional(member) == nullptr) return names;
  TENON_TRY(const json::Array* entries, fields.array(member));
  for (const json::Value& entry : *entries) {
    if (entry.string() == nullptr) {
      return fields.error(std::string(member) + " lists " + std::string(entry.kind()) + ", not a name");
    }
    names.insert(*entry.string());
  }
  return names;
}

}  // namespace

Result<Days> Days::create(std::int64_t value) {
  if (value >= 1 && value <= kMaxDays) return Days(value);
  return Error{ErrorCode::kParse, "a lifetime of " + std::to_string(value) + " days, it is 1 to 3650"};
}

Result<Days> Days::parse(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  const bool known = unit.empty() || unit == "d" || unit == "w";
  if (error == std::errc() && known && value >= 1 && value <= kMaxDays) {
    if (Result<Days> days = create(unit == "w" ? value * 7 : value)) return days;
  }
  return Error{ErrorCode::kUsage, printable(text, 40) + ": is no lifetime of 1 to 3650 days"}.with_hint(
      "write 7d or 2w");
}

Days ExpiryDays::of(const RoleId& role) const {
  if (role == RoleId::timestamp()) return timestamp;
  if (role == RoleId::snapshot()) return snapshot;
  if (role.text().starts_with("releases.")) return releases;
  if (role.text().starts_with("rollout.")) return rollout;
  return targets;
}

Result<Settings> Settings::parse(ByteView file) {
  TENON_TRY(const json::Value value, json::parse(file, {.max_bytes = kMaxBytes}));
  TENON_TRY(json::Fields fields, json::Fields::of(value, "settings"));
  TENON_TRY(const std::string format, fields.string("format"));
  if (format != kFormat) return fields.error("format is \"" + printable(format, 40) + "\", not \"tenon-repo-1\"");
  Settings settings;
  if (fields.optional("lab") != nullptr) {
    TENON_TRY(settings.is_lab, fields.boolean("lab"));
  }
  TENON_TRY(const json::Array* products, fields.array("products"));
  if (products->size() > kMaxProducts) return fields.error("more than 256 products");
  for (const json::Value& entry : *products) {
    if (entry.string() == nullptr) return fields.error("a product is " + std::string(entry.kind()));
    TENON_TRY(policies::Label product, policies::Label::parse(*entry.string()).with_context("settings.products"));
    settings.products.push_back(std::move(product));
  }
  TENON_TRY(json::Fields days, fields.object("expiry_days"));
  for (const Lifetime& lifetime : kLifetimes) {
    TENON_TRY(const std::int64_t number, days.integer(lifetime.name));
    TENON_TRY(settings.expiry.*lifetime.days, Days::create(number).with_context(days.where()));
  }
  TENON_TRY_VOID(days.finish());
  TENON_TRY(settings.removed, read_names(fields, "removed"));
  TENON_TRY(settings.served_elsewhere, read_names(fields, "served_elsewhere"));
  TENON_TRY_VOID(fields.finish());
  return settings;
}

std::string Settings::to_text() const {
  json::Array labels;
  for (const policies::Label& product : products) labels.push_back(product.text());
  json::Object days;
  for (const Lifetime& lifetime : kLifetimes) days.set(std::string(lifetime.name), (expiry.*lifetime.days).value());
  json::Object file;
  file.set("format", std::string(kFormat));
  file.set("lab", is_lab);
  file.set("products", std::move(labels));
  file.set("expiry_days", std::move(days));
  if (!removed.empty()) file.set("removed", json::Array(removed.begin(), removed.end()));
  if (!served_elsewhere.empty()) {
    file.set("served_elsewhere", json::Array(served_elsewhere.begin(), served_elsewhere.end()));
  }
  return json::to_text(file, 1) + "\n";
}

Result<void> Settings::require_product(const policies::Label& product) const {
  if (std::ranges::find(products, product) != products.end()) return {};
  std::string known;
  for (const policies::Label& other : products) known += (known.empty() ? "" : ", ") + other.text();
  return Error{ErrorCode::kUsage, "this repository has no product " + product.text()}.with_hint("it has: " + known);
}

}  // namespace tenon::repo_tools
