#include <tenon/keyctl/judgement_text.h>
#include <tenon/keyctl/response_merge.h>
#include <tenon/metadata/hex.h>
#include <tenon/metadata/json_fields.h>
#include <tenon/metadata/utf8.h>

#include <algorithm>
#include <map>
#include <set>

namespace tenon::keyctl {
namespace {

using metadata::Envelope;
using policies::MadeSignature;

// Collected is a document and the valid signatures for it so far.
struct Collected {
  const DocumentReview* document;
  Envelope envelope;
};

// Fate says what became of one signature, for people.
std::string fate_of(const MadeSignature& made, const Review& review, std::map<std::string, Collected>& collected) {
  const auto found = collected.find(made.role);
  if (found == collected.end()) return "not a role of this request";
  Collected& target = found->second;
  if (made.payload_sha256 != target.document->payload_sha256())
    return "for another version of " + printable(made.role, 80);
  for (const Holders& holders : target.document->holders) {
    const auto& keyids = holders.role.keyids;
    const auto key = holders.keys.find(made.signature.keyid);
    if (std::ranges::find(keyids, made.signature.keyid) == keyids.end() || key == holders.keys.end()) continue;
    const std::string label = review.label(made.signature.keyid, &key->second);
    const auto bytes = made.signature.bytes();
    if (!bytes || !key->second.verify(target.envelope.signed_bytes(), *bytes)) return label + ": DOES NOT VERIFY";
    const auto& present = target.envelope.signatures();
    const auto same = [&](const metadata::Signature& one) { return one.keyid == made.signature.keyid; };
    if (std::ranges::any_of(present, same)) return label + ": counted already";
    target.envelope = target.envelope.with_signature(made.signature);
    return label + ": counts for " + printable(made.role, 80);
  }
  return "key " + printable(made.signature.keyid.brief()) + " may not sign " + printable(made.role, 80);
}

std::string missing_of(const Review& review, const Holders& holders, const metadata::Tally& count) {
  std::string missing;
  for (const metadata::KeyId& keyid : holders.role.keyids) {
    const auto key = holders.keys.find(keyid);
    if (key == holders.keys.end() || !key->second.material() || count.votes.contains(*key->second.material())) continue;
    missing += (missing.empty() ? "" : " or ") + review.label(keyid, &key->second);
  }
  return missing;
}

struct Progress {
  bool complete = true;
  std::string text;
  json::Array data;
};

Progress progress_of(const Review& review, const Collected& one) {
  Progress progress;
  for (const Holders& holders : one.document->holders) {
    const metadata::Tally count = holders.tally(one.envelope);
    const bool met = count.met(holders.role.threshold);
    progress.complete = progress.complete && met;
    const std::string so_far = "signed by " + std::to_string(count.votes.size()) + ", " +
                               std::to_string(holders.role.threshold.value()) + " must";
    progress.text += "  " + printable(one.document->role, 80) + " " + std::to_string(one.document->version.value()) +
                     ", by the keys of " + holders.name + ": " + so_far +
                     (met ? "\n" : "; missing " + missing_of(review, holders, count) + "\n");
    json::Object data;
    data.set("role", printable(one.document->role, 255));
    data.set("version", one.document->version.value());
    data.set("holders", holders.name);
    data.set("signed", static_cast<std::int64_t>(count.votes.size()));
    data.set("threshold", static_cast<std::int64_t>(holders.role.threshold.value()));
    data.set("complete", met);
    progress.data.emplace_back(std::move(data));
  }
  return progress;
}

std::string file_name(const DocumentReview& document) {
  const bool numbered = document.role == "root" || document.role == "policy";
  if (numbered) return std::to_string(document.version.value()) + "." + document.role + ".json";
  if (document.role == "targets") return "targets.json";
  const Result<metadata::RoleName> role = metadata::RoleName::parse_delegated(document.role);
  TENON_CHECK(role.has_value());  // the review found an edge of that name
  return role->file_name();
}

// A delegated role may be called "1.policy"; its file must not take the place of another.
Result<void> check_file_names(const std::vector<MergedFile>& files) {
  std::set<std::string> names;
  for (const MergedFile& file : files) {
    if (!names.insert(file.name).second) {
      return Error{ErrorCode::kPolicy, "two documents of the request would be written to " + printable(file.name),
                   "merge them from requests of their own"};
    }
  }
  return {};
}

// What a signer's machine refuses is not merged past it. A request that has grown old meanwhile was signed in time.
Result<void> require_policy(const Review& review) {
  const auto refuses = [](const policies::Finding& finding) {
    return finding.severity == policies::Severity::kError && !finding.waiver && finding.rule != "P31";
  };
  for (const ReviewedDocument& one : review.documents) {
    if (std::ranges::none_of(one.judgement.findings, refuses)) continue;
    return Error{
        ErrorCode::kPolicy,
        "the policy refuses " + printable(one.review.role, 255) + "; nothing was written\n" + describe(one.judgement),
        "tenon-keyctl policy explain RULE says why and what to do"};
  }
  return {};
}

// As a client will.
Result<void> verify_root(const Review& review, std::string_view content) {
  const auto root = review.root ? metadata::next_root(review.root->root, as_bytes(content))
                                : metadata::embedded_root(as_bytes(content));
  return root ? Result<void>() : Result<void>(root.error());
}

// The known root was signed by the keys of that one: it is the root before it, and no invention of the request.
bool leads_to(std::string_view before, ByteView known) {
  const auto root = metadata::embedded_root(as_bytes(before));
  return root && metadata::next_root(*root, known);
}

// Merging once more, when the result is known here already, begins where the request began.
Memory basis_of(const Memory& memory, const policies::SigningRequest& request) {
  Memory basis = memory;
  const auto is_known = [&](std::string_view role, const std::optional<Bytes>& file) {
    const policies::RequestedDocument* document = request.find(role);
    if (document == nullptr || !file) return false;
    const Result<Envelope> known = Envelope::parse(*file, policies::SigningRequest::kMaxBytes);
    return known && Sha256::of(known->signed_bytes()) == document->payload_sha256();
  };
  const auto bytes_of = [](const std::string& text) { return std::optional(to_bytes(text)); };
  if (is_known("root", memory.root)) {
    if (request.roots.empty()) {
      basis.root.reset();
    } else if (leads_to(request.roots.back(), *memory.root)) {
      basis.root = bytes_of(request.roots.back());
    }
  }
  if (is_known("policy", memory.policy)) basis.policy = request.policy ? bytes_of(*request.policy) : std::nullopt;
  return basis;
}

Result<std::int64_t> version_of(const Envelope& envelope) {
  TENON_TRY(json::Fields fields, json::Fields::of(envelope.signed_part(), "signed"));
  return fields.integer("version");
}

// Every signature goes to its document, or it is said why not.
void collect(const std::vector<NamedResponse>& responses, const Review& review,
             std::map<std::string, Collected>& collected, Report& report) {
  json::Array fates;
  for (const NamedResponse& named : responses) {
    const bool ours = named.response.request == review.request.id();
    for (const MadeSignature& made : named.response.signatures) {
      const std::string fate = ours ? fate_of(made, review, collected) : "of another request";
      report.text += printable(named.name) + ": " + fate + "\n";
      json::Object data;
      data.set("file", printable(named.name));
      data.set("keyid", printable(made.signature.keyid.text(), 128));
      data.set("result", fate);
      fates.emplace_back(std::move(data));
    }
  }
  report.data.set("signatures", std::move(fates));
}

// Progress of all documents. Returns: whether all are complete.
bool report_progress(const Review& review, const std::map<std::string, Collected>& collected, Report& report) {
  json::Array rows;
  bool complete = true;
  for (const ReviewedDocument& reviewed : review.documents) {
    Progress progress = progress_of(review, collected.at(reviewed.review.role));
    report.text += progress.text;
    for (json::Value& value : progress.data) rows.push_back(std::move(value));
    complete = complete && progress.complete;
  }
  report.data.set("documents", std::move(rows));
  report.data.set("complete", complete);
  return complete;
}

}  // namespace

Result<std::string> joined_with(const MergedFile& file, ByteView there) {
  TENON_TRY(const Envelope known, Envelope::parse(there, policies::SigningRequest::kMaxBytes));
  TENON_TRY(Envelope merged, Envelope::parse(as_bytes(file.content), policies::SigningRequest::kMaxBytes));
  if (as_text(known.signed_bytes()) == as_text(merged.signed_bytes())) {
    for (const metadata::Signature& one : known.signatures()) {
      const bool has_it = std::ranges::count(merged.signatures(), one.keyid, &metadata::Signature::keyid) > 0;
      if (!has_it) merged = merged.with_signature(one);
    }
    return merged.to_text();
  }
  TENON_TRY(const std::int64_t known_version, version_of(known));
  TENON_TRY(const std::int64_t version, version_of(merged));
  if (version > known_version) return file.content;
  return Error{ErrorCode::kPolicy, "another version " + std::to_string(known_version) + " is there already",
               "choose another folder with --out"};
}

Result<Report> merge_responses(Home& home, policies::SigningRequest request,
                               const std::vector<NamedResponse>& responses, const WriteFiles& write,
                               metadata::UtcTime now) {
  TENON_TRY(Memory memory, memory_for(home, request));
  ReviewContext context{basis_of(memory, request), now};
  context.audit_log_intact = home.read_log().has_value();
  TENON_TRY(const Review review, review_request(std::move(request), context));
  TENON_TRY_VOID(require_policy(review));
  std::map<std::string, Collected> collected;
  for (const ReviewedDocument& one : review.documents) {
    collected.emplace(one.review.role, Collected{&one.review, one.review.draft});
  }
  Report report;
  report.data.set("request", review.request.id().hex());
  collect(responses, review, collected, report);
  if (!report_progress(review, collected, report)) {
    report.text += "more signatures are needed; nothing was written\n";
    report.status = ExitStatus::kNeedsPerson;
    return report;
  }
  std::vector<MergedFile> files;
  for (const ReviewedDocument& one : review.documents) {
    MergedFile file{file_name(one.review), collected.at(one.review.role).envelope.to_text()};
    if (one.review.role == "root") {
      TENON_TRY_VOID(verify_root(review, file.content).with_context(file.name));
      memory.root = to_bytes(file.content);
    }
    if (one.review.role == "policy") memory.policy = to_bytes(file.content);
    files.push_back(std::move(file));
  }
  TENON_TRY_VOID(check_file_names(files));
  TENON_TRY_VOID(write(files));
  TENON_TRY_VOID(home.remember(subject_of(review.request), memory));
  json::Object data;
  data.set("repository", review.request.repository.text());
  data.set("request", review.request.id().hex());
  if (review.request.rehearsal) data.set("rehearsal", true);
  TENON_TRY_VOID(home.audit().append("merged", std::move(data), now));
  return report;
}

}  // namespace tenon::keyctl
