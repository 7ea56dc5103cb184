#include <tenon/metadata/utf8.h>
#include <tenon/repo_tools/publish_policy.h>
#include <tenon/repo_tools/role_tree.h>
#include <tenon/repo_tools/signing.h>

#include <algorithm>
#include <map>
#include <set>

namespace tenon::repo_tools {
namespace {

using metadata::Envelope;
using metadata::MetaEntry;
using metadata::Snapshot;
using metadata::Timestamp;
using metadata::UtcTime;

MetaEntry pin_of(metadata::Version version, const metadata::FileIdentity& file) {
  return {version, file.length, metadata::Hashes{file.sha256, std::nullopt}};
}

// One role with what was decided for it: which keys sign, and how it stands.
struct Work {
  RoleStatus status;
  MetaEntry pin;  // of its file as it will be published: one that others signed is kept as they wrote it
  std::vector<std::pair<std::size_t, metadata::KeyId>> signing = {};  // the signers, by their places
};

// Session is one call. What may not be signed is found before anything is; targets roles, of which there may be very many,
// are then taken one after the other.
class Session {
 public:
  // start Pre: the tree knows the roles that will be signed.
  static Result<Session> start(const Repository& repository, RoleTree tree, Signers signers,
                               std::optional<Days> expires_in, UtcTime now) {
    TENON_TRY(OnlineOnly rule, OnlineOnly::of(repository));
    return Session(repository, std::move(tree), std::move(rule), signers, expires_in, now);
  }

  // Takes in the drafts. Errors: for a key that may not sign what it would have to.
  Result<void> load_staged() {
    for (const RoleId& role : tree_.staged_roles()) {
      TENON_TRY(std::optional<Envelope> envelope, repository_->staged(role));
      if (role.lists_targets()) {
        TENON_TRY_VOID(check_version_is_free(role, *envelope));
        TENON_TRY(Work work, prepare(role, *envelope));
        work_.insert_or_assign(role, std::move(work));
      } else {
        online_.insert_or_assign(role, *std::move(envelope));
      }
    }
    return {};
  }

  Result<bool> sign_targets_roles(FileWriter& writer) {
    bool all_complete = true;
    ManyFiles many(writer);
    for (auto& [role, work] : work_) {
      if (!work.signing.empty()) {
        TENON_TRY(const std::optional<Envelope> envelope, repository_->staged(role));
        TENON_TRY(const SignedDraft signed_one, add_signatures(role, *envelope, work));
        TENON_TRY_VOID(writer.put(repository_->draft(role.draft_name()), as_bytes(signed_one.text)));
      }
      all_complete = all_complete && work.status.complete();
    }
    TENON_TRY_VOID(many.finish());
    return all_complete;
  }

  // Signs what was drafted here or before. Gives whether it is complete now.
  Result<bool> sign_online(const RoleId& role) {
    Envelope& envelope = online_.at(role);
    TENON_TRY(Work work, prepare(role, envelope));
    if (!work.signing.empty()) {
      TENON_TRY(SignedDraft signed_one, add_signatures(role, envelope, work));
      envelope = std::move(signed_one.envelope);
      changed_.insert(role);
    }
    const bool complete = work.status.complete();
    work_.insert_or_assign(role, std::move(work));
    return complete;
  }

  // The snapshot of what is published with what is staged in its place. What was listed once stays listed: a client
  // that knows the role refuses a snapshot without it.
  Result<Snapshot> wanted_snapshot() const {
    Snapshot snapshot;
    TENON_TRY(const std::shared_ptr<const PublishedState> published, repository_->published_state());
    if (published) snapshot = published->snapshot;
    for (const auto& [role, work] : work_) {
      if (role.lists_targets()) snapshot.meta.insert_or_assign(role.meta_name(), work.pin);
    }
    return snapshot;
  }

  // Drafts a snapshot unless the staged one is the same, of the right version and not expired.
  Result<void> draft_snapshot() {
    TENON_TRY(Snapshot wanted, wanted_snapshot());
    TENON_TRY(wanted.header.version, repository_->next_version(RoleId::snapshot()));
    if (const auto at = online_.find(RoleId::snapshot()); at != online_.end()) {
      TENON_TRY(const Snapshot there, Snapshot::parse(at->second.signed_part()));
      if (there.meta == wanted.meta && there.header.version == wanted.header.version && there.header.expires > now_) {
        return {};
      }
    }
    wanted.header.expires = expiry_of(RoleId::snapshot());
    draft(RoleId::snapshot(), wanted.to_json());
    return {};
  }

  Result<void> draft_timestamp(const MetaEntry& pin) {
    Timestamp wanted;
    TENON_TRY(const std::shared_ptr<const PublishedState> published, repository_->published_state());
    if (published) wanted = published->timestamp;
    TENON_TRY(wanted.header.version, repository_->next_version(RoleId::timestamp()));
    wanted.snapshot = pin;
    if (const auto at = online_.find(RoleId::timestamp()); at != online_.end()) {
      TENON_TRY(const Timestamp there, Timestamp::parse(at->second.signed_part()));
      if (there.snapshot == pin && there.header.version == wanted.header.version && there.header.expires > now_) {
        return {};
      }
    }
    wanted.header.expires = expiry_of(RoleId::timestamp());
    wanted.issued = now_;
    draft(RoleId::timestamp(), wanted.to_json());
    return {};
  }

  // Pre: the snapshot was signed here.
  const MetaEntry& pin_of_snapshot() const { return work_.at(RoleId::snapshot()).pin; }
  const Envelope& envelope(const RoleId& role) const { return online_.at(role); }
  UtcTime expiry_of(const RoleId& role) const {
    return expires_in_.value_or(repository_->settings().expiry.of(role)).after(now_);
  }

  Result<void> save_online(FileWriter& writer) const {
    for (const RoleId& role : changed_) {
      TENON_TRY_VOID(writer.put(repository_->draft(role.draft_name()), as_bytes(online_.at(role).to_text())));
    }
    return {};
  }

  Result<SignReport> report() const {
    SignReport report{{}, added_, static_cast<std::size_t>(std::ranges::count(used_, false))};
    for (const auto& [role, work] : work_) report.roles.push_back(work.status);
    for (const auto& [role, envelope] : online_) {
      if (work_.contains(role)) continue;
      TENON_TRY(RoleStatus status, status_with(role, envelope));
      report.roles.push_back(std::move(status));
    }
    std::ranges::sort(report.roles, {}, &RoleStatus::role);
    return report;
  }

 private:
  Session(const Repository& repository, RoleTree tree, OnlineOnly rule, Signers signers, std::optional<Days> expires_in,
          UtcTime now)
      : repository_(&repository),
        tree_(std::move(tree)),
        rule_(std::move(rule)),
        signers_(signers),
        expires_in_(expires_in),
        now_(now),
        used_(signers.size()) {}

  Result<RoleStatus> status_with(const RoleId& role, const Envelope& envelope) const {
    TENON_TRY(const Signatories signatories, tree_.signatories(role));
    return status_of(role, envelope, signatories, true);
  }

  // Which of the keys are still missing on a draft.
  Result<Work> prepare(const RoleId& role, const Envelope& envelope) {
    TENON_TRY(const Signatories signatories, tree_.signatories(role));
    TENON_TRY(RoleStatus status, status_of(role, envelope, signatories, true));
    const metadata::Version version = status.version;
    Work work{std::move(status), pin_of(version, envelope.identity())};
    for (std::size_t i = 0; i < signers_.size(); ++i) {
      for (const metadata::KeyId& keyid : signatories.role.keyids) {
        const auto key = signatories.keys.find(keyid);
        if (key == signatories.keys.end() || !key->second.material() ||
            key->second.material() != signers_[i]->public_key().material()) {
          continue;
        }
        used_[i] = true;
        const bool is_missing = std::ranges::find(work.status.missing, keyid) != work.status.missing.end();
        if (is_missing) work.signing.emplace_back(i, keyid);
      }
    }
    if (work.signing.empty()) return work;
    TENON_TRY_VOID(rule_.check(role));
    if (work.status.expires > now_) return work;
    return Error{ErrorCode::kExpired, printable(role.text()) + " v" + std::to_string(version.value()) +
                                          ": the draft expired " + work.status.expires.text()}
        .with_hint("draft it again: tenon-repo renew --role " + printable(role.text()));
  }

  // A version stands for one content for ever: what is public under it must be what is signed here.
  Result<void> check_version_is_free(const RoleId& role, const Envelope& draft) const {
    TENON_TRY(const metadata::RoleHeader header, header_of(draft, role));
    const std::string name = role.public_name(header.version);
    TENON_TRY(const std::optional<Bytes> file,
              read_if_there(repository_->public_metadata(name), metadata::Limits{}.listed_bytes));
    if (!file) return {};
    TENON_TRY(const Envelope there, Envelope::parse(*file, file->size()).with_context(printable(name)));
    if (std::ranges::equal(there.signed_bytes(), draft.signed_bytes())) return {};
    return Error{ErrorCode::kPolicy, "another " + printable(role.text()) + " v" +
                                         std::to_string(header.version.value()) +
                                         " was published since this one was drafted"}
        .with_hint("draft it again from what is published now");
  }

  struct SignedDraft {
    Envelope envelope;
    std::string text;
  };
  Result<SignedDraft> add_signatures(const RoleId& role, Envelope envelope, Work& work) {
    TENON_TRY(const Signatories signatories, tree_.signatories(role));
    for (const auto& [signer, keyid] : work.signing) {
      TENON_TRY(envelope, hsm::add_signature(envelope, keyid, signatories.keys.at(keyid), *signers_[signer]));
      ++added_;
    }
    TENON_TRY(work.status, status_of(role, envelope, signatories, true));
    std::string text = envelope.to_text();
    work.pin = pin_of(work.status.version, metadata::FileIdentity::of(as_bytes(text)));
    return SignedDraft{std::move(envelope), std::move(text)};
  }

  void draft(const RoleId& role, json::Value signed_part) {
    online_.insert_or_assign(role, Envelope::unsigned_of(std::move(signed_part)));
    changed_.insert(role);
  }

  const Repository* repository_;
  RoleTree tree_;
  OnlineOnly rule_;
  Signers signers_;
  std::optional<Days> expires_in_;
  UtcTime now_;
  std::map<RoleId, Work> work_;
  std::map<RoleId, Envelope> online_;  // snapshot and timestamp, as they are drafted
  std::set<RoleId> changed_;           // of these
  std::vector<bool> used_;
  std::size_t added_ = 0;
};

constexpr std::int64_t kHourSeconds = 3600;          // two machines' clocks may differ by that
constexpr std::int64_t kPauseSeconds = 30 * 86'400;  // who has not published for longer than this can say so

}  // namespace

Result<void> check_clock(const Repository& repository, UtcTime now) {
  TENON_TRY(const std::shared_ptr<const PublishedState> published, repository.published_state());
  if (!published) return {};
  const Timestamp& last = published->timestamp;
  if (last.issued && now.plus_seconds(kHourSeconds) < *last.issued) {
    return Error{ErrorCode::kPolicy, "this machine's clock says " + now.text() +
                                         ", but the published timestamp was issued later, at " + last.issued->text()}
        .with_hint("set the clock");
  }
  if (now <= last.header.expires.plus_seconds(kPauseSeconds)) return {};
  return Error{ErrorCode::kPolicy, "this machine's clock says " + now.text() +
                                       ", long after the published timestamp expired, at " + last.header.expires.text()}
      .with_hint("set the clock; if nothing was published for so long, say --clock-is-right");
}

Result<SignReport> sign_staged(const Repository& repository, FileWriter& writer, Signers signers,
                               std::optional<Days> expires_in, UtcTime now) {
  TENON_TRY(RoleTree tree, RoleTree::read(repository));
  TENON_TRY(Session session, Session::start(repository, std::move(tree), signers, expires_in, now));
  TENON_TRY_VOID(session.load_staged());
  TENON_TRY(SignReport before, session.report());
  if (before.roles.empty()) return before;
  TENON_TRY(bool complete, session.sign_targets_roles(writer));
  if (complete) {
    TENON_TRY_VOID(session.draft_snapshot());
    TENON_TRY(complete, session.sign_online(RoleId::snapshot()));
  }
  if (complete) {
    TENON_TRY_VOID(session.draft_timestamp(session.pin_of_snapshot()));
    TENON_TRY(complete, session.sign_online(RoleId::timestamp()));
  }
  TENON_TRY_VOID(session.save_online(writer));
  TENON_TRY(SignReport report, session.report());
  for (const RoleStatus& status : report.roles) {
    if (Result<void> role = require_complete(status); !role) report.blockers.push_back(role.error().message);
  }
  TENON_CHECK(complete == report.complete());
  return report;
}

Result<OnlineRoles> sign_online(const Repository& repository, Signers signers, std::optional<Days> expires_in,
                                UtcTime now) {
  TENON_TRY(const std::shared_ptr<const PublishedState> published, repository.published_state());
  if (!published) {
    return Error{ErrorCode::kUsage, "nothing is published yet"}.with_hint("sign what is staged, then publish it");
  }
  TENON_TRY(RoleTree top, RoleTree::read_top(repository));  // the daily job must not depend on what is staged
  TENON_TRY(Session session, Session::start(repository, std::move(top), signers, expires_in, now));
  const metadata::RoleHeader& snapshot = published->snapshot.header;
  // A client that comes at the end of the timestamp's life must still find a valid snapshot.
  const bool renew_snapshot = snapshot.expires <= session.expiry_of(RoleId::timestamp());
  MetaEntry pin = pin_of(snapshot.version, published->snapshot_file);
  if (renew_snapshot) {
    TENON_TRY_VOID(session.draft_snapshot());
    TENON_TRY_VOID(session.sign_online(RoleId::snapshot()));
    pin = session.pin_of_snapshot();
  }
  TENON_TRY_VOID(session.draft_timestamp(pin));
  TENON_TRY_VOID(session.sign_online(RoleId::timestamp()));
  TENON_TRY(const SignReport report, session.report());
  for (const RoleStatus& status : report.roles) TENON_TRY_VOID(require_complete(status));
  return OnlineRoles{renew_snapshot ? std::optional(session.envelope(RoleId::snapshot())) : std::nullopt,
                     session.envelope(RoleId::timestamp())};
}

}  // namespace tenon::repo_tools
