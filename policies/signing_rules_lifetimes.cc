// P08 to P11, P27, P29, P35: versions, expiry and form of the file.
#include <tenon/metadata/utf8.h>
#include <tenon/policies/judged.h>
#include <tenon/policies/rehearsal.h>
#include <tenon/policies/signing_rule_groups.h>

#include <algorithm>

namespace tenon::policies {
namespace {

bool always(const SigningFacts&) {
  return true;
}

std::string place_of(const JudgedFile& file, std::string_view member) {
  return file.name + "/" + std::string(member);
}

// The clock of an offline machine may be behind by as much as the policy allows.
std::int64_t skew_seconds(const SigningFacts& facts) {
  return facts.policy.process.max_skew_hours * kHourSeconds;
}

// --- P08

std::vector<Breach> check_not_too_long(const SigningFacts& facts) {
  Breaches breaches;
  const JudgedFile file = judged_file(facts);
  const std::int64_t left = seconds_between(facts.now, file.expires);
  if (left > file.limits->max_expiry_days * kDaySeconds + skew_seconds(facts)) {
    breaches.add(place_of(file, "expires"), "within " + std::to_string(file.limits->max_expiry_days) + " days",
                 file.expires.text() + ", in " + days_text(left));
  }
  return std::move(breaches).take();
}

// --- P09

std::vector<Breach> check_not_too_short(const SigningFacts& facts) {
  Breaches breaches;
  const JudgedFile file = judged_file(facts);
  const std::int64_t left = seconds_between(facts.now, file.expires);
  if (left <= 0) {
    breaches.add(place_of(file, "expires"), "later than now, " + facts.now.text(), file.expires.text());
  } else if (facts.occasion != Occasion::kPublish && !facts.rehearsal &&
             left < file.limits->min_expiry_days * kDaySeconds) {
    // What is only looked at may have been signed long ago.
    const auto severity = facts.occasion == Occasion::kDraft ? std::optional(Severity::kWarning) : std::nullopt;
    breaches.add(place_of(file, "expires"), "in " + std::to_string(file.limits->min_expiry_days) + " days or more",
                 file.expires.text() + ", in " + days_text(left), severity);
  }
  return std::move(breaches).take();
}

// --- P10

bool wants_window(const SigningFacts& facts) {
  return judged_file(facts).limits->sign_window_days > 0 && !facts.rehearsal;
}

std::vector<Breach> check_window(const SigningFacts& facts) {
  Breaches breaches;
  const JudgedFile file = judged_file(facts);
  const std::int64_t left = seconds_between(facts.now, file.expires);
  if (left < file.limits->sign_window_days * kDaySeconds) {
    breaches.add(place_of(file, "expires"),
                 "in " + std::to_string(file.limits->sign_window_days) + " days or more, else it is to be signed again",
                 left > 0 ? "in " + days_text(left) : "overdue");
  }
  if (file.expired_before && *file.expired_before <= facts.now) {
    breaches.add(place_of(file, "expires"), "a new version before the last one ends",
                 "the last one ended at " + file.expired_before->text(), Severity::kInfo);
  }
  return std::move(breaches).take();
}

// --- P11

bool can_compare_versions(const SigningFacts& facts) {
  return facts.occasion != Occasion::kDraft || judged_file(facts).version_before.has_value();
}

std::vector<Breach> check_version(const SigningFacts& facts) {
  Breaches breaches;
  const JudgedFile file = judged_file(facts);
  const std::int64_t found = file.version.value();
  const std::int64_t before = file.version_before ? file.version_before->value() : 0;
  if (file.counts_by_one ? found - 1 != before : found <= before) {
    breaches.add(place_of(file, "version"),
                 file.counts_by_one ? "1 more than " + std::to_string(before) : "above " + std::to_string(before),
                 std::to_string(found));
  } else if (facts.occasion == Occasion::kSign && !file.version_before && found > 1) {
    breaches.add(place_of(file, "version"), "the version before it, to see what changes",
                 "none beside version " + std::to_string(found), Severity::kWarning);
  }
  return std::move(breaches).take();
}

// --- P27

bool has_spec_version(const SigningFacts& facts) {
  return std::holds_alternative<RootDocument>(facts.document) ||
         std::holds_alternative<TargetsDocument>(facts.document);
}

std::vector<Breach> check_form(const SigningFacts& facts) {
  Breaches breaches;
  const auto check_header = [&](const std::string& name, const metadata::RoleHeader& header) {
    if (header.spec_version == "1.0" || header.spec_version.starts_with("1.0.")) return;
    breaches.add(name + "/spec_version", "1.0.x", printable(header.spec_version, 40));
  };
  if (const auto* root = std::get_if<RootDocument>(&facts.document)) {
    check_header("root", root->after.header);
    if (!root->after.consistent_snapshot) breaches.add("root/consistent_snapshot", "true", "false");
  } else if (const auto* targets = std::get_if<TargetsDocument>(&facts.document)) {
    check_header(targets->role.text(), targets->after.header);
  }
  return std::move(breaches).take();
}

// --- P29

bool is_published_with_limit(const SigningFacts& facts) {
  return facts.occasion == Occasion::kPublish && judged_file(facts).limits->min_remaining_hours_at_publish > 0;
}

std::vector<Breach> check_remaining(const SigningFacts& facts) {
  Breaches breaches;
  const JudgedFile file = judged_file(facts);
  const std::int64_t left = seconds_between(facts.now, file.expires);
  if (left < file.limits->min_remaining_hours_at_publish * kHourSeconds) {
    breaches.add(place_of(file, "expires"),
                 "in " + std::to_string(file.limits->min_remaining_hours_at_publish) + " hours or more",
                 file.expires.text() + ", in " + days_text(left));
  }
  return std::move(breaches).take();
}

// --- P35

bool is_rehearsal(const SigningFacts& facts) {
  return facts.rehearsal;
}

std::vector<Breach> check_rehearsal(const SigningFacts& facts) {
  Breaches breaches;
  const JudgedFile file = judged_file(facts);
  if (facts.occasion == Occasion::kPublish) {
    breaches.add(file.name, "a ceremony that was meant", "a rehearsal");
  } else if (seconds_between(facts.now, file.expires) > kRehearsalSeconds) {
    breaches.add(place_of(file, "expires"), "within a day, for a rehearsal", file.expires.text());
  }
  return std::move(breaches).take();
}

constexpr SigningRule kRules[] = {
    {.id = "P08",
     .severity = Severity::kError,
     .title = "nothing is valid for too long",
     .standard = "root, targets and delegated roles 400 days, snapshot and rollout.* 31, timestamp 7",
     .source = "PEP 458; Uptane; Sigstore",
     .explanation = "expiry is what ends the use of a stolen key, and of old metadata replayed by a mirror",
     .advice = "draft it with a nearer expiry",
     .concerns = always,
     .check = check_not_too_long},
    {.id = "P09",
     .severity = Severity::kError,
     .title = "nothing is signed that has expired or soon will",
     .standard = "root 90 days",
     .source = "sigstore/root-signing#267; fleetdm/fleet#22687",
     .explanation = "the next ceremony takes weeks to arrange; an expired root stops every client",
     .advice = "draft it with a later expiry; check the clock of this machine",
     .concerns = always,
     .check = check_not_too_short},
    {.id = "P10",
     .severity = Severity::kWarning,
     .title = "nothing is left that has to be signed again now",
     .standard = "root 60 days before it expires, targets and releases.* 45",
     .source = "tuf-on-ci; fleetdm/fleet#13314",
     .explanation = "clients must see the new version before the old one ends",
     .advice = "start the yearly ceremony",
     .concerns = wants_window,
     .check = check_window},
    {.id = "P11",
     .severity = Severity::kError,
     .title = "a version follows the one before it",
     .standard = "root and policy by one, all others upwards",
     .source = "TUF specification 5.3.5, 5.5.5, 5.6.4; tuf-on-ci",
     .explanation =
         "clients refuse a root that skips a version, and any file that goes back; without the version before it "
         "nobody sees what a later one takes away (a warning)",
     .advice = "draft it anew from the newest version, and name that in the request: --previous",
     .concerns = can_compare_versions,
     .check = check_version},
    {.id = "P27",
     .severity = Severity::kError,
     .title = "consistent snapshots are on, and the specification is 1.0.x",
     .standard = "on",
     .source = "TUF specification 6.2; tuf-on-ci",
     .explanation = "without consistent snapshots a client that reads while you publish sees a mixture",
     .advice = "draft it with tenon-keyctl or tenon-repo, which write both",
     .concerns = has_spec_version,
     .check = check_form},
    {.id = "P29",
     .severity = Severity::kError,
     .title = "what is published stays valid long enough",
     .standard = "timestamp 72 hours; for lifetimes below 6 days at least half",
     .source = "sigstore/root-signing#1449",
     .explanation = "when the next publishing fails, people need a weekend to mend it",
     .advice = "sign a new one: tenon-repo refresh",
     .concerns = is_published_with_limit,
     .check = check_remaining},
    {.id = "P35",
     .severity = Severity::kError,
     .title = "a rehearsal lives for a day and is never published",
     .standard = "on",
     .source = "sigstore/root-signing (staging first)",
     .explanation = "rehearsals are signed lightly; nobody should be able to use what came out of one",
     .advice = "to rehearse, make the draft anew with --expires-in 20h (--force replaces a file); what is meant is no "
               "rehearsal",
     .concerns = is_rehearsal,
     .check = check_rehearsal},
};

}  // namespace

std::span<const SigningRule> lifetime_rules() {
  return kRules;
}

}  // namespace tenon::policies
