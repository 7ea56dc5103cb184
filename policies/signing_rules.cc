#include <tenon/policies/signing_rule_groups.h>

#include <algorithm>
#include <vector>

namespace tenon::policies {
namespace {

std::vector<SigningRule> gathered() {
  std::vector<SigningRule> rules;
  for (const auto group : {key_rules(), token_rules(), role_rules(), change_rules(), lifetime_rules(),
                           delegation_rules(), process_rules()}) {
    rules.insert(rules.end(), group.begin(), group.end());
  }
  std::ranges::sort(rules, {}, &SigningRule::id);
  return rules;
}

}  // namespace

std::span<const SigningRule> signing_rules() {
  static const std::vector<SigningRule> kRules = gathered();
  return kRules;
}

const SigningRule* find_signing_rule(std::string_view id) {
  const auto found = std::ranges::find(signing_rules(), id, &SigningRule::id);
  return found == signing_rules().end() ? nullptr : &*found;
}

Judgement judge(const SigningFacts& facts) {
  return evaluate(signing_rules(), facts, facts.policy.waivers, facts.now);
}

}  // namespace tenon::policies
