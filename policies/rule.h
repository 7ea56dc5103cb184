// Rule: the one engine of all policies: a table of rules over facts in, a judgement with its reasons out. What rules see
// is given as facts; no rule reads a clock, a file or another rule's result. The signing rules and the device's decision
// are two tables of it.
//
//   const Judgement judgement = evaluate<SigningFacts>(signing_rules(), facts, facts.policy.waivers, facts.now);
//   if (judgement.refused()) ...
//
// Thread: any.
#pragma once

#include <tenon/metadata/json.h>
#include <tenon/metadata/key_id.h>
#include <tenon/metadata/utc_time.h>

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tenon::policies {

// Severity says what a broken rule means: an error refuses, a warning needs an acknowledgement by its id (or, on a
// device, holds), an info is shown.
enum class Severity { kError, kWarning, kInfo };
std::string_view to_string(Severity severity);

// Breach is one place where a rule does not hold, with both sides of the comparison.
struct Breach {
  std::string place;  // "roles/root/threshold", as Change::place
  std::string expected;
  std::string found;
  std::optional<Severity> severity = {};  // in place of the rule's own
  bool operator==(const Breach&) const = default;
};

template <class Facts>
struct Rule {
  std::string_view id;  // "P02"; stable for scripts, waivers and acknowledgements
  Severity severity;
  std::string_view title;          // what holds when the rule holds
  std::string_view standard;       // the default, in words
  std::string_view source;         // who says so
  std::string_view explanation;    // why, for people
  std::string_view advice;         // what to do when it is broken
  bool (*concerns)(const Facts&);  // false where the rule has nothing to look at: then it is not asked
  std::vector<Breach> (*check)(const Facts&);
};

// Waiver suspends one rule until a moment. Who may grant one is not decided here: waivers stand in a signed policy.
struct Waiver {
  std::string rule;
  metadata::UtcTime until;  // counts before this moment, not at it
  std::string reason;
  std::vector<metadata::KeyId> approved_by;
  bool operator==(const Waiver&) const = default;
};

// Finding is a breach together with the rule that it breaks, and the waiver that suspends it.
struct Finding {
  std::string rule;
  Severity severity;
  std::string title;
  std::string source;
  Breach breach;
  std::optional<Waiver> waiver = {};  // counts now: the finding neither refuses nor needs an acknowledgement
  std::optional<Waiver> lapsed = {};  // one that has ended: for information, it counts nothing
  bool operator==(const Finding&) const = default;
};

// Judgement is what all rules together say. (The device's Verdict is what it does about one.)
struct Judgement {
  std::vector<Finding> findings = {};       // in the order of the rules
  std::vector<std::string> asked = {};      // ids of the rules that were asked
  std::vector<std::string> not_asked = {};  // ids of the rules that had nothing to look at

  // refused is true when an error is not waived.
  bool refused() const;
  // needs_acknowledgement gives the ids of the warnings that are not waived, each once.
  std::vector<std::string> needs_acknowledgement() const;
  // unacknowledged is the same without those that a person has acknowledged by id.
  std::vector<std::string> unacknowledged(std::span<const std::string> acknowledged) const;
  json::Value to_json() const;
  bool operator==(const Judgement&) const = default;
};

// unknown_rules gives a finding that refuses for each waiver that names a rule that is not among the ids: whoever wrote
// it relied on something that we do not know.
std::vector<Finding> unknown_rules(std::span<const std::string_view> ids, std::span<const Waiver> waivers);

// make_finding applies the waivers for a rule to one of its breaches.
Finding make_finding(std::string_view id, Severity severity, std::string_view title, std::string_view source,
                     Breach breach, std::span<const Waiver> waivers, metadata::UtcTime now);

// evaluate asks every rule. Waivers that have ended count nothing.
template <class Facts>
Judgement evaluate(std::span<const Rule<Facts>> rules, const Facts& facts, std::span<const Waiver> waivers,
                   metadata::UtcTime now) {
  std::vector<std::string_view> ids;
  for (const Rule<Facts>& rule : rules) ids.push_back(rule.id);
  Judgement judgement{unknown_rules(ids, waivers)};
  for (const Rule<Facts>& rule : rules) {
    if (!rule.concerns(facts)) {
      judgement.not_asked.emplace_back(rule.id);
      continue;
    }
    judgement.asked.emplace_back(rule.id);
    for (Breach& breach : rule.check(facts)) {
      judgement.findings.push_back(
          make_finding(rule.id, rule.severity, rule.title, rule.source, std::move(breach), waivers, now));
    }
  }
  return judgement;
}

// explain is a rule in words: what, why, default, source, what to do.
std::string explain(std::string_view id, Severity severity, std::string_view title, std::string_view standard,
                    std::string_view source, std::string_view explanation, std::string_view advice);
template <class Facts>
std::string explain(const Rule<Facts>& rule) {
  return explain(rule.id, rule.severity, rule.title, rule.standard, rule.source, rule.explanation, rule.advice);
}

}  // namespace tenon::policies
