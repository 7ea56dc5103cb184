#include <tenon/hsm/file_io.h>
#include <tenon/hsm/key_file.h>
#include <tenon/keyctl/judgement_text.h>
#include <tenon/keyctl/request_create.h>
#include <tenon/keyctl/root_file.h>
#include <tenon/metadata/json_fields.h>
#include <tenon/metadata/utf8.h>

#include <algorithm>
#include <map>

namespace tenon::keyctl {
namespace {

namespace fs = std::filesystem;

using policies::RequestedDocument;
using policies::SigningRequest;

constexpr std::int64_t kSecondsPerDay = 86'400;

Result<std::string> read_text(const fs::path& path, std::size_t max_bytes = SigningRequest::kMaxBytes) {
  TENON_TRY(const Bytes bytes, hsm::read_file(path, max_bytes));
  return std::string(as_text(bytes));
}

Result<std::string> role_of(const metadata::Envelope& draft) {
  TENON_TRY(json::Fields fields, json::Fields::of(draft.signed_part(), "signed"));
  TENON_TRY(std::string type, fields.string("_type"));
  if (type == policies::SigningPolicy::kType) return std::string("policy");
  return type;
}

Result<RequestedDocument> read_draft(const DraftFile& draft, const CreateOptions& options) {
  const std::string where = printable(draft.file.native());
  TENON_TRY(const Bytes bytes, hsm::read_file(draft.file, SigningRequest::kMaxBytes));
  TENON_TRY(metadata::Envelope envelope,
            metadata::Envelope::parse(bytes, SigningRequest::kMaxBytes).with_context(where));
  TENON_TRY(std::string role, draft.role ? Result<std::string>(*draft.role) : role_of(envelope).with_context(where));
  RequestedDocument document{std::move(role), metadata::Envelope::unsigned_of(envelope.signed_part())};
  if (const auto previous = options.previous.find(document.role); previous != options.previous.end()) {
    TENON_TRY(document.previous, read_text(previous->second));
  }
  const bool is_top = document.role == "root" || document.role == "policy" || document.role == "targets";
  if (!is_top) {
    for (const fs::path& path : options.delegators) {
      TENON_TRY(std::string text, read_text(path));
      document.delegators.push_back(std::move(text));
    }
  }
  for (const auto& [child, path] : options.children) {
    TENON_TRY(std::string text, read_text(path));
    document.children.emplace(child, std::move(text));
  }
  return document;
}

// Files lie as they are listed, or with their digest in front, as consistent snapshots serve them.
Result<std::optional<std::string>> find_target(const std::vector<fs::path>& folders, const std::string& path,
                                               const metadata::TargetEntry& entry) {
  const fs::path relative(path);
  if (!entry.hashes.any_known()) return std::optional<std::string>();
  if (relative.is_absolute() || relative.lexically_normal() != relative) return std::optional<std::string>();
  for (const fs::path& folder : folders) {
    for (const fs::path& name :
         {relative, relative.parent_path() / (entry.hashes.preferred() + "." + relative.filename().native())}) {
      std::error_code ignored;
      if (!fs::exists(folder / name, ignored)) continue;
      TENON_TRY(std::string text, read_text(folder / name, policies::kMaxReleaseBytes));
      if (entry.hashes.match(metadata::FileIdentity::of(as_bytes(text), true))) return std::optional(std::move(text));
    }
  }
  return std::optional<std::string>();
}

// Every release that the drafts list travels along; which of them are new is seen by whoever reviews.
Result<void> carry_releases(SigningRequest& request, const std::vector<fs::path>& folders) {
  for (const RequestedDocument& document : request.documents) {
    if (document.role == "root" || document.role == "policy") continue;
    TENON_TRY(const metadata::Targets targets, metadata::Targets::parse(document.draft.signed_part())
                                                   .with_context("draft of " + printable(document.role, 80)));
    for (const auto& [path, entry] : targets.targets) {
      if (!path.ends_with("/release.json")) continue;
      TENON_TRY(std::optional<std::string> content, find_target(folders, path, entry));
      if (content) request.releases.emplace(path, *std::move(content));
    }
  }
  return {};
}

// The roots that are remembered or named, oldest first, in whatever order they were named: a signer's machine goes on from
// the one that it knows, which may be older than the one here.
Result<void> carry_roots(SigningRequest& request, const Memory& memory, const CreateOptions& options) {
  std::map<metadata::Version, std::string> roots;
  const auto take = [&](std::string text) -> Result<void> {
    TENON_TRY(const RootFile file, RootFile::parse(as_bytes(text)));
    roots.emplace(file.root.header.version, std::move(text));
    return {};
  };
  if (memory.root) TENON_TRY_VOID(take(std::string(as_text(*memory.root))).with_context("the root remembered here"));
  for (const fs::path& path : options.roots) {
    TENON_TRY(std::string text, read_text(path, metadata::Limits().root_bytes));
    TENON_TRY_VOID(take(std::move(text)).with_context(printable(path.native())));
  }
  for (auto& [version, text] : roots) request.roots.push_back(std::move(text));
  return {};
}

// Whether a change is at this place or below it, as rule P24 reads reasons: "roles/root" holds "roles/root/threshold".
bool holds(std::string_view outer, std::string_view place) {
  return place.starts_with(outer) && (place.size() == outer.size() || place[outer.size()] == '/');
}

// A reason for each change that has none of its own; a first version is new as a whole, and one is enough for it.
void give_reasons(RequestedDocument& requested, const DocumentReview& document, const CreateOptions& options) {
  std::map<std::string, std::string>& reasons = requested.reasons;
  for (const policies::Change& change : document.changes) {
    const auto own =
        std::ranges::find_if(options.reasons, [&](const auto& one) { return holds(one.first, change.place); });
    if (own != options.reasons.end()) {
      reasons[own->first] = own->second;
    } else if (document.version_before && change.weight != policies::Weight::kRoutine && !options.reason.empty()) {
      reasons.emplace(change.place, options.reason);
    }
  }
  if (!document.version_before && !options.reason.empty()) reasons.emplace("", options.reason);
}

// Nobody shall believe that a reason was given which no signer will read.
Result<void> require_all_reasons_given(const SigningRequest& request, const CreateOptions& options) {
  for (const auto& reason : options.reasons) {
    const std::string& place = reason.first;
    const bool given = std::ranges::any_of(request.documents,
                                           [&](const RequestedDocument& one) { return one.reasons.contains(place); });
    if (!given) {
      return Error{ErrorCode::kUsage, "--reason " + printable(place, 80) + "=...: nothing changes there",
                   "places are in the \"changes\" of request create --json --dry-run"};
    }
  }
  return {};
}

Result<void> require_policy(const Review& review) {
  if (!review.refused()) return {};
  std::string findings;
  for (const ReviewedDocument& one : review.documents) {
    if (one.judgement.refused()) {
      findings += "\n" + printable(one.review.role, 80) + ":\n" + describe(one.judgement);
    }
  }
  return Error{ErrorCode::kPolicy, "the policy refuses this; no request was made" + findings,
               "tenon-keyctl policy explain RULE says why and what to do"};
}

}  // namespace

Result<CreatedRequest> create_request(Home& home, const CreateOptions& options, metadata::UtcTime now) {
  SigningRequest request{options.repository, now, now.plus_seconds(options.valid_days * kSecondsPerDay), false, {}};
  request.rehearsal = options.rehearsal;
  request.nonce = options.nonce;
  for (const DraftFile& draft : options.drafts) {
    TENON_TRY(RequestedDocument document, read_draft(draft, options));
    request.documents.push_back(std::move(document));
  }
  TENON_TRY(const Memory memory, memory_for(home, request));
  TENON_TRY_VOID(carry_roots(request, memory, options));
  TENON_TRY_VOID(carry_releases(request, options.target_folders));
  if (options.policy) {
    TENON_TRY(request.policy, read_text(*options.policy));
  } else if (memory.policy) {
    request.policy = as_text(*memory.policy);
  }
  for (const fs::path& path : options.key_files) {
    TENON_TRY(const hsm::KeyFile file, hsm::read_key_file(path));
    request.keys.push_back(file.to_json());
  }

  // The coordinator's memory has no marks of its own: what others signed is theirs to remember.
  ReviewContext context{{memory.root, memory.policy, {}}, now};
  context.audit_log_intact = home.read_log().has_value();
  TENON_TRY(const Review first_look, review_request(request, context));
  request.policy_sha256 = first_look.policy_payload;
  for (std::size_t i = 0; i < request.documents.size(); ++i) {
    give_reasons(request.documents[i], first_look.documents[i].review, options);
  }
  TENON_TRY_VOID(require_all_reasons_given(request, options));
  TENON_TRY(const SigningRequest as_read, SigningRequest::parse(as_bytes(request.to_text())));
  TENON_TRY(const Review review, review_request(as_read, context));
  TENON_TRY_VOID(require_policy(review));
  json::Object data;
  data.set("repository", options.repository.text());
  data.set("request", as_read.id().hex());
  data.set("safety_code", review.code.line());
  TENON_TRY_VOID(home.audit().append("requested", std::move(data), now));
  return CreatedRequest{as_read, describe_review(review)};
}

}  // namespace tenon::keyctl
