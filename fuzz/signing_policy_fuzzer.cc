// Signing policies: one that is read is written back as what was read and read again as the same policy; it differs from
// itself in nothing; and it has limits for every role.
#include <tenon/metadata/check.h>
#include <tenon/policies/policy_changes.h>
#include <tenon/policies/signing_policy.h>

#include <cstdint>

namespace json = tenon::json;
using tenon::policies::SigningPolicy;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const tenon::Result<json::Value> value =
      json::parse(tenon::ByteView(data, size), {.max_bytes = SigningPolicy::kMaxBytes});
  if (!value) return 0;
  const tenon::Result<SigningPolicy> policy = SigningPolicy::parse(*value);
  if (!policy) {
    TENON_CHECK(policy.error().code == tenon::ErrorCode::kParse);
    return 0;
  }
  const json::Value written = policy->to_json();
  TENON_CHECK(written == *value);
  const tenon::Result<SigningPolicy> again = SigningPolicy::parse(written);
  TENON_CHECK(again && *again == *policy);
  TENON_CHECK(tenon::policies::policy_changes(*policy, *again).empty());
  for (const auto role : tenon::metadata::kTopRoles) TENON_CHECK(policy->limits(role).min_keys >= 1);
  for (const auto& [name, limits] : policy->roles) {
    const auto role = tenon::metadata::RoleName::parse_delegated(name);
    if (role) TENON_CHECK(policy->limits(*role) == limits || name.ends_with('*'));
  }
  return 0;
}
