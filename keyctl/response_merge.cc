#include <tenon/keyctl/response_merge.h>
#include <tenon/metadata/hex.h>
#include <tenon/metadata/utf8.h>

#include <algorithm>
#include <map>

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
  if (made.payload_sha256 != target.document->payload_sha256()) return "for another version of " + made.role;
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

// As a client will: the one door for each kind.
Result<void> verify_root(const Review& review, std::string_view content) {
  if (!review.root)
    return metadata::embedded_root(as_bytes(content)) ? Result<void>()
                                                      : metadata::embedded_root(as_bytes(content)).error();
  const auto next = metadata::next_root(review.root->root, as_bytes(content));
  return next ? Result<void>() : Result<void>(next.error());
}

}  // namespace

Result<Merged> merge_responses(Home& home, policies::SigningRequest request,
                               const std::vector<NamedResponse>& responses, metadata::UtcTime now) {
  TENON_TRY(const Memory memory, home.recall(request.repository));
  ReviewContext context{{memory.root, memory.policy, {}}, now};
  context.audit_log_intact = home.audit().read().has_value();
  TENON_TRY(const Review review, review_request(std::move(request), context));
  std::map<std::string, Collected> collected;
  for (const ReviewedDocument& one : review.documents) {
    collected.emplace(one.review.role, Collected{&one.review, one.review.draft});
  }

  Merged merged;
  merged.complete = true;
  json::Array fates;
  for (const NamedResponse& named : responses) {
    const bool ours = named.response.request == review.request.id();
    for (const MadeSignature& made : named.response.signatures) {
      const std::string fate = ours ? fate_of(made, review, collected) : "of another request";
      merged.report.text += printable(named.name) + ": " + fate + "\n";
      json::Object data;
      data.set("file", printable(named.name));
      data.set("keyid", printable(made.signature.keyid.text(), 128));
      data.set("result", fate);
      fates.emplace_back(std::move(data));
    }
  }
  json::Array progresses;
  Memory after = memory;
  for (const ReviewedDocument& reviewed : review.documents) {
    const Collected& one = collected.at(reviewed.review.role);
    Progress progress = progress_of(review, one);
    merged.report.text += progress.text;
    for (json::Value& value : progress.data) progresses.push_back(std::move(value));
    merged.complete = merged.complete && progress.complete;
    if (!progress.complete) continue;
    MergedFile file{file_name(reviewed.review), one.envelope.to_text()};
    if (reviewed.review.role == "root") {
      TENON_TRY_VOID(verify_root(review, file.content).with_context(file.name));
      after.root = to_bytes(file.content);
    }
    if (reviewed.review.role == "policy") after.policy = to_bytes(file.content);
    merged.files.push_back(std::move(file));
  }
  merged.report.data.set("request", review.request.id().hex());
  merged.report.data.set("signatures", std::move(fates));
  merged.report.data.set("documents", std::move(progresses));
  merged.report.data.set("complete", merged.complete);
  if (merged.complete) {
    TENON_TRY_VOID(home.remember(review.request.repository, after));
    json::Object data;
    data.set("repository", review.request.repository.text());
    data.set("request", review.request.id().hex());
    TENON_TRY_VOID(home.audit().append("merged", std::move(data), now));
  }
  return merged;
}

}  // namespace tenon::keyctl
