#include <tenon/policies/change.h>
#include <tenon/policies/rule.h>

#include <algorithm>

namespace tenon::policies {
namespace {

bool counts(const Finding& finding, Severity severity) {
  return finding.severity == severity && !finding.waiver;
}

bool contains(std::span<const std::string> texts, const std::string& text) {
  return std::ranges::find(texts, text) != texts.end();
}

json::Value to_json(const Waiver& waiver) {
  json::Array approvers;
  for (const metadata::KeyId& keyid : waiver.approved_by) approvers.push_back(keyid.text());
  json::Object object;
  object.set("until", waiver.until.text());
  object.set("reason", waiver.reason);
  object.set("approved_by", std::move(approvers));
  return object;
}

json::Value to_json(const Finding& finding) {
  json::Object object;
  object.set("rule", finding.rule);
  object.set("severity", std::string(to_string(finding.severity)));
  object.set("title", finding.title);
  object.set("source", finding.source);
  object.set("place", finding.breach.place);
  object.set("expected", finding.breach.expected);
  object.set("found", finding.breach.found);
  if (finding.waiver) object.set("waiver", to_json(*finding.waiver));
  if (finding.lapsed) object.set("lapsed_waiver", to_json(*finding.lapsed));
  return object;
}

json::Array to_json(std::span<const std::string> texts) {
  return {texts.begin(), texts.end()};
}

}  // namespace

std::string_view to_string(Severity severity) {
  switch (severity) {
    case Severity::kError: return "error";
    case Severity::kWarning: return "warning";
    case Severity::kInfo: return "info";
  }
  return "";
}

std::string_view to_string(Weight weight) {
  switch (weight) {
    case Weight::kPower: return "power";
    case Weight::kContent: return "content";
    case Weight::kRoutine: return "routine";
  }
  return "";
}

bool Judgement::refused() const {
  return std::ranges::any_of(findings, [](const Finding& finding) { return counts(finding, Severity::kError); });
}

std::vector<std::string> Judgement::needs_acknowledgement() const {
  return unacknowledged({});
}

std::vector<std::string> Judgement::unacknowledged(std::span<const std::string> acknowledged) const {
  std::vector<std::string> ids;
  for (const Finding& finding : findings) {
    if (!counts(finding, Severity::kWarning) || contains(acknowledged, finding.rule)) continue;
    if (!contains(ids, finding.rule)) ids.push_back(finding.rule);
  }
  return ids;
}

json::Value Judgement::to_json() const {
  json::Array list;
  for (const Finding& finding : findings) list.push_back(policies::to_json(finding));
  json::Object object;
  object.set("refused", refused());
  object.set("needs_acknowledgement", policies::to_json(needs_acknowledgement()));
  object.set("findings", std::move(list));
  object.set("asked", policies::to_json(asked));
  object.set("not_asked", policies::to_json(not_asked));
  return object;
}

std::vector<Finding> unknown_rules(std::span<const std::string_view> ids, std::span<const Waiver> waivers) {
  std::vector<Finding> findings;
  for (const Waiver& waiver : waivers) {
    if (std::ranges::find(ids, waiver.rule) != ids.end()) continue;
    findings.push_back({waiver.rule,
                        Severity::kError,
                        "every rule that the policy names is known",
                        "fail closed",
                        {"policy/waivers/" + waiver.rule, "a rule of this version", "an unknown one"}});
  }
  return findings;
}

Finding make_finding(std::string_view id, Severity severity, std::string_view title, std::string_view source,
                     Breach breach, std::span<const Waiver> waivers, metadata::UtcTime now) {
  const Severity applied = breach.severity.value_or(severity);
  Finding finding{std::string(id), applied, std::string(title), std::string(source), std::move(breach)};
  for (const Waiver& waiver : waivers) {
    if (waiver.rule != id) continue;
    std::optional<Waiver>& place = now < waiver.until ? finding.waiver : finding.lapsed;
    if (!place || place->until < waiver.until) place = waiver;
  }
  return finding;
}

std::string explain(std::string_view id, Severity severity, std::string_view title, std::string_view standard,
                    std::string_view source, std::string_view explanation, std::string_view advice) {
  const auto meaning = [&]() -> std::string_view {
    switch (severity) {
      case Severity::kError: return "refuses";
      case Severity::kWarning: return "needs an acknowledgement";
      case Severity::kInfo: return "is shown";
    }
    return "";
  };
  std::string text = std::string(id) + ": " + std::string(title) + "\n";
  const auto line = [&](std::string_view word, std::string_view words) {
    text += "  " + std::string(word) + ": " + std::string(words) + "\n";
  };
  line("broken", meaning());
  line("why", explanation);
  line("default", standard);
  line("source", source);
  line("what to do", advice);
  return text;
}

}  // namespace tenon::policies
