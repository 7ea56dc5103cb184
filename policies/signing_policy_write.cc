#include <tenon/policies/signing_policy_members.h>

#include <algorithm>

namespace tenon::policies {
namespace {

using metadata::UtcTime;

template <class Owner, std::size_t kCount>
void write_all(json::Object& object, const std::array<Number<Owner>, kCount>& numbers, const Owner& owner) {
  for (const Number<Owner>& number : numbers) object.set(std::string(number.name), owner.*number.place);
}
template <class Owner, std::size_t kCount>
void write_all(json::Object& object, const std::array<Truth<Owner>, kCount>& truths, const Owner& owner) {
  for (const Truth<Owner>& truth : truths) object.set(std::string(truth.name), owner.*truth.place);
}
template <class Owner, std::size_t kCount>
void write_all(json::Object& object, const std::array<Texts<Owner>, kCount>& lists, const Owner& owner) {
  for (const Texts<Owner>& list : lists) {
    const std::vector<std::string>& texts = owner.*list.place;
    object.set(std::string(list.name), json::Array(texts.begin(), texts.end()));
  }
}

template <class Owner, class... Tables>
json::Object write_tables(const Owner& owner, const Tables&... tables) {
  json::Object object;
  (write_all(object, tables, owner), ...);
  return object;
}

std::string day_of(UtcTime time) {
  return time.text().substr(0, sizeof("2026-11-22") - 1);
}

json::Object write_algorithms(const Algorithms& algorithms) {
  json::Object object = write_tables(algorithms, kAlgorithmNumbers, kAlgorithmTexts);
  json::Object floor;
  floor.set("tenon", algorithms.client_floor_tenon.text());
  floor.set("openssl", algorithms.client_floor_openssl.text());
  object.set("client_floor", std::move(floor));
  const auto spelled =
      std::ranges::find(kLegacyKeys, algorithms.legacy_keytypes, [](const auto& row) { return row.first; });
  object.set("legacy_keytypes", std::string(spelled->second));
  object.set("pq_required_from", day_of(algorithms.pq_required_from));
  return object;
}

json::Object write_custodian(const Custodian& custodian) {
  json::Object object;
  object.set("name", custodian.name);
  object.set("org", custodian.organisation);
  object.set("contact", custodian.contact);
  object.set("since", day_of(custodian.since));
  object.set("token", custodian.token);
  return object;
}

json::Object write_waiver(const Waiver& waiver) {
  json::Array approvers;
  for (const metadata::KeyId& keyid : waiver.approved_by) approvers.push_back(keyid.text());
  json::Object object;
  object.set("rule", waiver.rule);
  object.set("until", waiver.until.text());
  object.set("reason", waiver.reason);
  object.set("approved_by", std::move(approvers));
  return object;
}

}  // namespace

std::string SoftwareVersion::text() const {
  return std::to_string(major) + "." + std::to_string(minor);
}

json::Value SigningPolicy::to_json() const {
  json::Object role_objects;
  for (const auto& [name, limits] : roles) role_objects.set(name, write_tables(limits, kRoleNumbers, kRoleTruths));
  std::vector<json::Member> people;
  for (const auto& [keyid, custodian] : custodians) people.push_back({keyid.text(), write_custodian(custodian)});
  json::Array waiver_objects;
  for (const Waiver& waiver : waivers) waiver_objects.push_back(write_waiver(waiver));
  json::Object object;
  object.set("_type", std::string(kType));
  object.set("spec_version", std::string(kPolicySpecVersion));
  object.set("repository", repository.text());
  object.set("version", version.value());
  object.set("expires", expires.text());
  object.set("lab", is_lab);
  object.set("roles", std::move(role_objects));
  object.set("delegations", write_tables(delegations, kDelegationNumbers, kDelegationTruths, kDelegationTexts));
  object.set("algorithms", write_algorithms(algorithms));
  object.set("keys", write_tables(keys, kKeyNumbers, kKeyTruths, kKeyTexts));
  object.set("process", write_tables(process, kProcessNumbers, kProcessTruths));
  object.set("custodians", *json::Object::from_members(std::move(people)));
  object.set("waivers", std::move(waiver_objects));
  return object;
}

Sha256 SigningPolicy::digest() const {
  return Sha256::of(as_bytes(json::canonical(to_json())));
}

}  // namespace tenon::policies
