#include <tenon/keyctl/document_review.h>
#include <tenon/metadata/utf8.h>
#include <tenon/policies/policy_changes.h>
#include <tenon/policies/rehearsal.h>

#include <algorithm>

namespace tenon::keyctl {
namespace {

using metadata::DelegatedRole;
using metadata::Envelope;
using metadata::RoleName;
using metadata::Root;
using metadata::Targets;
using metadata::TopRole;
using policies::RequestedDocument;
using policies::SigningPolicy;

Holders holders_of(const Root& root, TopRole role, std::string name) {
  return {std::move(name), root.keys, root.role(role)};
}

// The root that the documents below root are signed under: the one in the request, else the trusted one.
Result<Root> root_in_force(const ReviewBasis& basis) {
  if (const RequestedDocument* drafted = basis.request.find("root")) return Root::parse(drafted->draft.signed_part());
  if (basis.root) return *basis.root;
  return Error{ErrorCode::kPolicy, "there is no root that could say who signs this",
               "sign the first root before anything else"};
}

Result<std::vector<Holders>> root_holders(const ReviewBasis& basis) {
  const RequestedDocument* drafted = basis.request.find("root");
  if (drafted == nullptr) {
    TENON_TRY(const Root root, root_in_force(basis));
    return std::vector{holders_of(root, TopRole::kRoot, "root")};
  }
  TENON_TRY(const Root after, Root::parse(drafted->draft.signed_part()));
  if (!basis.root) return std::vector{holders_of(after, TopRole::kRoot, "root")};
  return std::vector{holders_of(*basis.root, TopRole::kRoot, "the old root"),
                     holders_of(after, TopRole::kRoot, "the new root")};
}

Envelope bare(const Envelope& draft) {
  return Envelope::unsigned_of(draft.signed_part());
}

// A rehearsal signs lightly, so what comes out of one says so in itself; and what says so comes out of nothing else.
Result<void> check_mark_of_rehearsal(const Root& root, bool rehearsal) {
  if (policies::is_rehearsal(root) == rehearsal) return {};
  if (rehearsal) {
    return Error{ErrorCode::kPolicy, "the request is a rehearsal and its root does not say that it is one",
                 "draft it with tenon-keyctl root init or root next, and --rehearsal"};
  }
  return Error{ErrorCode::kPolicy, "the root says that it is a rehearsal, the request does not",
               "make the request with --rehearsal; for what is meant, draft the root without it"};
}

Result<DocumentReview> review_root(const RequestedDocument& document, const ReviewBasis& basis) {
  TENON_TRY(Root after, Root::parse(document.draft.signed_part()).with_context("draft of root"));
  TENON_TRY_VOID(check_mark_of_rehearsal(after, basis.request.rehearsal));
  const Root* before = basis.root ? &*basis.root : nullptr;
  TENON_TRY(std::vector<Holders> holders, root_holders(basis));
  std::vector<policies::Change> changes = policies::root_changes(before, after, basis.name_of);
  return DocumentReview{document.role,        bare(document.draft),
                        after.header.version, before ? std::optional(before->header.version) : std::nullopt,
                        after.header.expires, std::move(holders),
                        std::move(changes),   policies::RootDocument{basis.root, after},
                        document.reasons};
}

// A first policy is compared with the standard one that this program ships: what it changes of that is what matters.
std::vector<policies::Change> first_policy_changes(const SigningPolicy& after) {
  SigningPolicy standard = SigningPolicy::standard();
  standard.repository = after.repository;
  standard.expires = after.expires;
  return policies::policy_changes(standard, after);
}

Result<DocumentReview> review_policy(const RequestedDocument& document, const ReviewBasis& basis) {
  TENON_TRY(SigningPolicy after, SigningPolicy::parse(document.draft.signed_part()).with_context("draft of policy"));
  TENON_TRY(std::vector<Holders> holders, root_holders(basis));
  std::vector<policies::Change> changes =
      basis.policy_before ? policies::policy_changes(basis.policy_before, after) : first_policy_changes(after);
  std::vector<std::string> notes;
  if (!basis.policy_before) notes.push_back("the first policy: shown is how it differs from the standard one");
  return DocumentReview{
      document.role,      bare(document.draft),
      after.version,      basis.policy_before ? std::optional(basis.policy_before->version) : std::nullopt,
      after.expires,      std::move(holders),
      std::move(changes), policies::PolicyDocument{basis.policy_before, after},
      document.reasons,   std::move(notes)};
}

// Link is a targets role that verified, or the draft of one that is signed together with the one below it.
struct Link {
  RoleName role = RoleName::targets();
  Targets targets;
};

Result<Targets> verified_targets(std::string_view text, const Holders& holders) {
  TENON_TRY(const Envelope envelope, Envelope::parse(as_bytes(text), metadata::Limits().listed_bytes));
  if (!holders.tally(envelope).met(holders.role.threshold)) {
    return Error{ErrorCode::kSig, "the file of " + holders.name + " is not signed by enough of its keys",
                 "ask for a request with the file as it is published"};
  }
  return Targets::parse(envelope.signed_part());
}

const DelegatedRole* find_edge(const Targets& targets, std::string_view role) {
  if (!targets.delegations) return nullptr;
  const auto& roles = targets.delegations->roles;
  const auto found = std::ranges::find_if(roles, [&](const DelegatedRole& edge) { return edge.name.text() == role; });
  return found == roles.end() ? nullptr : &*found;
}

Error not_delegated(std::string_view by, std::string_view role) {
  return Error{ErrorCode::kPolicy, printable(by, 80) + " does not delegate to " + printable(role, 80),
               "ask for a request with the file of the role that does"};
}

// Edge is who may sign a delegated role, by the one way that the request shows.
struct Edge {
  Holders holders;
  DelegatedRole role;
  std::int64_t depth = 1;
};

// One step down: who of the link's delegations may sign that role.
Result<Edge> step(const Link& from, std::string_view role, std::int64_t depth) {
  const DelegatedRole* edge = find_edge(from.targets, role);
  if (edge == nullptr) return not_delegated(from.role.text(), role);
  return Edge{{printable(role, 80), from.targets.delegations->keys, edge->keys}, *edge, depth};
}

// The name of the role that a delegator's file is of is in the file above it: the one edge whose keys signed it.
Result<Edge> verifying_edge(const Link& from, std::string_view text, std::int64_t depth) {
  TENON_TRY(const Envelope envelope, Envelope::parse(as_bytes(text), metadata::Limits().listed_bytes));
  if (from.targets.delegations) {
    for (const DelegatedRole& role : from.targets.delegations->roles) {
      TENON_TRY(Edge edge, step(from, role.name.text(), depth));
      if (edge.holders.tally(envelope).met(edge.role.keys.threshold)) return edge;
    }
  }
  return Error{ErrorCode::kSig, "a delegating file in the request is signed by no role that " +
                                    printable(from.role.text(), 80) + " delegates to"};
}

Result<Edge> edge_of(const RequestedDocument& document, const ReviewBasis& basis, const Holders& top) {
  Link link;
  std::int64_t depth = 1;
  if (const RequestedDocument* drafted = basis.request.find("targets"); document.delegators.empty() && drafted) {
    TENON_TRY(link.targets, Targets::parse(drafted->draft.signed_part()).with_context("draft of targets"));
    return step(link, document.role, depth);
  }
  if (document.delegators.empty()) return not_delegated("nothing in the request", document.role);
  TENON_TRY(link.targets, verified_targets(document.delegators.front(), top));
  for (std::size_t i = 1; i < document.delegators.size(); ++i, ++depth) {
    TENON_TRY(const Edge edge, verifying_edge(link, document.delegators[i], depth));
    TENON_TRY(link.targets, verified_targets(document.delegators[i], edge.holders));
    link.role = edge.role.name;
  }
  return step(link, document.role, depth);
}

// The version before, if its signatures hold under the keys of today or of the root before today's.
Result<std::optional<Targets>> targets_before(const RequestedDocument& document, const ReviewBasis& basis,
                                              const Holders& holders, std::vector<std::string>& notes) {
  if (!document.previous) return std::optional<Targets>();
  Result<Targets> previous = verified_targets(*document.previous, holders);
  if (!previous && document.role == "targets" && basis.root) {
    previous = verified_targets(*document.previous, holders_of(*basis.root, TopRole::kTargets, "targets"));
  }
  if (previous) return std::optional(*std::move(previous));
  if (previous.error().code != ErrorCode::kSig) return std::move(previous).error();
  notes.push_back(
      "the version before it is not signed by enough of the keys of today: all of this one is shown as new");
  return std::optional<Targets>();
}

// Whoever could sign the role before can sign it still, with the same keys.
bool same_holders(const std::optional<Targets>& before, const Targets& after, const DelegatedRole& edge) {
  const DelegatedRole* old = before ? find_edge(*before, edge.name.text()) : nullptr;
  if (old == nullptr || old->keys != edge.keys) return false;
  return std::ranges::all_of(edge.keys.keyids, [&](const metadata::KeyId& keyid) {
    const auto was = before->delegations->keys.find(keyid);
    const auto is = after.delegations->keys.find(keyid);
    return was != before->delegations->keys.end() && is != after.delegations->keys.end() && was->second == is->second;
  });
}

// Which roles below are known to verify, or not, under the new delegations: one whose keys stay does; one that is signed
// in the same request will; of the others the request carries the file, or nothing is known.
Result<std::map<RoleName, bool>> children_of(const RequestedDocument& document, const ReviewBasis& basis,
                                             const std::optional<Targets>& before, const Targets& after) {
  std::map<RoleName, bool> children;
  if (!after.delegations) return children;
  const Link link{RoleName::targets(), after};
  for (const DelegatedRole& role : after.delegations->roles) {
    const auto file = document.children.find(role.name.text());
    if (same_holders(before, after, role) || basis.request.find(role.name.text()) != nullptr) {
      children.emplace(role.name, true);
    } else if (file != document.children.end()) {
      TENON_TRY(const Envelope envelope, Envelope::parse(as_bytes(file->second), metadata::Limits().listed_bytes));
      TENON_TRY(const Edge child, step(link, role.name.text(), 1));
      children.emplace(role.name, child.holders.tally(envelope).met(role.keys.threshold));
    }
  }
  return children;
}

Result<DocumentReview> review_targets(const RequestedDocument& document, const ReviewBasis& basis) {
  const std::string context = "draft of " + printable(document.role, 80);
  TENON_TRY(Targets after, Targets::parse(document.draft.signed_part()).with_context(context));
  TENON_TRY(const Root root, root_in_force(basis));
  const Holders top = holders_of(root, TopRole::kTargets, "targets");
  policies::TargetsDocument facts{RoleName::targets(), {}, after, top.keys, top.role};
  Holders holders = top;
  if (document.role != "targets") {
    TENON_TRY(Edge edge, edge_of(document, basis, top));
    holders = edge.holders;
    facts.role = edge.role.name;
    facts.keys = holders.keys;
    facts.holders = holders.role;
    facts.edge = std::move(edge.role);
    facts.depth = edge.depth;
  }
  std::vector<std::string> notes;
  TENON_TRY(facts.before, targets_before(document, basis, holders, notes));
  TENON_TRY(facts.children, children_of(document, basis, facts.before, after));
  const Targets* before = facts.before ? &*facts.before : nullptr;
  std::vector<policies::Change> changes = policies::targets_changes(before, after, basis.name_of);
  return DocumentReview{document.role,        bare(document.draft),
                        after.header.version, before ? std::optional(before->header.version) : std::nullopt,
                        after.header.expires, {std::move(holders)},
                        std::move(changes),   std::move(facts),
                        document.reasons,     std::move(notes)};
}

}  // namespace

std::optional<Holders::Listed> Holders::listed(const metadata::PublicKey& key) const {
  for (const metadata::KeyId& keyid : role.keyids) {
    const auto found = keys.find(keyid);
    if (found != keys.end() && key.material() && found->second.material() == key.material()) {
      return Listed{keyid, found->second};
    }
  }
  return std::nullopt;
}

Result<DocumentReview> review_document(const RequestedDocument& document, const ReviewBasis& basis) {
  if (document.role == "root") return review_root(document, basis);
  if (document.role == "policy") return review_policy(document, basis);
  if (document.role == "snapshot" || document.role == "timestamp") {
    return Error{ErrorCode::kPolicy, document.role + " is signed by the server that publishes, not by people",
                 "tenon-repo sign"};
  }
  return review_targets(document, basis);
}

}  // namespace tenon::keyctl
