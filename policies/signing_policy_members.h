// The members of a policy's JSON as tables, shared by reading and writing, so that no member is read without being written.
#pragma once

#include <tenon/policies/signing_policy.h>

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tenon::policies {

inline constexpr std::int64_t kMaxDays = 36'500;  // a century
inline constexpr std::int64_t kMaxCount = 1000;   // keys, people
inline constexpr std::string_view kPolicySpecVersion = "1";

template <class Owner>
struct Number {
  std::string_view name;
  std::int64_t Owner::*place;
  std::int64_t least;
  std::int64_t most;
};
template <class Owner>
struct Truth {
  std::string_view name;
  bool Owner::*place;
};
template <class Owner>
struct Texts {
  std::string_view name;
  std::vector<std::string> Owner::*place;
};

inline constexpr std::array kRoleNumbers = {
    Number<RoleLimits>{"min_keys", &RoleLimits::min_keys, 1, kMaxCount},
    Number<RoleLimits>{"min_threshold", &RoleLimits::min_threshold, 1, kMaxCount},
    Number<RoleLimits>{"min_spare", &RoleLimits::min_spare, 0, kMaxCount},
    Number<RoleLimits>{"max_expiry_days", &RoleLimits::max_expiry_days, 1, kMaxDays},
    Number<RoleLimits>{"min_expiry_days", &RoleLimits::min_expiry_days, 0, kMaxDays},
    Number<RoleLimits>{"sign_window_days", &RoleLimits::sign_window_days, 0, kMaxDays},
    Number<RoleLimits>{"min_remaining_hours_at_publish", &RoleLimits::min_remaining_hours_at_publish, 0, kMaxDays * 24},
    Number<RoleLimits>{"min_organisations", &RoleLimits::min_organisations, 0, kMaxCount},
    Number<RoleLimits>{"max_rotated_keys", &RoleLimits::max_rotated_keys, 0, kMaxCount},
    Number<RoleLimits>{"max_key_age_days", &RoleLimits::max_key_age_days, 0, kMaxDays},
    Number<RoleLimits>{"min_pq_signatures", &RoleLimits::min_pq_signatures, 0, kMaxCount},
};
inline constexpr std::array kRoleTruths = {Truth<RoleLimits>{"offline", &RoleLimits::offline},
                                           Truth<RoleLimits>{"hardware", &RoleLimits::hardware}};

inline constexpr std::array kDelegationNumbers = {
    Number<DelegationLimits>{"max_depth", &DelegationLimits::max_depth, 1, 32}};
inline constexpr std::array kDelegationTruths = {
    Truth<DelegationLimits>{"require_terminating", &DelegationLimits::require_terminating},
    Truth<DelegationLimits>{"allow_overlap", &DelegationLimits::allow_overlap}};
inline constexpr std::array kDelegationTexts = {
    Texts<DelegationLimits>{"forbid_paths", &DelegationLimits::forbid_paths}};

inline constexpr std::array kAlgorithmNumbers = {
    Number<Algorithms>{"rsa_min_bits", &Algorithms::rsa_min_bits, 2048, 16'384}};
inline constexpr std::array kAlgorithmTexts = {Texts<Algorithms>{"allow", &Algorithms::allow},
                                               Texts<Algorithms>{"hash_min", &Algorithms::hash_min}};

inline constexpr std::array kKeyNumbers = {
    Number<KeyDemands>{"pop_max_age_days", &KeyDemands::pop_max_age_days, 0, kMaxDays}};
inline constexpr std::array kKeyTruths = {Truth<KeyDemands>{"unique_across_roles", &KeyDemands::unique_across_roles},
                                          Truth<KeyDemands>{"require_local", &KeyDemands::require_local},
                                          Truth<KeyDemands>{"require_pop", &KeyDemands::require_pop},
                                          Truth<KeyDemands>{"require_custodians", &KeyDemands::require_custodians}};
inline constexpr std::array kKeyTexts = {Texts<KeyDemands>{"forbid_token_models", &KeyDemands::forbid_token_models}};

inline constexpr std::array kProcessNumbers = {
    Number<Process>{"max_request_age_days", &Process::max_request_age_days, 1, kMaxDays},
    Number<Process>{"max_skew_hours", &Process::max_skew_hours, 0, 24 * 30}};
inline constexpr std::array kProcessTruths = {Truth<Process>{"require_safety_code", &Process::require_safety_code},
                                              Truth<Process>{"require_reason", &Process::require_reason},
                                              Truth<Process>{"unattended", &Process::unattended}};

inline constexpr std::array kLegacyKeys = {std::pair<LegacyKeys, std::string_view>{LegacyKeys::kAllow, "allow"},
                                           std::pair<LegacyKeys, std::string_view>{LegacyKeys::kWarn, "warn"},
                                           std::pair<LegacyKeys, std::string_view>{LegacyKeys::kDeny, "deny"}};

}  // namespace tenon::policies
