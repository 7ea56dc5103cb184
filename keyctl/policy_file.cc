#include <tenon/hsm/file_io.h>
#include <tenon/keyctl/expiry.h>
#include <tenon/keyctl/policy_file.h>
#include <tenon/keyctl/policy_toml.h>
#include <tenon/metadata/utf8.h>

namespace tenon::keyctl {
namespace {

using metadata::UtcTime;
using policies::RoleLimits;
using policies::SigningPolicy;

// "at least 5 keys", but nothing for a number that is no limit.
void add(std::string& line, std::int64_t number, std::string_view before, std::string_view after) {
  if (number == 0) return;
  line += ", " + std::string(before) + std::to_string(number) + std::string(after);
}

std::string role_line(const std::string& name, const RoleLimits& limits) {
  std::string line = "  " + printable(name) + ": " + std::to_string(limits.min_threshold) + " of " +
                     std::to_string(limits.min_keys) + " keys or more";
  add(line, limits.min_spare, "", " to spare");
  add(line, limits.min_organisations, "of ", " organisations");
  add(line, limits.max_expiry_days, "valid for at most ", " days");
  add(line, limits.min_expiry_days, "at least ", " when signed");
  add(line, limits.min_remaining_hours_at_publish, "published with ", " hours left or more");
  add(line, limits.sign_window_days, "signed again ", " days before the end");
  add(line, limits.max_rotated_keys, "at most ", " keys replaced at once");
  add(line, limits.max_key_age_days, "keys of at most ", " days");
  add(line, limits.min_pq_signatures, "", " post-quantum");
  if (limits.offline) line += ", offline";
  if (limits.hardware) line += ", in hardware";
  return line + "\n";
}

std::string listed(const std::vector<std::string>& texts) {
  std::string line;
  for (const std::string& text : texts) line += (line.empty() ? "" : ", ") + printable(text, 80);
  return line.empty() ? "none" : line;
}

std::string demands(const SigningPolicy& policy) {
  std::string text;
  const auto say = [&](std::string_view what, const std::string& words) {
    text += "  " + std::string(what) + ": " + words + "\n";
  };
  const auto yes = [](bool truth) { return std::string(truth ? "yes" : "no"); };
  say("schemes", listed(policy.algorithms.allow));
  say("RSA", std::to_string(policy.algorithms.rsa_min_bits) + " bits or more");
  say("oldest client", "Tenon " + policy.algorithms.client_floor_tenon.text() + " with OpenSSL " +
                           policy.algorithms.client_floor_openssl.text());
  say("digests of targets", listed(policy.algorithms.hash_min));
  say("post-quantum signatures count from", policy.algorithms.pq_required_from.text());
  say("paths that nobody is handed", listed(policy.delegations.forbid_paths));
  say("delegations", std::to_string(policy.delegations.max_depth) +
                         " deep at most, terminating: " + yes(policy.delegations.require_terminating) +
                         ", may overlap: " + yes(policy.delegations.allow_overlap));
  say("one key in one role only", yes(policy.keys.unique_across_roles));
  say("keys made in their tokens", yes(policy.keys.require_local));
  say("tokens that do not count", listed(policy.keys.forbid_token_models));
  say("proofs of possession", yes(policy.keys.require_pop) +
                                  (policy.keys.pop_max_age_days == 0
                                       ? ""
                                       : ", not older than " + std::to_string(policy.keys.pop_max_age_days) + " days"));
  say("every key has a custodian", yes(policy.keys.require_custodians));
  say("safety code", yes(policy.process.require_safety_code));
  say("every change has a reason", yes(policy.process.require_reason));
  say("requests", "at most " + std::to_string(policy.process.max_request_age_days) + " days old, clocks within " +
                      std::to_string(policy.process.max_skew_hours) + " hours");
  say("a script may sign", yes(policy.process.unattended));
  return text;
}

std::string people(const SigningPolicy& policy) {
  std::string text;
  for (const auto& [keyid, person] : policy.custodians) {
    text += "  " + printable(keyid.brief()) + ": " + printable(person.name, 80) + " of " +
            printable(person.organisation, 80) + ", since " + person.since.text().substr(0, 10);
    if (!person.token.empty()) text += ", " + printable(person.token, 80);
    text += "\n";
  }
  return text.empty() ? "  none\n" : text;
}

std::string waivers(const SigningPolicy& policy, UtcTime now) {
  std::string text;
  for (const policies::Waiver& waiver : policy.waivers) {
    std::vector<std::string> approvers;
    for (const metadata::KeyId& keyid : waiver.approved_by) {
      const policies::Custodian* person = policy.custodian(keyid);
      approvers.push_back(person != nullptr ? person->name : keyid.brief());
    }
    text += "  " + printable(waiver.rule, 20) + " until " + waiver.until.text() +
            (now < waiver.until ? "" : " (ended: counts nothing)") + ": " + printable(waiver.reason) + " (" +
            listed(approvers) + ")\n";
  }
  return text.empty() ? "  none\n" : text;
}

}  // namespace

PolicyFile PolicyFile::unsigned_of(SigningPolicy policy) {
  metadata::Envelope envelope = metadata::Envelope::unsigned_of(policy.to_json());
  return {std::move(envelope), std::move(policy)};
}

Result<PolicyFile> PolicyFile::parse(ByteView file) {
  TENON_TRY(metadata::Envelope envelope, metadata::Envelope::parse(file, SigningPolicy::kMaxBytes));
  TENON_TRY(SigningPolicy policy, SigningPolicy::parse(envelope.signed_part()));
  return PolicyFile{std::move(envelope), std::move(policy)};
}

Result<PolicyFile> read_policy_file(const std::filesystem::path& path) {
  const std::string name = printable(path.native());
  TENON_TRY(const Bytes bytes, hsm::read_file(path, SigningPolicy::kMaxBytes));
  if (path.extension() != ".toml") return PolicyFile::parse(bytes).with_context(name);
  TENON_TRY(SigningPolicy policy, parse_policy_toml(as_text(bytes), name));
  return PolicyFile::unsigned_of(std::move(policy));
}

Report describe(const PolicyFile& file, UtcTime now) {
  const SigningPolicy& policy = file.policy;
  std::string text = "policy version " + std::to_string(policy.version.value()) + " of " + policy.repository.text() +
                     (policy.is_lab ? ", for the lab" : "") + "\n  expires: " + policy.expires.text() + " (" +
                     relative_days(policy.expires, now) + " by this machine's clock, " + now.text() + ")\n";
  text += "roles\n";
  for (const auto& [name, limits] : policy.roles) text += role_line(name, limits);
  text += "demands\n" + demands(policy) + "custodians\n" + people(policy) + "waivers\n" + waivers(policy, now);
  text += "signatures: " + std::to_string(file.envelope.signatures().size()) + "\n";
  text += "sha256 of what is signed: " + policy.digest().hex() + "\n";
  json::Object data;
  data.set("policy", policy.to_json());
  data.set("expires_in_days", days_until(policy.expires, now));
  data.set("signed_sha256", policy.digest().hex());
  data.set("signatures", static_cast<std::int64_t>(file.envelope.signatures().size()));
  return {std::move(text), std::move(data)};
}

}  // namespace tenon::keyctl
