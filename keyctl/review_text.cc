#include <tenon/keyctl/expiry.h>
#include <tenon/keyctl/judgement_text.h>
#include <tenon/keyctl/review_text.h>
#include <tenon/metadata/utf8.h>

#include <algorithm>

namespace tenon::keyctl {
namespace {

using policies::Change;
using policies::Weight;

constexpr std::size_t kShownRoutine = 200;
constexpr std::size_t kShownReasonBytes = 1024;
constexpr const char* kRehearsalLine = "REHEARSAL: nothing of this is for devices\n";

std::string headline(Weight weight) {
  switch (weight) {
    case Weight::kPower: return "who may do what";
    case Weight::kContent: return "what was released before";
    case Weight::kRoutine: return "as every new version";
  }
  return "";
}

std::string indented(const std::string& lines) {
  std::string text;
  for (std::size_t begin = 0; begin < lines.size();) {
    const std::size_t end = lines.find('\n', begin);
    text += "    " + lines.substr(begin, end - begin) + "\n";
    begin = end == std::string::npos ? lines.size() : end + 1;
  }
  return text;
}

std::string describe_changes(const DocumentReview& document, Weight weight) {
  std::string text;
  std::size_t count = 0;
  for (const Change& change : document.changes) {
    if (change.weight != weight) continue;
    ++count;
    if (weight == Weight::kRoutine && count > kShownRoutine) continue;
    text += "    - " + change.text + "\n";
    const auto reason = document.reasons.find(change.place);
    if (reason != document.reasons.end()) {
      text += "        reason given: " + printable(reason->second, kShownReasonBytes) + "\n";
    }
  }
  if (weight == Weight::kRoutine && count > kShownRoutine) {
    text += "    - and " + std::to_string(count - kShownRoutine) + " more; --json has them all\n";
  }
  if (count == 0) return weight == Weight::kRoutine ? "" : "  " + headline(weight) + ": nothing changes\n";
  return "  " + headline(weight) + " (" + std::to_string(count) + "):\n" + text;
}

std::string describe_holders(const Review& review, const Holders& holders) {
  std::string text = "    " + holders.name + ": " + std::to_string(holders.role.threshold.value()) + " of " +
                     std::to_string(holders.role.keyids.size()) + ":";
  for (std::size_t i = 0; i < holders.role.keyids.size(); ++i) {
    const auto key = holders.keys.find(holders.role.keyids[i]);
    text += (i == 0 ? " " : ", ") +
            review.label(holders.role.keyids[i], key == holders.keys.end() ? nullptr : &key->second);
  }
  return text + "\n";
}

std::string describe_version(const DocumentReview& document, metadata::UtcTime now) {
  const std::string before = document.version_before ? std::to_string(document.version_before->value()) + " -> " : "";
  return before + std::to_string(document.version.value()) + (before.empty() ? ", the first" : "") + ", expires " +
         document.expires.text() + " (" + relative_days(document.expires, now) + ")";
}

std::string describe_document(const Review& review, const ReviewedDocument& reviewed, std::size_t number) {
  const DocumentReview& document = reviewed.review;
  std::string text = std::to_string(number) + ". " + spelled_out(document.role, 255) + ": version " +
                     describe_version(document, review.now) + "\n";
  for (Weight weight : {Weight::kPower, Weight::kContent, Weight::kRoutine}) {
    text += describe_changes(document, weight);
  }
  if (const auto reason = document.reasons.find(""); reason != document.reasons.end()) {
    text += "  reason given: " + printable(reason->second, kShownReasonBytes) + "\n";
  }
  for (const PinnedRelease& release : reviewed.releases) {
    text += "  release:\n";
    for (const std::string& line : describe_release(release)) text += "    " + line + "\n";
  }
  for (const std::string& note : document.notes) text += "  note: " + note + "\n";
  text += "  must be signed by\n";
  for (const Holders& holders : document.holders) text += describe_holders(review, holders);
  text += "  sha256 of what is signed: " + document.payload_sha256().hex() + "\n";
  return text + "  policy\n" + indented(describe(reviewed.judgement));
}

std::string describe_request(const Review& review) {
  const policies::SigningRequest& request = review.request;
  std::string text = request.rehearsal ? kRehearsalLine : "";
  text += "request " + request.id().hex().substr(0, 16) + " for repository " + request.repository.text() + "\n";
  text += "  made " + request.created.text() + " (" + relative_days(request.created, review.now) +
          "), to be signed until " + request.not_after.text() + "\n";
  text += "  this machine's clock says " + review.now.text() + ": is that right?\n";
  if (!request.nonce.empty()) {
    text += "  new keys are proved over nonce " + request.nonce + ": is that the one of this ceremony?\n";
  }
  text += review.root ? "  compared with root version " + std::to_string(review.root->root->header.version.value()) +
                            ", which is trusted here\n"
                      : "  there is no root before it: the keys in it are trusted because you have compared them\n";
  return text;
}

json::Array texts(const std::vector<std::string>& lines) {
  return {lines.begin(), lines.end()};
}

json::Value change_data(const Change& change, const DocumentReview& document) {
  json::Object data;
  data.set("weight", std::string(to_string(change.weight)));
  data.set("place", change.place);
  data.set("text", change.text);
  const auto reason = document.reasons.find(change.place);
  if (reason != document.reasons.end()) data.set("reason", printable(reason->second, kShownReasonBytes));
  return data;
}

json::Value holders_data(const Holders& holders) {
  json::Array keyids;
  for (const metadata::KeyId& keyid : holders.role.keyids) keyids.emplace_back(printable(keyid.text(), 128));
  json::Object data;
  data.set("name", holders.name);
  data.set("threshold", static_cast<std::int64_t>(holders.role.threshold.value()));
  data.set("keyids", std::move(keyids));
  return data;
}

json::Value document_data(const ReviewedDocument& reviewed) {
  const DocumentReview& document = reviewed.review;
  json::Array changes;
  for (const Change& change : document.changes) changes.push_back(change_data(change, document));
  json::Array holders;
  for (const Holders& one : document.holders) holders.push_back(holders_data(one));
  json::Array releases;
  for (const PinnedRelease& release : reviewed.releases) releases.emplace_back(texts(describe_release(release)));
  json::Object data;
  data.set("role", printable(document.role, 255));
  data.set("version", document.version.value());
  if (document.version_before) data.set("version_before", document.version_before->value());
  data.set("expires", document.expires.text());
  data.set("payload_sha256", document.payload_sha256().hex());
  data.set("changes", std::move(changes));
  data.set("holders", std::move(holders));
  data.set("releases", std::move(releases));
  data.set("notes", texts(document.notes));
  data.set("policy", reviewed.judgement.to_json());
  return data;
}

}  // namespace

Report describe_review(const Review& review) {
  std::string text = describe_request(review);
  json::Array documents;
  for (std::size_t i = 0; i < review.documents.size(); ++i) {
    text += "\n" + describe_document(review, review.documents[i], i + 1);
    documents.push_back(document_data(review.documents[i]));
  }
  text += "\njudged by policy version " + std::to_string(review.policy.version.value()) +
          (review.request.find("policy") != nullptr ? ", which this request brings and root's keys must sign" : "") +
          (review.policy.is_lab ? ", a LAB policy" : "") + ", sha256 " + review.policy_payload.hex() + "\n";
  if (review.request.rehearsal) text += kRehearsalLine;
  text += "compare these twelve words of the request with the others by voice:\n\n";
  text += indented(review.code.text()) + "\n";
  json::Object data;
  data.set("request", review.request.id().hex());
  data.set("repository", review.request.repository.text());
  data.set("rehearsal", review.request.rehearsal);
  data.set("created", review.request.created.text());
  data.set("not_after", review.request.not_after.text());
  data.set("documents", std::move(documents));
  data.set("policy_sha256", review.policy_payload.hex());
  data.set("safety_code", review.code.line());
  data.set("refused", review.refused());
  data.set("needs_acknowledgement", texts(review.unacknowledged({})));
  Report report{std::move(text), std::move(data)};
  if (review.policy.is_lab) {
    report.warnings.emplace_back(
        "a lab policy asks for no hardware, no reasons and no people: not for devices that matter");
  }
  return report;
}

}  // namespace tenon::keyctl
