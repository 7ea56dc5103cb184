#include <tenon/keyctl/policy_in_force.h>

#include <algorithm>

namespace tenon::keyctl {
namespace {

using metadata::Envelope;
using metadata::TopRole;
using policies::SigningPolicy;

struct Candidate {
  Envelope envelope;
  SignedPolicy policy;
};

Result<Candidate> read_policy(ByteView file) {
  TENON_TRY(Envelope envelope, Envelope::parse(file, SigningPolicy::kMaxBytes).with_context("policy"));
  TENON_TRY(SigningPolicy policy, SigningPolicy::parse(envelope.signed_part()).with_context("policy"));
  const Sha256 payload = Sha256::of(envelope.signed_bytes());
  return Candidate{std::move(envelope), {std::move(policy), payload, Bytes(file.begin(), file.end())}};
}

bool signed_by_root(const Envelope& envelope, const metadata::Root& root) {
  const metadata::RoleKeys& role = root.role(TopRole::kRoot);
  return metadata::tally(envelope, root.keys, role).met(role.threshold);
}

// Keys that left root sign no policy any more; but one that this person saw and signed stays what it was.
bool is_in_force(const Candidate& policy, const Memory& memory, std::span<const TrustedRoot> chain) {
  const auto by_keys_of = [&](const TrustedRoot& root) { return signed_by_root(policy.envelope, root.root.value()); };
  if (chain.empty()) return false;
  if (by_keys_of(chain.back())) return true;
  const auto mark = memory.marks.find("policy");
  const bool signed_here = mark != memory.marks.end() && mark->second.payload == policy.policy.payload;
  return signed_here && std::ranges::any_of(chain, by_keys_of);
}

}  // namespace

Result<std::optional<SignedPolicy>> signed_policy(const Memory& memory, const policies::SigningRequest& request,
                                                  std::span<const TrustedRoot> chain) {
  std::optional<SignedPolicy> known;
  if (memory.policy) {
    TENON_TRY(Candidate remembered, read_policy(*memory.policy).with_context("remembered here"));
    known = std::move(remembered.policy);
  }
  if (!request.policy) return known;
  TENON_TRY(Candidate carried, read_policy(as_bytes(*request.policy)));
  if (known && carried.policy.payload == known->payload) return known;
  if (!is_in_force(carried, memory, chain)) {
    return Error{ErrorCode::kSig, "the policy in the request is not signed by enough keys of the trusted root",
                 "ask for a request with the policy as it was merged"};
  }
  if (known && carried.policy.policy.version <= known->policy.version) {
    return Error{ErrorCode::kRollback, "policy version " + std::to_string(carried.policy.policy.version.value()) +
                                           " in the request <= known " + std::to_string(known->policy.version.value())};
  }
  return std::optional(std::move(carried.policy));
}

}  // namespace tenon::keyctl
