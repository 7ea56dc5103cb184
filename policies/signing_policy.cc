#include <tenon/policies/signing_policy.h>

namespace tenon::policies {
namespace {

constexpr std::string_view kEverythingElse = "delegated:*";
constexpr std::int64_t kUntilPostQuantum = 1'893'456'000;  // 2030-01-01T00:00:00Z: CNSA 2.0

std::map<std::string, RoleLimits, std::less<>> standard_roles() {
  return {{"root",
           {.min_keys = 5,
            .min_threshold = 3,
            .min_spare = 2,
            .max_expiry_days = 400,
            .min_expiry_days = 90,
            .sign_window_days = 60,
            .min_organisations = 2,
            .max_rotated_keys = 2,
            .max_key_age_days = 1825,
            .min_pq_signatures = 1,
            .offline = true,
            .hardware = true}},
          {"targets",
           {.min_keys = 3,
            .min_threshold = 2,
            .max_expiry_days = 400,
            .sign_window_days = 45,
            .max_key_age_days = 1095,
            .offline = true,
            .hardware = true}},
          {"snapshot", {.max_expiry_days = 31, .max_key_age_days = 365}},
          {"timestamp", {.max_expiry_days = 7, .min_remaining_hours_at_publish = 72, .max_key_age_days = 365}},
          {"releases.*",
           {.min_keys = 2,
            .min_threshold = 2,
            .max_expiry_days = 400,
            .sign_window_days = 45,
            .max_key_age_days = 1095,
            .offline = true,
            .hardware = true}},
          {"rollout.*", {.max_expiry_days = 31, .max_key_age_days = 365}},
          {std::string(kEverythingElse),
           {.min_keys = 2, .max_expiry_days = 400, .max_key_age_days = 1095, .offline = true}}};
}

std::map<std::string, RoleLimits, std::less<>> lab_roles() {
  return {{"root", {.max_expiry_days = 400, .offline = true}},
          {"targets", {.max_expiry_days = 400, .offline = true}},
          {"snapshot", {.max_expiry_days = 400}},
          {"timestamp", {.max_expiry_days = 31}},
          {"releases.*", {.max_expiry_days = 400}},
          {"rollout.*", {.max_expiry_days = 400}},
          {std::string(kEverythingElse), {.max_expiry_days = 400}}};
}

}  // namespace

SigningPolicy SigningPolicy::standard() {
  return {.repository = *Label::parse("unnamed"),
          .version = metadata::Version::first(),
          .expires = metadata::UtcTime::epoch(),
          .is_lab = false,
          .roles = standard_roles(),
          .delegations = {.forbid_paths = {"*", "**", "*/*"}},
          .algorithms = {.allow = {"ed25519", "ecdsa-sha2-nistp256", "rsassa-pss-sha256", "ml-dsa-65/1", "ml-dsa-87/1"},
                         .hash_min = {"sha256"},
                         .pq_required_from = *metadata::UtcTime::from_unix(kUntilPostQuantum)},
          .keys = {.forbid_token_models = {"SoftHSM v2"}, .pop_max_age_days = 200},
          .process = {}};
}

SigningPolicy SigningPolicy::lab() {
  SigningPolicy policy = standard();
  policy.is_lab = true;
  policy.roles = lab_roles();
  policy.keys = {.unique_across_roles = false,
                 .require_local = false,
                 .forbid_token_models = {},
                 .require_pop = false,
                 .require_custodians = false};
  policy.process.require_reason = false;
  policy.process.unattended = true;
  return policy;
}

const RoleLimits& SigningPolicy::limits(metadata::TopRole role) const {
  const auto found = roles.find(to_string(role));
  TENON_CHECK(found != roles.end());
  return found->second;
}

const RoleLimits& SigningPolicy::limits(const metadata::RoleName& role) const {
  if (const auto exact = roles.find(role.text()); exact != roles.end()) return exact->second;
  const RoleLimits* best = nullptr;
  std::size_t best_length = 0;
  for (const auto& [pattern, limits] : roles) {
    const bool is_prefix = pattern.ends_with('*') && pattern != kEverythingElse;
    if (!is_prefix || !role.text().starts_with(std::string_view(pattern).substr(0, pattern.size() - 1))) continue;
    if (pattern.size() > best_length) {
      best = &limits;
      best_length = pattern.size();
    }
  }
  return best != nullptr ? *best : roles.find(kEverythingElse)->second;
}

const Custodian* SigningPolicy::custodian(const metadata::KeyId& keyid) const {
  const auto found = custodians.find(keyid);
  return found == custodians.end() ? nullptr : &found->second;
}

}  // namespace tenon::policies
