// P25, P26, P28: what delegations hand over, and what happens to targets.
#include <tenon/metadata/utf8.h>
#include <tenon/policies/delegation_overlap.h>
#include <tenon/policies/judged.h>
#include <tenon/policies/signing_rule_groups.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <string>
#include <utility>

namespace tenon::policies {
namespace {

using metadata::DelegatedRole;
using metadata::PathPattern;

constexpr std::size_t kMaxCompared = 512;  // delegations of one file: their pairs take a second

const TargetsDocument* targets_of(const SigningFacts& facts) {
  return std::get_if<TargetsDocument>(&facts.document);
}

bool delegates(const SigningFacts& facts) {
  const TargetsDocument* document = targets_of(facts);
  return document != nullptr && document->after.delegations;
}

std::string place_of(const DelegatedRole& role) {
  return "delegations/" + printable(role.name.text());
}

// --- P25

bool is_ascii(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7F; });
}

// A pattern without a single letter to hold on to hands over as much as a star does.
bool is_wildcard_only(std::string_view pattern) {
  return pattern.find_first_not_of("*?/") == pattern.npos;
}

// Whether the prefixes of digests leave nothing for anybody else: each digit more is a sixteenth of what it was.
bool is_of_all_digests(const std::vector<std::string>& prefixes) {
  std::set<std::string> sorted(prefixes.begin(), prefixes.end());
  double share = 0;
  std::string_view last;
  bool any = false;
  for (const std::string& prefix : sorted) {  // one that begins with another comes right after it
    if (any && prefix.starts_with(last)) continue;
    share += std::pow(16.0, -static_cast<double>(prefix.size()));
    last = prefix;
    any = true;
  }
  return share >= 1;
}

// The limits of a role follow its name, so a name that promises little must not hold much: "rollout.demo" speaks for
// demo/channels/ alone, "releases.demo" for demo/releases/.
std::string folder_of(std::string_view role) {
  for (const auto& [kind, folder] : {std::pair("rollout.", "/channels/"), std::pair("releases.", "/releases/")}) {
    if (role.starts_with(kind)) return std::string(role.substr(std::string_view(kind).size())) + folder;
  }
  return {};
}

void check_folder(const DelegatedRole& role, Breaches& breaches) {
  const std::string folder = folder_of(role.name.text());
  if (folder.empty()) return;
  const bool is_kept =
      role.paths.patterns && std::ranges::all_of(*role.paths.patterns, [&](const PathPattern& pattern) {
        return pattern.text().starts_with(folder);
      });
  if (is_kept) return;
  breaches.add(place_of(role) + "/paths", "paths below " + printable(folder) + ", as its name says", "others");
}

void check_paths(const SigningFacts& facts, const DelegatedRole& role, Breaches& breaches) {
  const std::vector<std::string>& forbidden = facts.policy.delegations.forbid_paths;
  const std::string place = place_of(role) + "/paths";
  check_folder(role, breaches);
  if (role.paths.hash_prefixes && !forbidden.empty() && is_of_all_digests(*role.paths.hash_prefixes)) {
    breaches.add(place, "a part of all paths", "prefixes that every digest begins with one of");
  }
  if (!role.paths.patterns) return;
  for (const PathPattern& pattern : *role.paths.patterns) {
    const std::string shown = "\"" + printable(pattern.text(), 80) + "\"";
    const bool listed = std::ranges::find(forbidden, pattern.text()) != forbidden.end();
    if (listed || (!forbidden.empty() && is_wildcard_only(pattern.text()))) {
      breaches.add(place, "a part of all paths", shown);
    } else if (!pattern.matches("path")) {
      breaches.add(place, "a pattern that clients can read", shown + ", which ends every search that reaches it");
    }
  }
}

void check_overlaps(const SigningFacts& facts, const std::vector<DelegatedRole>& roles, Breaches& breaches) {
  if (facts.policy.delegations.allow_overlap) return;
  if (roles.size() > kMaxCompared) {
    breaches.add("delegations", std::to_string(kMaxCompared) + " delegations or fewer, so that they can be compared",
                 std::to_string(roles.size()));
    return;
  }
  for (std::size_t i = 0; i < roles.size(); ++i) {
    for (std::size_t j = i + 1; j < roles.size(); ++j) {
      if (!may_overlap(roles[i].paths, roles[j].paths)) continue;
      breaches.add(place_of(roles[j]) + "/paths", "paths of its own",
                   "paths that " + printable(roles[i].name.text()) + " may speak for as well");
    }
  }
}

std::vector<Breach> check_delegations(const SigningFacts& facts) {
  Breaches breaches;
  const TargetsDocument& document = *targets_of(facts);
  const DelegationLimits& limits = facts.policy.delegations;
  const std::vector<DelegatedRole>& roles = document.after.delegations->roles;
  const bool has_children = !roles.empty() || document.after.delegations->bins;
  if (has_children && document.depth + 1 > limits.max_depth) {
    breaches.add("delegations", "a depth of at most " + std::to_string(limits.max_depth),
                 "a depth of " + std::to_string(document.depth + 1));
  }
  if (document.after.delegations->bins && document.depth == 0 && !limits.forbid_paths.empty()) {
    breaches.add("delegations", "a part of all paths", "bins that share all paths");
  }
  for (const DelegatedRole& role : roles) {
    if (!is_ascii(role.name.text())) {
      breaches.add(place_of(role), "a name of visible ASCII", "\"" + printable(role.name.text(), 80) + "\"");
    }
    if (limits.require_terminating && !role.terminating) {
      breaches.add(place_of(role) + "/terminating", "true", "false");
    }
    check_paths(facts, role, breaches);
  }
  check_overlaps(facts, roles, breaches);
  return std::move(breaches).take();
}

// --- P26

std::vector<Breach> check_children(const SigningFacts& facts) {
  Breaches breaches;
  const TargetsDocument& document = *targets_of(facts);
  for (const auto& [name, verifies] : document.children) {
    if (verifies) continue;
    breaches.add("delegations/" + printable(name.text()), "its published metadata verifies under the new delegation",
                 "it does not: the child must be signed again first");
  }
  if (facts.occasion == Occasion::kDraft) return std::move(breaches).take();
  for (const DelegatedRole& role : document.after.delegations->roles) {
    if (document.children.contains(role.name)) continue;
    const metadata::Delegations* before =
        document.before && document.before->delegations ? &*document.before->delegations : nullptr;
    if (before != nullptr) {
      const auto stood = std::ranges::find(before->roles, role.name, &DelegatedRole::name);
      if (stood != before->roles.end() && stood->keys == role.keys) continue;
    }
    breaches.add(place_of(role), "its metadata, to verify under the new delegation", "none was given",
                 Severity::kWarning);
  }
  return std::move(breaches).take();
}

// --- P28

bool is_targets(const SigningFacts& facts) {
  return targets_of(facts) != nullptr;
}

void check_hashes(const SigningFacts& facts, const std::string& path, const metadata::TargetEntry& entry,
                  Breaches& breaches) {
  for (const std::string& hash : facts.policy.algorithms.hash_min) {
    if (hash == "sha256" ? entry.hashes.sha256.has_value() : entry.hashes.sha512.has_value()) continue;
    breaches.add("targets/" + printable(path), "a " + hash, "none");
  }
}

std::vector<Breach> check_targets(const SigningFacts& facts) {
  Breaches breaches;
  const TargetsDocument& document = *targets_of(facts);
  for (const auto& [path, entry] : document.after.targets) check_hashes(facts, path, entry, breaches);
  if (!document.before) return std::move(breaches).take();
  for (const auto& [path, entry] : document.before->targets) {
    const auto after = document.after.targets.find(path);
    const bool same = after != document.after.targets.end() && after->second.hashes == entry.hashes &&
                      after->second.length == entry.length;
    if (same || is_declared(facts, "targets/" + path, 1)) continue;
    breaches.add("targets/" + printable(path), "as it was released, or a reason",
                 after == document.after.targets.end() ? "removed" : "replaced by another file");
  }
  return std::move(breaches).take();
}

constexpr SigningRule kRules[] = {
    {.id = "P25",
     .severity = Severity::kError,
     .title = "delegations hand over a part of the paths, to one role each, and not too deep",
     .standard =
         "no *, ** or */*; no overlap; depth 2; terminating; names in ASCII; releases.X and rollout.X in their folders",
     .source = "sigstore/root-signing#323; theupdateframework/python-tuf#456",
     .explanation =
         "a wildcard, or prefixes of every digest, hand over everything; limits follow a role's name, so it holds "
         "what its name says; where two may speak for a path, the order decides in silence",
     .advice = "narrow the paths, or set allow_overlap or max_depth in the policy",
     .concerns = delegates,
     .check = check_delegations},
    {.id = "P26",
     .severity = Severity::kError,
     .title = "what delegated roles have published still verifies",
     .standard = "on; a new role without metadata is a warning",
     .source = "theupdateframework/tuf-on-ci#95, #411",
     .explanation = "another key or threshold makes the child's metadata worthless, and clients stop there",
     .advice = "have the child signed for the new delegation, and publish both together",
     .concerns = delegates,
     .check = check_children},
    {.id = "P28",
     .severity = Severity::kWarning,
     .title = "targets have the digests we demand, and what was released stays as it was",
     .standard = "sha256; a removed or replaced target needs a reason",
     .source = "UN R156; EU CRA Annex I part I (2)(f)",
     .explanation = "devices that resume a download would find another file; auditors would find none",
     .advice = "release under a new version; or declare the reason for targets/PATH",
     .concerns = is_targets,
     .check = check_targets},
};

}  // namespace

std::span<const SigningRule> delegation_rules() {
  return kRules;
}

}  // namespace tenon::policies
