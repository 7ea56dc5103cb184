#include <tenon/keyctl/policy_in_force.h>

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

}  // namespace

Result<std::optional<SignedPolicy>> signed_policy(const Memory& memory, const policies::SigningRequest& request,
                                                  const std::optional<TrustedRoot>& root) {
  std::optional<SignedPolicy> known;
  if (memory.policy) {
    TENON_TRY(Candidate remembered, read_policy(*memory.policy).with_context("remembered here"));
    known = std::move(remembered.policy);
  }
  if (!request.policy) return known;
  TENON_TRY(Candidate carried, read_policy(as_bytes(*request.policy)));
  if (known && carried.policy.payload == known->payload) return known;
  const auto mark = memory.marks.find("policy");
  const bool signed_here = mark != memory.marks.end() && mark->second.payload == carried.policy.payload;
  const bool by_root = root && signed_by_root(carried.envelope, root->root.value());
  if (!signed_here && !by_root) {
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
