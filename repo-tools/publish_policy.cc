#include <tenon/hsm/file_io.h>
#include <tenon/metadata/utf8.h>
#include <tenon/policies/rehearsal.h>
#include <tenon/policies/signing_rules.h>
#include <tenon/repo_tools/publish_policy.h>
#include <tenon/repo_tools/role_tree.h>

#include <algorithm>

namespace tenon::repo_tools {
namespace {

using metadata::Envelope;
using metadata::Root;
using metadata::Targets;
using metadata::TopRole;
using metadata::UtcTime;
using policies::Occasion;
using policies::SigningFacts;
using policies::SigningPolicy;

constexpr metadata::Limits kLimits;
constexpr std::int64_t kDaySeconds = 86'400;

struct Judge {
  const Repository& repository;
  RoleTree tree;
  Root root;  // the newest, staged ones too
  SigningPolicy policy;
  UtcTime now;

  policies::Judgement ask(Occasion occasion, policies::Document document, const Envelope& envelope) const {
    SigningFacts facts{occasion, now, root, policy, policy.digest(), std::move(document)};
    facts.signatures = envelope.signatures();
    return policies::judge(facts);
  }
};

// The root before a version, where that root was published or is staged here.
Result<std::optional<Root>> root_before(const Repository& repository, std::int64_t version) {
  const std::string name = std::to_string(version - 1) + ".root.json";
  TENON_TRY(std::optional<Bytes> file, read_if_there(repository.draft(name), kLimits.root_bytes));
  if (!file) {
    TENON_TRY(file, read_if_there(repository.public_metadata(name), kLimits.root_bytes));
  }
  if (!file) return std::optional<Root>();
  TENON_TRY(const Envelope envelope, Envelope::parse(*file, kLimits.root_bytes).with_context(name));
  TENON_TRY(Root root, Root::parse(envelope.signed_part()).with_context(name));
  return std::optional(std::move(root));
}

Result<policies::Judgement> judge_root(const Judge& judge, const Envelope& envelope) {
  TENON_TRY(Root after, Root::parse(envelope.signed_part()).with_context("root"));
  const std::int64_t version = after.header.version.value();
  TENON_TRY(std::optional<Root> before, root_before(judge.repository, version));
  // A repository may begin with a later root; whether that one follows the one before it cannot be told here.
  const Occasion occasion = before || version == 1 ? Occasion::kPublish : Occasion::kDraft;
  return judge.ask(occasion, policies::RootDocument{std::move(before), std::move(after)}, envelope);
}

Result<policies::Judgement> judge_online(const Judge& judge, const RoleId& role, const Envelope& envelope) {
  TENON_TRY(const metadata::RoleHeader header, header_of(envelope, role));
  const TopRole name = role == RoleId::snapshot() ? TopRole::kSnapshot : TopRole::kTimestamp;
  policies::OnlineDocument document{name, std::nullopt, header.version, header.expires};
  TENON_TRY(const std::optional<Envelope> there, judge.repository.published(role));
  if (there) {
    TENON_TRY(const metadata::RoleHeader before, header_of(*there, role));
    document.before = before.version;
  }
  return judge.ask(Occasion::kPublish, std::move(document), envelope);
}

// Whether the newest file of each role that a role names verifies under what it says now. Of succinct bins the first is asked:
// all have the same keys, and are drafted together when these change.
Result<std::map<metadata::RoleName, bool>> children_of(const Repository& repository, const Targets& targets) {
  std::map<metadata::RoleName, bool> children;
  if (!targets.delegations) return children;
  std::vector<metadata::DelegatedRole> named = targets.delegations->roles;
  if (targets.delegations->bins) named.push_back(targets.delegations->bins->bin(0));
  for (const metadata::DelegatedRole& role : named) {
    TENON_TRY(const std::optional<Envelope> child, repository.newest(RoleId::of(role.name)));
    if (!child) continue;
    const metadata::Tally count = metadata::tally(*child, targets.delegations->keys, role.keys);
    children.emplace(role.name, count.met(role.keys.threshold));
  }
  return children;
}

Result<policies::Judgement> judge_targets(const Judge& judge, const RoleId& role, const Envelope& envelope) {
  const Repository& repository = judge.repository;
  TENON_TRY(Targets after, Targets::parse(envelope.signed_part()).with_context(printable(role.text())));
  TENON_TRY(Signatories signatories, judge.tree.signatories(role));
  policies::TargetsDocument document{metadata::RoleName::targets(), {}, after, signatories.keys, signatories.role};
  TENON_TRY(const std::optional<Envelope> there, repository.published(role));
  if (there) {
    TENON_TRY(document.before, Targets::parse(there->signed_part()));
  }
  TENON_TRY(document.children, children_of(repository, after));
  if (role.is_delegated()) {
    TENON_TRY(document.role, metadata::RoleName::parse_delegated(role.text()));
    const std::optional<RoleTree::Way> way = judge.tree.way_to(role);
    document.edge = way->edge;  // signatories() found it
    document.depth = way->depth;
  }
  return judge.ask(Occasion::kPublish, std::move(document), envelope);
}

std::string line_of(const std::string& file, const policies::Finding& finding) {
  return printable(file) + ": " + finding.rule + ", " + finding.title + ": " + printable(finding.breach.place) +
         ": expected " + printable(finding.breach.expected, 1024) + ", found " + printable(finding.breach.found, 1024) +
         (finding.waiver ? "; waived until " + finding.waiver->until.text() : "");
}

// The findings of all files, for the error or for a person to read.
struct Findings {
  std::string refusals;
  std::vector<std::string> warnings = {};

  void add(const std::string& file, const policies::Judgement& judgement) {
    for (const policies::Finding& finding : judgement.findings) {
      if (finding.severity == policies::Severity::kError && !finding.waiver) {
        refusals += "\n  " + line_of(file, finding);
      } else if (finding.severity != policies::Severity::kInfo) {
        warnings.push_back(line_of(file, finding));
      }
    }
  }
};

Result<std::optional<SigningPolicy>> policy_in_force(const Repository& repository, const Root& root) {
  TENON_TRY(const std::optional<Bytes> file, read_if_there(repository.policy_file(), SigningPolicy::kMaxBytes));
  const bool is_lab = repository.settings().is_lab;
  if (!file && is_lab) return std::optional<SigningPolicy>();
  if (!file) {
    return Error{ErrorCode::kPolicy, "this repository is for production and has no policy; nothing was published",
                 "tenon-repo policy set FOLDER --policy N.policy.json, as root's keys signed it"};
  }
  TENON_TRY(SigningPolicy policy, read_signed_policy(*file, root, is_lab));
  return std::optional(std::move(policy));
}

std::vector<std::string> notes_on(const SigningPolicy& policy, UtcTime now) {
  std::vector<std::string> notes;
  if (policy.is_lab) notes.emplace_back("a lab's policy, not for devices that matter");
  const UtcTime window = now.plus_seconds(policy.limits(TopRole::kRoot).sign_window_days * kDaySeconds);
  if (policy.expires <= window) {
    notes.push_back("the policy ends at " + policy.expires.text() + ", and nothing can be published after that");
  }
  return notes;
}

}  // namespace

Result<void> refuse_rehearsal(const Root& root) {
  if (!policies::is_rehearsal(root)) return {};
  return Error{ErrorCode::kPolicy,
               "root version " + std::to_string(root.header.version.value()) + " says that it is a rehearsal",
               "repeat the ceremony without --rehearsal"};
}

Result<SigningPolicy> read_signed_policy(ByteView file, const Root& root, bool is_lab) {
  TENON_TRY(const Envelope envelope, Envelope::parse(file, SigningPolicy::kMaxBytes).with_context("policy"));
  TENON_TRY(SigningPolicy policy, SigningPolicy::parse(envelope.signed_part()).with_context("policy"));
  const metadata::RoleKeys& role = root.role(TopRole::kRoot);
  const metadata::Tally count = metadata::tally(envelope, root.keys, role);
  if (!count.met(role.threshold)) {
    return Error{ErrorCode::kSig,
                 "policy v" + std::to_string(policy.version.value()) + ": signed by " +
                     std::to_string(count.votes.size()) + " of the keys of root v" +
                     std::to_string(root.header.version.value()) + ", " + std::to_string(role.threshold.value()) +
                     " must",
                 "have the next version of the policy signed, then tenon-repo policy set"};
  }
  if (policy.is_lab && !is_lab) {
    return Error{ErrorCode::kPolicy, "the policy is a lab's, the repository is for production",
                 "write a policy (policies/default.toml shows how); or make the repository with init --lab"};
  }
  return policy;
}

Result<SigningPolicy> set_policy(const Repository& repository, FileWriter& writer, ByteView file) {
  TENON_TRY(const metadata::Authentic<Root> root, repository.root());
  TENON_TRY(SigningPolicy policy, read_signed_policy(file, root.value(), repository.settings().is_lab));
  TENON_TRY(const std::optional<Bytes> there, read_if_there(repository.policy_file(), SigningPolicy::kMaxBytes));
  if (there) {
    TENON_TRY(const Envelope before_file, Envelope::parse(*there, SigningPolicy::kMaxBytes));
    TENON_TRY(const SigningPolicy before, SigningPolicy::parse(before_file.signed_part()));
    if (policy.version <= before.version && !(policy == before)) {
      return Error{ErrorCode::kRollback, "policy v" + std::to_string(policy.version.value()) +
                                             " does not follow the one there, v" +
                                             std::to_string(before.version.value())};
    }
  }
  TENON_TRY_VOID(writer.put(repository.policy_file(), file));
  return policy;
}

Result<OnlineOnly> OnlineOnly::of(const Repository& repository) {
  TENON_TRY(const std::optional<Bytes> file, read_if_there(repository.policy_file(), SigningPolicy::kMaxBytes));
  if (!file || repository.settings().is_lab) return OnlineOnly(std::nullopt);
  TENON_TRY(const Envelope envelope, Envelope::parse(*file, SigningPolicy::kMaxBytes).with_context("policy"));
  TENON_TRY(SigningPolicy policy, SigningPolicy::parse(envelope.signed_part()).with_context("policy"));
  return OnlineOnly(std::move(policy));
}

Result<void> OnlineOnly::check(const RoleId& role) const {
  if (!policy_ || !role.lists_targets()) return {};
  metadata::RoleName name = metadata::RoleName::targets();
  if (role.is_delegated()) {
    TENON_TRY(name, metadata::RoleName::parse_delegated(role.text()));
  }
  if (!policy_->limits(name).offline) return {};
  return Error{ErrorCode::kPolicy, "the policy has " + printable(role.text()) + " signed offline, by people who see it",
               "tenon-keyctl request create, then tenon-repo import; nobody's key of this role belongs here"};
}

Result<std::vector<std::string>> judge_publication(const Repository& repository, const Publication& publication,
                                                   UtcTime now) {
  TENON_TRY(const metadata::Authentic<Root> root, repository.root());
  TENON_TRY_VOID(refuse_rehearsal(root.value()));
  TENON_TRY(std::optional<SigningPolicy> policy, policy_in_force(repository, root.value()));
  if (!policy) return std::vector<std::string>{"a lab without a policy, not for devices that matter"};

  const bool lists_targets = std::ranges::any_of(publication.metadata, &Publication::MetadataFile::lists_targets);
  TENON_TRY(RoleTree tree, lists_targets ? RoleTree::read(repository) : RoleTree::read_top(repository));
  const Judge judge{repository, std::move(tree), root.value(), *std::move(policy), now};
  Findings findings{{}, notes_on(judge.policy, now)};
  std::optional<Envelope> newest_root;
  for (const Publication::MetadataFile& file : publication.metadata) {
    TENON_TRY(const Bytes content, file.content.read());
    TENON_TRY(Envelope envelope, Envelope::parse(content, kLimits.listed_bytes).with_context(file.name));
    if (!file.role) {
      newest_root = std::move(envelope);  // they come in order
      continue;
    }
    TENON_TRY(const policies::Judgement judgement, file.role->lists_targets()
                                                       ? judge_targets(judge, *file.role, envelope)
                                                       : judge_online(judge, *file.role, envelope));
    findings.add(file.name, judgement);
  }
  if (newest_root) {
    TENON_TRY(const policies::Judgement judgement, judge_root(judge, *newest_root));
    findings.add("root", judgement);
  }
  if (findings.refusals.empty()) return findings.warnings;
  return Error{ErrorCode::kPolicy, "the policy refuses this; nothing was published" + findings.refusals,
               "tenon-keyctl policy explain RULE says why and what to do"};
}

}  // namespace tenon::repo_tools
