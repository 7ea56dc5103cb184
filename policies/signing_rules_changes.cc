// P22 to P24: what one version may change, and that every change was meant.
#include <tenon/metadata/utf8.h>
#include <tenon/policies/judged.h>
#include <tenon/policies/signing_rule_groups.h>

#include <algorithm>

namespace tenon::policies {
namespace {

// A reason for "roles/root" covers what is below it; one for "roles" alone would cover too much. Files may be meant all
// together: "targets".
constexpr std::size_t kPowerParts = 2;
constexpr std::size_t kContentParts = 1;

// --- P22

bool follows_a_root(const SigningFacts& facts) {
  const auto* document = std::get_if<RootDocument>(&facts.document);
  return document != nullptr && document->before.has_value();
}

std::int64_t missing_from(const metadata::RoleKeys& role, const metadata::RoleKeys& other) {
  return std::ranges::count_if(other.keyids, [&](const metadata::KeyId& keyid) {
    return std::ranges::find(role.keyids, keyid) == role.keyids.end();
  });
}

std::vector<Breach> check_rotation(const SigningFacts& facts) {
  Breaches breaches;
  const JudgedRole root = judged_roles(facts).front();
  const std::int64_t replaced =
      std::max(missing_from(*root.keys, *root.before), missing_from(*root.before, *root.keys));
  std::int64_t most = std::max<std::int64_t>(static_cast<std::int64_t>(root.before->threshold.value()) - 1, 1);
  if (root.limits->max_rotated_keys > 0) most = std::min(most, root.limits->max_rotated_keys);
  if (replaced > most) {
    breaches.add(root.place + "/keys", "at most " + std::to_string(most) + " keys added or removed in one version",
                 std::to_string(replaced));
  }
  return std::move(breaches).take();
}

// --- P23

bool has_before(const SigningFacts& facts) {
  const std::vector<JudgedRole> roles = judged_roles(facts);
  const auto* policy = std::get_if<PolicyDocument>(&facts.document);
  return std::ranges::any_of(roles, [](const JudgedRole& role) { return role.before != nullptr; }) ||
         (policy != nullptr && policy->before);
}

void check_lower(const SigningFacts& facts, const std::string& place, std::int64_t before, std::int64_t after,
                 Breaches& breaches) {
  if (after >= before) return;
  const bool demanded = facts.policy.process.require_reason && facts.occasion == Occasion::kSign;
  const bool undeclared = demanded && !is_declared(facts, place, kPowerParts);
  breaches.add(place, std::to_string(before) + " or more" + (undeclared ? ", or a reason" : ""), std::to_string(after),
               undeclared ? Severity::kError : Severity::kWarning);
}

std::vector<Breach> check_thresholds(const SigningFacts& facts) {
  Breaches breaches;
  for (const JudgedRole& role : judged_roles(facts)) {
    if (role.before == nullptr) continue;
    check_lower(facts, role.place + "/threshold", static_cast<std::int64_t>(role.before->threshold.value()),
                static_cast<std::int64_t>(role.keys->threshold.value()), breaches);
  }
  const auto* policy = std::get_if<PolicyDocument>(&facts.document);
  if (policy == nullptr || !policy->before) return std::move(breaches).take();
  for (const auto& [name, before] : policy->before->roles) {
    const auto after = policy->after.roles.find(name);
    if (after == policy->after.roles.end()) continue;  // an undeclared change, P24
    check_lower(facts, "roles/" + name + "/min_keys", before.min_keys, after->second.min_keys, breaches);
    check_lower(facts, "roles/" + name + "/min_threshold", before.min_threshold, after->second.min_threshold, breaches);
  }
  return std::move(breaches).take();
}

// --- P24

bool wants_reasons(const SigningFacts& facts) {
  return facts.occasion == Occasion::kSign && facts.policy.process.require_reason;
}

bool is_first(const SigningFacts& facts) {
  return std::visit([](const auto& document) { return !document.before.has_value(); }, facts.document);
}

bool holds(std::string_view outer, std::string_view inner) {
  return inner.starts_with(outer) && (inner.size() == outer.size() || inner[outer.size()] == '/');
}

// A first document is new as a whole: one reason is enough for it.
std::vector<Breach> check_reasons(const SigningFacts& facts) {
  Breaches breaches;
  if (is_first(facts)) {
    const bool any = std::ranges::any_of(facts.reasons, [](const auto& reason) { return !reason.second.empty(); });
    if (!any) breaches.add("", "a reason for the first version", "none");
    return std::move(breaches).take();
  }
  // Power first, so that no list of files hides it.
  for (const auto& [weight, least] :
       {std::pair(Weight::kPower, kPowerParts), std::pair(Weight::kContent, kContentParts)}) {
    for (const Change& change : facts.changes) {
      if (change.weight != weight || is_declared(facts, change.place, least)) continue;
      breaches.add(printable(change.place), "a declared reason", "an undeclared change: " + printable(change.text));
    }
  }
  for (const auto& reason : facts.reasons) {
    const std::string& place = reason.first;
    const bool changed =
        std::ranges::any_of(facts.changes, [&](const Change& change) { return holds(place, change.place); });
    if (!changed) {
      breaches.add(printable(place), "the change that was declared: " + printable(reason.second), "no change");
    }
  }
  return std::move(breaches).take();
}

constexpr SigningRule kRules[] = {
    {.id = "P22",
     .severity = Severity::kWarning,
     .title = "one version replaces fewer root keys than the threshold",
     .standard = "at most threshold - 1, and at most 2",
     .source = "sigstore/root-signing#1440, #1406",
     .explanation = "whoever replaces a threshold of keys at once could replace all people at once",
     .advice = "rotate in two versions, or acknowledge: the log keeps it",
     .concerns = follows_a_root,
     .check = check_rotation},
    {.id = "P23",
     .severity = Severity::kWarning,
     .title = "no threshold goes down",
     .standard = "a warning with a declared reason, else refused",
     .source = "NIST SP 800-57; tuf-conformance",
     .explanation = "a lower threshold is the quietest way to take power from the others",
     .advice = "declare the reason for the threshold's place, or keep the threshold",
     .concerns = has_before,
     .check = check_thresholds},
    {.id = "P24",
     .severity = Severity::kError,
     .title = "every change was declared with a reason, and every declared change is there",
     .standard = "on; version and expiry need none",
     .source = "theupdateframework/tuf-on-ci#337; foundriesio/fioctl (review)",
     .explanation = "what nobody asked for is how one wrong line is signed among fifty right ones",
     .advice = "ask the coordinator why; the reason is declared by place when the request is made",
     .concerns = wants_reasons,
     .check = check_reasons},
};

}  // namespace

std::span<const SigningRule> change_rules() {
  return kRules;
}

}  // namespace tenon::policies
