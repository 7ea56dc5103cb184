// P30, P31, P34, P36: the request, the signatures in the output, the log, and the person.
#include <tenon/metadata/utf8.h>
#include <tenon/policies/judged.h>
#include <tenon/policies/signing_rule_groups.h>

#include <map>
#include <set>

namespace tenon::policies {
namespace {

using metadata::Signature;

bool is_signing(const SigningFacts& facts) {
  return facts.occasion == Occasion::kSign;
}

// --- P30

bool has_signatures(const SigningFacts& facts) {
  return !facts.signatures.empty();
}

std::vector<Breach> check_signatures(const SigningFacts& facts) {
  Breaches breaches;
  const std::optional<metadata::KeyMap> allowed = signers(facts);
  std::set<metadata::KeyId> keyids;
  std::map<metadata::KeyMaterial, std::string> seen;
  for (const Signature& signature : facts.signatures) {
    const std::string place = "signatures/" + printable(signature.keyid.brief());
    if (!signature.bytes() || signature.bytes()->empty())
      breaches.add(place, "a signature in hex", "an empty or broken one");
    if (!keyids.insert(signature.keyid).second) breaches.add(place, "one signature of each keyid", "a second one");
    if (!allowed) {
      breaches.add(place, "a trusted root that names the signers", "none was given");
      continue;
    }
    const auto key = allowed->find(signature.keyid);
    if (key == allowed->end()) {
      breaches.add(place, "a key of the role", "a keyid that the role does not name");
    } else if (key->second.material()) {
      const auto [first, is_first] = seen.emplace(*key->second.material(), signature.keyid.text());
      if (!is_first && first->second != signature.keyid.text()) {
        breaches.add(place, "one signature of each key", "the key has signed under another keyid as well");
      }
    }
  }
  return std::move(breaches).take();
}

// --- P31

void check_request(const SigningFacts& facts, Breaches& breaches) {
  if (!facts.request) return breaches.add("request", "a signing request", "none");
  const RequestFacts& request = *facts.request;
  const Process& process = facts.policy.process;
  const std::int64_t age = seconds_between(request.created, facts.now);
  const std::int64_t skew = process.max_skew_hours * kHourSeconds;
  if (age > process.max_request_age_days * kDaySeconds + skew) {
    breaches.add("request/created", "within the last " + std::to_string(process.max_request_age_days) + " days",
                 days_text(age) + " ago");
  }
  if (age < -skew) {
    breaches.add("request/created", "not after now, " + facts.now.text(), request.created.text());
  }
  if (facts.now >= request.not_after) {
    breaches.add("request/not_after", "later than now, " + facts.now.text(), request.not_after.text());
  }
  if (request.policy_sha256 != facts.policy_sha256) {
    breaches.add("request/policy_sha256", facts.policy_sha256.hex(), request.policy_sha256.hex());
  }
}

bool always(const SigningFacts&) {
  return true;
}

std::vector<Breach> check_freshness(const SigningFacts& facts) {
  Breaches breaches;
  if (facts.policy.expires <= facts.now) {
    breaches.add("policy/expires", "later than now, " + facts.now.text(), facts.policy.expires.text());
  }
  if (is_signing(facts)) check_request(facts, breaches);
  return std::move(breaches).take();
}

// --- P34, P36

std::vector<Breach> check_log(const SigningFacts& facts) {
  Breaches breaches;
  if (!facts.audit_log_intact) breaches.add("audit", "an unbroken chain", "a broken one, or none");
  return std::move(breaches).take();
}

std::vector<Breach> check_attended(const SigningFacts& facts) {
  Breaches breaches;
  if (facts.unattended && !facts.policy.process.unattended) breaches.add("request", "a person who looks", "a script");
  return std::move(breaches).take();
}

constexpr SigningRule kRules[] = {
    {.id = "P30",
     .severity = Severity::kError,
     .title = "the output holds no empty, unknown or second signature",
     .standard = "on",
     .source = "theupdateframework/tuf-on-ci#157; TUF specification 4.2.1",
     .explanation = "clients differ on such entries, and one of them hides who is still missing",
     .advice = "merge the responses again: tenon-keyctl response merge drops what does not count",
     .concerns = has_signatures,
     .check = check_signatures},
    {.id = "P31",
     .severity = Severity::kError,
     .title = "the request is fresh and was judged by this policy, which has not expired",
     .standard = "30 days; clocks differ by at most 48 hours",
     .source = "asynchronous signing: people sign on different days",
     .explanation = "an old request may have been withdrawn, and another policy may have allowed what this one forbids",
     .advice = "have the coordinator make a new request with the newest policy; check the clock of this machine",
     .concerns = always,
     .check = check_freshness},
    {.id = "P34",
     .severity = Severity::kError,
     .title = "the audit log of this machine is unbroken",
     .standard = "on",
     .source = "UN R156 (records); EU CRA (technical file)",
     .explanation = "what was signed here must be known later, also when somebody would rather not know",
     .advice = "tenon-keyctl audit verify says where it breaks; keep the file, and start a new log",
     .concerns = is_signing,
     .check = check_log},
    {.id = "P36",
     .severity = Severity::kError,
     .title = "a person looks before anything is signed",
     .standard = "on",
     .source = "keys that sign by themselves are online keys",
     .explanation = "a script signs whatever it is given",
     .advice = "sign on a terminal; or set process.unattended in the policy of this role's repository",
     .concerns = is_signing,
     .check = check_attended},
};

}  // namespace

std::span<const SigningRule> process_rules() {
  return kRules;
}

}  // namespace tenon::policies
