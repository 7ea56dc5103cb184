#include <tenon/keyctl/request_review.h>
#include <tenon/metadata/utf8.h>
#include <tenon/policies/rehearsal.h>
#include <tenon/policies/signing_rules.h>

#include <algorithm>
#include <iterator>
#include <map>

namespace tenon::keyctl {
namespace {

using policies::SigningFacts;
using policies::SigningPolicy;
using policies::SigningRequest;

Result<std::vector<hsm::KeyFile>> read_key_files(const SigningRequest& request) {
  std::vector<hsm::KeyFile> files;
  for (const json::Value& value : request.keys) {
    TENON_TRY(hsm::KeyFile file, hsm::KeyFile::read(value).with_context("key file in the request"));
    files.push_back(std::move(file));
  }
  return files;
}

struct Judge {
  SigningPolicy policy;
  Sha256 payload;
};

// What people sign lightly in a rehearsal counts nowhere: all of it hangs on a first root that says that it is one.
Result<void> check_rehearsal(const SigningRequest& request, const std::optional<TrustedRoot>& root) {
  if (!root || policies::is_rehearsal(root->root.value()) == request.rehearsal) return {};
  if (request.rehearsal) {
    return Error{ErrorCode::kPolicy, "the request calls itself a rehearsal, and what it asks for would count",
                 "a rehearsal begins with tenon-keyctl root init --rehearsal"};
  }
  return Error{ErrorCode::kPolicy, "the trusted root says that all of this is a rehearsal, the request does not",
               "a rehearsal ends where it began: make the request of a root that is meant"};
}

bool is_below_root(const policies::RequestedDocument& document) {
  return document.role != "root" && document.role != "policy";
}

// Who signs below root does not sign the policy: a draft of one that nobody has signed must not stand alone there.
Result<void> require_policy_in_force(const SigningRequest& request, const std::optional<SignedPolicy>& in_force,
                                     const std::optional<TrustedRoot>& root) {
  if (in_force || !root || std::ranges::none_of(request.documents, is_below_root)) return {};
  return Error{ErrorCode::kPolicy, "the request carries no policy that is in force",
               "ask for a request with the newest policy that root's keys signed"};
}

// The policy that judges: the one that is about to be signed, else the one in force.
Result<Judge> judge_of(const SigningRequest& request, const std::optional<SignedPolicy>& in_force,
                       const std::optional<TrustedRoot>& root) {
  if (const policies::RequestedDocument* drafted = request.find("policy")) {
    TENON_TRY_VOID(require_policy_in_force(request, in_force, root));
    TENON_TRY(SigningPolicy policy, SigningPolicy::parse(drafted->draft.signed_part()).with_context("draft of policy"));
    return Judge{std::move(policy), drafted->payload_sha256()};
  }
  if (in_force) return Judge{in_force->policy, in_force->payload};
  return Error{ErrorCode::kPolicy,
               "there is no policy in force for " + request.repository.text() + ", and none to sign",
               "write one (policies/default.toml shows how), tenon-keyctl policy build, and add it to the request"};
}

Result<void> check_repository(const Judge& judge, const SigningRequest& request) {
  if (judge.policy.repository == request.repository) return {};
  return Error{ErrorCode::kPolicy, "the policy is of repository " + judge.policy.repository.text() +
                                       ", the request of " + request.repository.text()};
}

Result<bool> drafts_first_root(const SigningRequest& request) {
  const policies::RequestedDocument* drafted = request.find("root");
  if (drafted == nullptr) return false;
  TENON_TRY(const metadata::Root draft,
            metadata::Root::parse(drafted->draft.signed_part()).with_context("draft of root"));
  return draft.header.version == metadata::Version::first();
}

// Whoever has signed a root of this repository has one to judge by: a request without roots is a first ceremony, and there
// is only one of those.
Result<void> check_first(const SigningRequest& request, const Memory& memory, const std::optional<TrustedRoot>& root) {
  const auto mark = memory.marks.find("root");
  if (root || mark == memory.marks.end()) return {};
  if (const policies::RequestedDocument* drafted = request.find("root")) {
    TENON_TRY(const metadata::Root draft, metadata::Root::parse(drafted->draft.signed_part()));
    if (draft.header.version.value() <= mark->second.version) return {};  // the mark decides
  }
  return Error{ErrorCode::kPolicy,
               "the request carries no root, and root " + std::to_string(mark->second.version) + " of " +
                   request.repository.text() + " was signed here",
               "ask for a request with all roots since then"};
}

// What was signed once is not signed again in another form: two files of one version must never exist.
Result<void> check_mark(const DocumentReview& document, const Memory& memory, const SigningRequest& request) {
  const auto mark = memory.marks.find(document.role);
  if (mark == memory.marks.end()) return {};
  const std::int64_t version = document.version.value();
  if (version > mark->second.version || document.payload_sha256() == mark->second.payload) return {};
  const std::string what = printable(document.role, 80) + " of " + request.repository.text();
  if (version < mark->second.version) {
    return Error{ErrorCode::kRollback, what + ": version " + std::to_string(version) + " < signed here already, " +
                                           std::to_string(mark->second.version)};
  }
  return Error{ErrorCode::kRollback, what + ": another version " + std::to_string(version) + " was signed here already",
               request.rehearsal ? "begin the rehearsal anew, with a first root"
                                 : "if that one was given up by all signers: tenon-keyctl request forget --repository "
                                   "NAME --role ROLE --reason TEXT"};
}

// The version before it is the request's choice: one older than what was signed here hides what came between.
void note_older_basis(DocumentReview& document, const Memory& memory) {
  const auto mark = memory.marks.find(document.role);
  if (mark == memory.marks.end() || document.payload_sha256() == mark->second.payload) return;
  const std::int64_t before = document.version_before ? document.version_before->value() : 0;
  if (before >= mark->second.version) return;
  document.notes.push_back("COMPARED WITH " + (before == 0 ? "NOTHING" : "VERSION " + std::to_string(before)) +
                           ", but version " + std::to_string(mark->second.version) +
                           " was signed here: what changed in between is not shown");
}

policies::KeyFacts key_facts(const hsm::KeyFile& file) {
  policies::KeyFacts facts;
  if (file.token) {
    facts.token = policies::TokenFacts{file.token->label,  file.token->manufacturer, file.token->model,
                                       file.token->serial, file.token->local,        file.token->never_extractable};
  }
  if (file.proof) facts.possession = policies::Possession{file.proof->nonce.hex(), file.proof->made};
  return facts;
}

// Rules of how people sign, in what order of versions, and of what they are told.
bool is_of_how_people_sign(const policies::Waiver& waiver) {
  constexpr std::string_view kRules[] = {"P11", "P24", "P31", "P34", "P35", "P36"};
  return std::ranges::find(kRules, waiver.rule) != std::end(kRules);
}

// A policy that is about to be signed judges keys, roles and people, but how people sign changes only afterwards: else it
// would do away with reasons, or with people who look, for its own signing.
SigningPolicy judging_policy(const Review& review) {
  SigningPolicy policy = review.policy;
  std::erase_if(policy.waivers, is_of_how_people_sign);
  if (!review.policy_before) return policy;
  std::ranges::copy_if(review.policy_before->policy.waivers, std::back_inserter(policy.waivers), is_of_how_people_sign);
  const policies::Process& known = review.policy_before->policy.process;
  policies::Process& process = policy.process;
  process.require_safety_code = process.require_safety_code || known.require_safety_code;
  process.require_reason = process.require_reason || known.require_reason;
  process.max_request_age_days = std::min(process.max_request_age_days, known.max_request_age_days);
  process.max_skew_hours = std::min(process.max_skew_hours, known.max_skew_hours);
  process.unattended = process.unattended && known.unattended;
  return policy;
}

SigningFacts facts_of(const Review& review, const DocumentReview& document, const ReviewContext& context) {
  const SigningRequest& request = review.request;
  SigningFacts facts{policies::Occasion::kSign, context.now,           std::nullopt,
                     judging_policy(review),    review.policy_payload, document.document};
  if (review.root) facts.root = review.root->root.value();
  facts.changes = document.changes;
  facts.reasons = document.reasons;
  for (const hsm::KeyFile& file : review.key_files) facts.keys.emplace(file.keyid, key_facts(file));
  facts.request = policies::RequestFacts{request.created, request.not_after, request.policy_sha256, request.nonce};
  facts.unattended = context.unattended;
  facts.audit_log_intact = context.audit_log_intact;
  facts.rehearsal = request.rehearsal;
  return facts;
}

// Below root a new policy may forbid more, and name new people; what it allows begins when it is signed.
void judge_by_policy_in_force(const Review& review, SigningFacts facts, policies::Judgement& judgement) {
  if (!review.policy_before || review.policy_before->payload == review.policy_payload) return;
  std::map<metadata::KeyId, policies::Custodian> custodians = std::move(facts.policy.custodians);
  facts.policy = review.policy_before->policy;
  facts.policy.custodians = std::move(custodians);
  for (policies::Finding& finding : policies::judge(facts).findings) {
    const auto same = [&](const policies::Finding& one) {
      return one.rule == finding.rule && one.breach == finding.breach;
    };
    const auto there = std::ranges::find_if(judgement.findings, same);
    if (there == judgement.findings.end()) {
      judgement.findings.push_back(std::move(finding));
    } else if (!finding.waiver) {
      *there = std::move(finding);
    }
  }
}

Result<ReviewedDocument> review_one(const policies::RequestedDocument& requested, const Review& review,
                                    const ReviewContext& context) {
  const policies::NameOfKey name_of = [&](const metadata::KeyId& keyid, const metadata::PublicKey* key) {
    return review.label(keyid, key);
  };
  const ReviewBasis basis{review.request, review.root ? std::optional(review.root->root.value()) : std::nullopt,
                          review.policy_before ? std::optional(review.policy_before->policy) : std::nullopt, name_of};
  TENON_TRY(DocumentReview document, review_document(requested, basis));
  TENON_TRY_VOID(check_mark(document, context.memory, review.request));
  note_older_basis(document, context.memory);
  ReviewedDocument reviewed{std::move(document)};
  if (const auto* targets = std::get_if<policies::TargetsDocument>(&reviewed.review.document)) {
    const metadata::Targets* before = targets->before ? &*targets->before : nullptr;
    TENON_TRY(reviewed.releases, pinned_releases(before, targets->after, review.request.releases));
  }
  const SigningFacts facts = facts_of(review, reviewed.review, context);
  reviewed.judgement = policies::judge(facts);
  if (is_below_root(requested)) judge_by_policy_in_force(review, facts, reviewed.judgement);
  return reviewed;
}

}  // namespace

bool Review::refused() const {
  return std::ranges::any_of(documents, [](const ReviewedDocument& one) { return one.judgement.refused(); });
}

std::vector<std::string> Review::unacknowledged(std::span<const std::string> acknowledged) const {
  std::vector<std::string> ids;
  for (const ReviewedDocument& one : documents) {
    for (std::string& id : one.judgement.unacknowledged(acknowledged)) {
      if (std::ranges::find(ids, id) == ids.end()) ids.push_back(std::move(id));
    }
  }
  return ids;
}

std::string Review::words() const {
  std::string text = (request.rehearsal ? "rehearsal of " : "") + request.repository.text();
  for (const ReviewedDocument& one : documents) {
    text += " " + printable(one.review.role, 80) + " " + std::to_string(one.review.version.value());
  }
  return text;
}

std::string Review::label(const metadata::KeyId& keyid, const metadata::PublicKey* key) const {
  const std::string brief = printable(keyid.brief());
  // A file can list any key under a person's keyid; only the key itself says whose it is.
  const metadata::KeyId own = key == nullptr ? keyid : key->hash_keyid();
  if (const policies::Custodian* custodian = policy.custodian(own)) {
    const bool is_known = !policy_before || policy_before->policy.custodian(own) != nullptr;
    return spelled_out(custodian->name, 80) + " (" + brief + (is_known ? ")" : ", named by this request)");
  }
  return key == nullptr ? brief : names.label(keyid, *key);
}

Result<Memory> memory_for(const Home& home, const SigningRequest& request) {
  if (request.rehearsal) {
    TENON_TRY(const bool begins, drafts_first_root(request));
    if (begins) return Memory();
  }
  return home.recall(subject_of(request));
}

Result<Review> review_request(SigningRequest request, const ReviewContext& context) {
  TENON_TRY(std::vector<TrustedRoot> chain, follow_roots(context.memory, request.roots));
  TENON_TRY(std::optional<SignedPolicy> in_force, signed_policy(context.memory, request, chain));
  std::optional<TrustedRoot> root;
  if (!chain.empty()) root = std::move(chain.back());
  TENON_TRY_VOID(check_first(request, context.memory, root));
  TENON_TRY_VOID(check_rehearsal(request, root));
  TENON_TRY(Judge judge, judge_of(request, in_force, root));
  TENON_TRY_VOID(check_repository(judge, request));
  TENON_TRY(std::vector<hsm::KeyFile> key_files, read_key_files(request));
  std::vector<Sha256> payloads;
  for (const policies::RequestedDocument& document : request.documents) payloads.push_back(document.payload_sha256());
  KeyNames names = context.names;
  for (const hsm::KeyFile& file : key_files) names.add(file);
  Review review{std::move(request),
                {},
                std::move(root),
                std::move(in_force),
                std::move(judge.policy),
                judge.payload,
                policies::SafetyCode::of(payloads, judge.payload),
                std::move(key_files),
                std::move(names),
                context.now};
  for (const policies::RequestedDocument& requested : review.request.documents) {
    TENON_TRY(ReviewedDocument document, review_one(requested, review, context));
    review.documents.push_back(std::move(document));
  }
  return review;
}

}  // namespace tenon::keyctl
