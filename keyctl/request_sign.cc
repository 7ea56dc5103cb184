#include <tenon/keyctl/judgement_text.h>
#include <tenon/keyctl/request_sign.h>
#include <tenon/metadata/utf8.h>

#include <algorithm>
#include <set>

namespace tenon::keyctl {
namespace {

using policies::MadeSignature;
using policies::SigningRequest;
using policies::SigningResponse;

json::Object audit_data(const Review& review) {
  json::Array documents;
  for (const ReviewedDocument& one : review.documents) {
    json::Object document;
    document.set("role", printable(one.review.role, 255));
    document.set("version", one.review.version.value());
    document.set("payload_sha256", one.review.payload_sha256().hex());
    documents.emplace_back(std::move(document));
  }
  json::Object data;
  data.set("repository", review.request.repository.text());
  data.set("request", review.request.id().hex());
  data.set("documents", std::move(documents));
  data.set("policy_sha256", review.policy_payload.hex());
  data.set("safety_code", review.code.line());
  if (review.request.rehearsal) data.set("rehearsal", true);
  std::set<std::string> waived;  // each once: a request with 50,000 findings must not fill the log
  std::set<std::string> broken;
  for (const ReviewedDocument& one : review.documents) {
    for (const policies::Finding& finding : one.judgement.findings) {
      (finding.waiver ? waived : broken).insert(finding.rule);
    }
  }
  if (!waived.empty()) data.set("waived", json::Array(waived.begin(), waived.end()));
  if (!broken.empty()) data.set("broken", json::Array(broken.begin(), broken.end()));
  return data;
}

// What a review was built on is worth remembering once somebody signed because of it.
Memory with_what_is_trusted(Memory memory, const Review& review) {
  if (review.root) memory.root = review.root->file;
  if (review.policy_before) memory.policy = review.policy_before->file;
  return memory;
}

struct Task {
  const SigningKey* key;
  const DocumentReview* document;
  Holders::Listed listed;
  std::string holders;  // "the old root and the new root"
};

// Who signs what: every key for every document in which it stands.
std::vector<Task> plan(const Review& review, const SigningOrder& order) {
  std::vector<Task> tasks;
  for (const ReviewedDocument& one : review.documents) {
    for (const SigningKey& key : order.keys) {
      std::optional<Task> task;
      for (const Holders& holders : one.review.holders) {
        const std::optional<Holders::Listed> listed = holders.listed(key.public_key);
        if (!listed) continue;
        if (task && task->listed.keyid == listed->keyid) {
          task->holders += " and " + holders.name;
          continue;
        }
        if (task) tasks.push_back(*task);  // one key under two keyids signs under both
        task = Task{&key, &one.review, *listed, holders.name};
      }
      if (task) tasks.push_back(*std::move(task));
    }
  }
  return tasks;
}

Error nobody_may_sign(const Review& review, const SigningOrder& order) {
  std::string who;
  for (const ReviewedDocument& one : review.documents) {
    for (const Holders& holders : one.review.holders) {
      for (const metadata::KeyId& keyid : holders.role.keyids) {
        const auto key = holders.keys.find(keyid);
        const std::string label = review.label(keyid, key == holders.keys.end() ? nullptr : &key->second);
        if (who.find(label) == std::string::npos) who += (who.empty() ? "" : ", ") + label;
      }
    }
  }
  return Error{ErrorCode::kPolicy, "key " + printable(order.keys.front().name) + " may sign nothing of this request",
               "these may: " + who};
}

Result<void> require_all_keys_used(const Review& review, const SigningOrder& order, const std::vector<Task>& tasks) {
  if (tasks.empty()) return nobody_may_sign(review, order);
  for (const SigningKey& key : order.keys) {
    if (std::ranges::any_of(tasks, [&](const Task& task) { return task.key == &key; })) continue;
    return Error{ErrorCode::kPolicy, "key " + printable(key.name) + " may sign nothing of this request",
                 "leave it out, or look whether it is the right key"};
  }
  return {};
}

Result<void> require_policy(const Review& review, const SigningOrder& order) {
  std::string refusals;
  for (const ReviewedDocument& one : review.documents) {
    if (one.judgement.refused()) {
      refusals += "\n" + printable(one.review.role, 255) + ":\n" + describe(one.judgement);
    }
  }
  if (!refusals.empty()) {
    return Error{ErrorCode::kPolicy, "the policy refuses this request; nothing was signed" + refusals,
                 "tenon-keyctl policy explain RULE says why and what to do"};
  }
  const std::vector<std::string> open = review.unacknowledged(order.acknowledged);
  if (open.empty()) return {};
  std::string flags;
  for (const std::string& id : open) flags += " --ack " + id;
  return Error{ErrorCode::kPolicy, "the policy warns, and nobody has said that this is meant; nothing was signed",
               "if it is, sign with" + flags};
}

std::string describe_tasks(const std::vector<Task>& tasks) {
  std::string text = "You sign\n";
  for (const Task& task : tasks) {
    text += "  " + printable(task.document->role, 255) + " " + std::to_string(task.document->version.value()) +
            " with " + printable(task.key->name) + ", key " + printable(task.listed.keyid.brief()) + ", for " +
            task.holders + "\n";
  }
  return text;
}

bool names_a_key_of(const json::Object& data, const std::vector<Task>& tasks) {
  const json::Value* keyids = data.find("keyids");
  const json::Array* list = keyids == nullptr ? nullptr : keyids->array();
  return list != nullptr && std::ranges::any_of(tasks, [&](const Task& task) {
           return std::ranges::count(*list, json::Value(printable(task.listed.keyid.text(), 128))) > 0;
         });
}

bool signed_with_a_key_of(const AuditEntry& entry, const std::vector<Task>& tasks) {
  const json::Value* keys = entry.event == "signed" ? entry.data.find("keys") : nullptr;
  const json::Array* list = keys == nullptr ? nullptr : keys->array();
  if (list == nullptr) return entry.event == "signed" && names_a_key_of(entry.data, tasks);
  return std::ranges::any_of(tasks, [&](const Task& task) {
    return std::ranges::count(*list, json::Value(task.key->public_key.hash_keyid().text())) > 0;
  });
}

bool lists_a_key_of(const metadata::Root& root, const std::vector<Task>& tasks) {
  return std::ranges::any_of(root.keys, [&](const auto& listed) {
    return std::ranges::any_of(tasks, [&](const Task& task) {
      return listed.second.material() && listed.second.material() == task.key->public_key.material();
    });
  });
}

// A policy or a role that came out of a rehearsal bears no mark: with the signature of a key that counts it would count.
Result<void> require_keys_apart(const Home& home, const AuditState& log, const Review& review,
                                const std::vector<Task>& tasks) {
  const bool rehearsal = review.request.rehearsal;
  bool mixed = std::ranges::any_of(log.entries, [&](const AuditEntry& entry) {
    return signed_with_a_key_of(entry, tasks) && (entry.data.find("rehearsal") != nullptr) != rehearsal;
  });
  TENON_TRY(const Memory other, home.recall({review.request.repository, !rehearsal}));
  if (other.root) {
    TENON_TRY(const metadata::Authentic<metadata::Root> root, metadata::embedded_root(*other.root));
    mixed = mixed || lists_a_key_of(root.value(), tasks);
  }
  if (!mixed) return {};
  return Error{ErrorCode::kPolicy,
               rehearsal ? "a key that signs what is meant signs no rehearsal"
                         : "a key that was in a rehearsal signs nothing that is meant",
               "make a key of its own for rehearsals, and destroy it afterwards"};
}

// A signed root does not say whose it is: a request under another name could have a key sign what counts elsewhere.
std::string describe_other_repositories(const AuditState& log, const Review& review, const std::vector<Task>& tasks) {
  std::set<std::string> others;
  for (const AuditEntry& entry : log.entries) {
    const json::Value* repository = entry.data.find("repository");
    if (entry.event != "signed" || repository == nullptr || !names_a_key_of(entry.data, tasks)) continue;
    if (repository->string() != nullptr && *repository->string() != review.request.repository.text()) {
      others.insert(printable(*repository->string(), 80));
    }
  }
  std::string text;
  for (const std::string& other : others) {
    text += "WARNING: with this key you have signed for " + other +
            ". A signature says of no repository that it is for it: what you sign now counts there too.\n";
  }
  return text;
}

Result<std::vector<MadeSignature>> sign_all(const std::vector<Task>& tasks, const SigningOrder& order) {
  std::vector<MadeSignature> made;
  for (const SigningKey& key : order.keys) {
    TENON_TRY(const std::unique_ptr<hsm::Signer> signer, key.open());
    for (const Task& task : tasks) {
      if (task.key != &key) continue;
      TENON_TRY(const metadata::Envelope envelope,
                hsm::add_signature(task.document->draft, task.listed.keyid, task.listed.key, *signer)
                    .with_context(printable(key.name)));
      made.push_back({task.document->role, task.document->payload_sha256(), envelope.signatures().front()});
    }
  }
  return made;
}

// A request that cannot even be reviewed is worth a line: it may be the only trace of a second root of one version.
Result<Review> review_and_log(Home& home, SigningRequest request, const ReviewContext& context) {
  json::Object data;
  data.set("repository", request.repository.text());
  data.set("request", request.id().hex());
  Result<Review> review = review_request(std::move(request), context);
  if (review) {
    TENON_TRY_VOID(home.audit().append("shown", audit_data(*review), context.now));
    return review;
  }
  data.set("error", std::string(to_string(review.error().code)));
  data.set("reason", printable(review.error().message, 1024));
  TENON_TRY_VOID(home.audit().append("refused", std::move(data), context.now));
  return review;
}

}  // namespace

Result<Report> show_request(Home& home, SigningRequest request, ReviewContext context) {
  context.audit_log_intact = home.read_log().has_value();
  TENON_TRY(context.memory, memory_for(home, request));
  TENON_TRY(const Review review, review_and_log(home, std::move(request), context));
  Report report = describe_review(review);
  if (review.refused()) report.status = ExitStatus::kRefused;
  return report;
}

Result<Signed> sign_request(Home& home, SigningRequest request, ReviewContext context, const SigningOrder& order,
                            const Confirm& confirm) {
  const Result<AuditState> log = home.read_log();
  context.audit_log_intact = log.has_value();
  TENON_TRY(context.memory, memory_for(home, request));
  TENON_TRY(const Review review, review_and_log(home, std::move(request), context));
  if (auto allowed = require_policy(review, order); !allowed) {
    TENON_TRY_VOID(home.audit().append("refused", audit_data(review), context.now));
    return std::move(allowed).error();
  }
  const std::vector<Task> tasks = plan(review, order);
  TENON_TRY_VOID(require_all_keys_used(review, order, tasks));
  if (review.request.rehearsal && !log) return log.error();
  if (auto apart = require_keys_apart(home, log ? *log : AuditState(), review, tasks); !apart) {
    TENON_TRY_VOID(home.audit().append("refused", audit_data(review), context.now));
    return std::move(apart).error();
  }
  Report report = describe_review(review);
  report.text += describe_tasks(tasks);
  if (log) report.text += describe_other_repositories(*log, review, tasks);
  if (auto confirmed = confirm({"sign", report.text, review.words()}); !confirmed) {
    TENON_TRY_VOID(home.audit().append("declined", audit_data(review), context.now));
    return std::move(confirmed).error();
  }
  Result<std::vector<MadeSignature>> made = sign_all(tasks, order);
  if (!made) {
    TENON_TRY_VOID(home.audit().append("failed", audit_data(review), context.now));
    return std::move(made).error();
  }

  Memory memory = with_what_is_trusted(context.memory, review);
  for (const Task& task : tasks) {
    memory.marks[task.document->role] = {task.document->version.value(), task.document->payload_sha256()};
  }
  TENON_TRY_VOID(home.remember(subject_of(review.request), memory));
  json::Object data = audit_data(review);
  json::Array keyids;
  for (const MadeSignature& one : *made) keyids.emplace_back(printable(one.signature.keyid.text(), 128));
  data.set("keyids", std::move(keyids));
  json::Array keys;
  for (const SigningKey& key : order.keys) keys.emplace_back(key.public_key.hash_keyid().text());
  data.set("keys", std::move(keys));
  json::Array acknowledged(order.acknowledged.begin(), order.acknowledged.end());
  if (!acknowledged.empty()) data.set("acknowledged", std::move(acknowledged));
  TENON_TRY_VOID(home.audit().append("signed", std::move(data), context.now));
  SigningResponse response{review.request.id(), context.now, order.tool, *std::move(made)};
  return Signed{std::move(response), std::move(report), review.words()};
}

Result<Report> forget_mark(Home& home, const Forget& forget, metadata::UtcTime now) {
  TENON_TRY(Memory memory, home.recall(forget.repository));
  const auto mark = memory.marks.find(forget.role);
  if (mark == memory.marks.end()) {
    return Error{ErrorCode::kUsage, "nothing of role " + printable(forget.role, 80) + " of " +
                                        forget.repository.text() + " was signed here"};
  }
  json::Object data;
  data.set("repository", forget.repository.text());
  data.set("role", printable(forget.role, 255));
  data.set("version", mark->second.version);
  data.set("payload_sha256", mark->second.payload.hex());
  data.set("reason", printable(forget.reason, 1024));
  TENON_TRY_VOID(home.audit().append("forgotten", data, now));
  const std::int64_t version = mark->second.version;
  // The version before stays refused: only another draft of this one may follow.
  if (version == 1) {
    memory.marks.erase(mark);
  } else {
    mark->second = {version - 1, Sha256()};
  }
  TENON_TRY_VOID(home.remember(forget.repository, memory));
  return Report{"another " + printable(forget.role, 255) + " " + std::to_string(version) + " may be signed here now\n",
                std::move(data)};
}

}  // namespace tenon::keyctl
