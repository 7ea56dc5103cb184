#include <tenon/keyctl/judgement_text.h>
#include <tenon/metadata/utf8.h>

#include <set>

namespace tenon::keyctl {
namespace {

using policies::Finding;
using policies::Severity;

std::string waiver_text(const policies::Waiver& waiver) {
  return waiver.until.text() + ": " + printable(waiver.reason);
}

std::string title(const Finding& finding) {
  std::string text = printable(finding.rule, 40) + " " + std::string(to_string(finding.severity)) + ": " +
                     finding.title + " (" + finding.source + ")\n";
  if (finding.waiver) text += "    waived until " + waiver_text(*finding.waiver) + "\n";
  if (finding.lapsed && !finding.waiver) text += "    a waiver ended " + waiver_text(*finding.lapsed) + "\n";
  return text;
}

std::string describe(const policies::Breach& breach) {
  const std::string place = breach.place.empty() ? "" : printable(breach.place) + ": ";
  return "    " + place + "expected " + printable(breach.expected, 512) + "; found " + printable(breach.found, 512) +
         "\n";
}

std::string listed(const std::set<std::string>& ids) {
  std::string text;
  for (const std::string& id : ids) text += (text.empty() ? "" : ", ") + printable(id, 40);
  return text;
}

}  // namespace

std::string describe(const policies::Judgement& judgement) {
  std::string text;
  std::set<std::string> refusing;
  std::string last_title;
  for (const Severity severity : {Severity::kError, Severity::kWarning, Severity::kInfo}) {
    for (const Finding& finding : judgement.findings) {
      if (finding.severity != severity) continue;
      if (title(finding) != last_title) text += last_title = title(finding);
      text += describe(finding.breach);
      if (severity == Severity::kError && !finding.waiver) refusing.insert(finding.rule);
    }
  }
  const std::vector<std::string> warned = judgement.needs_acknowledgement();
  text += std::to_string(judgement.asked.size()) + " rules asked, " + std::to_string(judgement.not_asked.size()) +
          " had nothing to look at\n";
  if (!warned.empty())
    text += "to acknowledge, by each signer with --ack: " + listed({warned.begin(), warned.end()}) + "\n";
  text += refusing.empty() ? "passed\n" : "refused by " + listed(refusing) + "\n";
  return text;
}

}  // namespace tenon::keyctl
