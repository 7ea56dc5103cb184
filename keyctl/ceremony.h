// Paper for ceremonies: the checklist beforehand and the minutes afterwards, in Markdown, for people to print and sign.
// Thread: safe; nothing is read or written here.
#pragma once

#include <tenon/keyctl/home.h>
#include <tenon/keyctl/report.h>
#include <tenon/policies/signing_policy.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tenon::keyctl {

// The kinds of ceremony, as docs/ceremonies.md letters them.
enum class CeremonyKind { kFirstRoot, kRotate, kLostKey, kCompromisedOnlineKey, kDelegation, kResign };

// parse_ceremony_kind reads "first-root", "rotate", "lost-key", "compromised-online-key", "delegation", "resign".
// Errors: E_USAGE.
Result<CeremonyKind> parse_ceremony_kind(std::string_view text);
std::vector<std::string> ceremony_kinds();

// ceremony_plan gives numbered steps with boxes to tick and lines to fill in; with a policy, its people too.
std::string ceremony_plan(CeremonyKind kind, const std::string& repository,
                          const std::optional<policies::SigningPolicy>& policy);

// MinutesOptions says which part of the log is quoted.
struct MinutesOptions {
  policies::Label repository;
  metadata::UtcTime since;
};

// ceremony_minutes quotes what this home did since a moment, the trusted root, and the head of the audit log.
// Errors: E_PARSE for a remembered root that cannot be read.
Result<Report> ceremony_minutes(const AuditState& log, const Memory& memory, const MinutesOptions& options,
                                metadata::UtcTime now);

}  // namespace tenon::keyctl
