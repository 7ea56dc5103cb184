// P17, P18, P20, P21: where private keys live, and who has proved that they can use them.
#include <tenon/metadata/utf8.h>
#include <tenon/policies/judged.h>
#include <tenon/policies/signing_rule_groups.h>

#include <algorithm>

namespace tenon::policies {
namespace {

// What is published was judged when it was signed, on the machines that know the tokens.
bool is_before_publishing(const SigningFacts& facts) {
  return facts.occasion != Occasion::kPublish;
}

const KeyFacts* facts_of(const SigningFacts& facts, const metadata::KeyId& keyid) {
  const auto found = facts.keys.find(keyid);
  return found == facts.keys.end() ? nullptr : &found->second;
}

// Token fields are padded with blanks (PKCS#11, CK_TOKEN_INFO).
std::string_view trimmed(std::string_view text) {
  const std::size_t last = text.find_last_not_of(' ');
  return last == text.npos ? "" : text.substr(0, last + 1);
}

// --- P17

bool wants_hardware(const SigningFacts& facts) {
  if (!is_before_publishing(facts)) return false;
  const std::vector<JudgedRole> roles = judged_roles(facts);
  return std::ranges::any_of(roles, [](const JudgedRole& role) { return role.limits->hardware; });
}

void check_token(const SigningFacts& facts, const JudgedKey& key, Breaches& breaches) {
  const std::string expected =
      facts.policy.keys.require_local ? "a key made in a token and never extractable" : "a key in a token";
  const KeyFacts* known = facts_of(facts, *key.keyid);
  if (known == nullptr) {
    // A key that is not new was judged when it came; a mere look at a document may know nothing of its keys.
    if (key.is_added && facts.occasion == Occasion::kSign) breaches.add(key.place, expected, "nothing is known of it");
    return;
  }
  if (!known->token) return breaches.add(key.place, expected, "a key in a file");
  if (!facts.policy.keys.require_local) return;
  if (!known->token->local) breaches.add(key.place, expected, "a key that was imported into the token");
  if (!known->token->never_extractable) breaches.add(key.place, expected, "a key that may have left the token");
}

std::vector<Breach> check_hardware(const SigningFacts& facts) {
  Breaches breaches;
  for (const JudgedRole& role : judged_roles(facts)) {
    if (!role.limits->hardware) continue;
    for (const JudgedKey& key : keys_of(role)) check_token(facts, key, breaches);
  }
  return std::move(breaches).take();
}

// --- P18

bool knows_tokens(const SigningFacts& facts) {
  return is_before_publishing(facts) &&
         std::ranges::any_of(facts.keys, [](const auto& entry) { return entry.second.token.has_value(); });
}

std::vector<Breach> check_models(const SigningFacts& facts) {
  Breaches breaches;
  const std::vector<std::string>& forbidden = facts.policy.keys.forbid_token_models;
  for (const JudgedKey& key : all_keys(facts)) {
    const KeyFacts* known = facts_of(facts, *key.keyid);
    if (known == nullptr || !known->token) continue;
    const std::string_view model = trimmed(known->token->model);
    if (std::ranges::any_of(forbidden, [&](const std::string& name) { return trimmed(name) == model; })) {
      breaches.add(key.place, "a token that is hardware", "token model " + printable(model, 40));
    }
  }
  return std::move(breaches).take();
}

// --- P20

bool wants_possession(const SigningFacts& facts) {
  const std::vector<JudgedKey> keys = all_keys(facts);
  return facts.occasion == Occasion::kSign && facts.policy.keys.require_pop &&
         std::ranges::any_of(keys, &JudgedKey::is_new);
}

std::vector<Breach> check_possession(const SigningFacts& facts) {
  Breaches breaches;
  const std::string expected = "a proof of possession for this ceremony";
  for (const JudgedKey& key : all_keys(facts)) {
    if (!key.is_new) continue;
    const KeyFacts* known = facts_of(facts, *key.keyid);
    if (known == nullptr || !known->possession) {
      breaches.add(key.place, expected, "none");
    } else if (!facts.request || facts.request->nonce.empty()) {
      breaches.add(key.place, expected, "a proof, and no ceremony that it could be for");
    } else if (known->possession->nonce != facts.request->nonce) {
      breaches.add(key.place, expected, "a proof for another one");
    }
  }
  return std::move(breaches).take();
}

// --- P21

bool wants_drills(const SigningFacts& facts) {
  if (facts.policy.keys.pop_max_age_days == 0 || !std::holds_alternative<RootDocument>(facts.document)) return false;
  const auto has_proof = [](const auto& entry) { return entry.second.possession.has_value(); };
  return facts.occasion == Occasion::kSign ||
         (facts.occasion == Occasion::kDraft && std::ranges::any_of(facts.keys, has_proof));
}

std::vector<Breach> check_drills(const SigningFacts& facts) {
  Breaches breaches;
  const std::int64_t days = facts.policy.keys.pop_max_age_days;
  const JudgedRole root = judged_roles(facts).front();
  std::int64_t usable = 0;
  for (const JudgedKey& key : keys_of(root)) {
    const KeyFacts* known = facts_of(facts, *key.keyid);
    const bool proved = known != nullptr && known->possession;
    const std::int64_t age = proved ? seconds_between(known->possession->made, facts.now) : 0;
    const bool is_of_the_future = age < -facts.policy.process.max_skew_hours * kHourSeconds;
    if (proved && age <= days * kDaySeconds && !is_of_the_future) {
      ++usable;
      continue;
    }
    breaches.add(key.place, "a proof of possession within " + std::to_string(days) + " days",
                 !proved            ? "none"
                 : is_of_the_future ? "one that was made in the future, " + known->possession->made.text()
                                    : "one of " + days_text(age) + " ago");
  }
  const auto needed = static_cast<std::int64_t>(root.keys->threshold.value()) + 1;
  if (usable < needed) {
    breaches.add(root.place + "/keys",
                 std::to_string(needed) + " keys that are known to work: the threshold and one more",
                 std::to_string(usable), Severity::kError);
  }
  return std::move(breaches).take();
}

constexpr SigningRule kRules[] = {
    {.id = "P17",
     .severity = Severity::kError,
     .title = "keys of offline roles live in hardware, were made there and cannot leave it",
     .standard = "root, targets and releases.*",
     .source = "NIST SP 800-57; IEC 62443-4-1 SM-8; uptane/aktualizr (RSA made in software, then stored in the token)",
     .explanation = "a key that was ever a file may have a copy that nobody knows of",
     .advice = "tenon-keyctl key generate --token; a key that was imported cannot be mended, make a new one",
     .concerns = wants_hardware,
     .check = check_hardware},
    {.id = "P18",
     .severity = Severity::kError,
     .title = "no key lives in a token that is software",
     .standard = "SoftHSM v2",
     .source = "SoftHSM keeps its keys in a file behind a PIN",
     .explanation = "a software token answers as hardware does, and its keys can be copied",
     .advice = "use hardware; rehearse under a lab policy",
     .concerns = knows_tokens,
     .check = check_models},
    {.id = "P20",
     .severity = Severity::kError,
     .title = "every new key has a proof of possession for this ceremony",
     .standard = "on",
     .source = "sigstore/root-signing, playbooks/ORCHESTRATION.md",
     .explanation =
         "a public key without its private half, or of somebody else, would hold a vote that is never cast, or "
         "by a stranger",
     .advice = "have its custodian make the proof with the nonce of this ceremony and send the .tenon-key file again",
     .concerns = wants_possession,
     .check = check_possession},
    {.id = "P21",
     .severity = Severity::kWarning,
     .title = "every custodian of root has used the key lately, and one more than the threshold could sign",
     .standard = "200 days; fewer usable keys than the threshold and one refuse",
     .source = "PEP 458 (loss of keys); foundriesio/docs#222",
     .explanation = "keys are lost quietly; when fewer than the threshold work, root can never be changed again",
     .advice = "run a custodian drill; replace a key that is lost while enough others sign",
     .concerns = wants_drills,
     .check = check_drills},
};

}  // namespace

std::span<const SigningRule> token_rules() {
  return kRules;
}

}  // namespace tenon::policies
