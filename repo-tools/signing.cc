#include <tenon/metadata/utf8.h>
#include <tenon/repo_tools/publish_policy.h>
#include <tenon/repo_tools/signing.h>

#include <algorithm>
#include <map>

namespace tenon::repo_tools {
namespace {

using metadata::Envelope;
using metadata::MetaEntry;
using metadata::Snapshot;
using metadata::Timestamp;
using metadata::UtcTime;

struct Work {
  Envelope envelope;
  bool changed = false;
  bool staged = true;

  // The bytes as they will be published: a file that others signed is kept as they wrote it.
  metadata::FileIdentity identity() const {
    return changed ? metadata::FileIdentity::of(as_bytes(envelope.to_text())) : envelope.identity();
  }
};

MetaEntry pin_of(metadata::Version version, const metadata::FileIdentity& file) {
  return {version, file.length, metadata::Hashes{file.sha256, std::nullopt}};
}

// Session is one call: the drafts in memory, written only when everything went well.
class Session {
 public:
  Session(const Repository& repository, OnlineOnly rule, Signers signers, std::optional<Days> expires_in, UtcTime now)
      : repository_(&repository),
        rule_(std::move(rule)),
        signers_(signers),
        expires_in_(expires_in),
        now_(now),
        used_(signers.size()) {}

  Result<void> load_staged() {
    TENON_TRY(const std::vector<RoleId> roles, repository_->staged_roles());
    for (const RoleId& role : roles) {
      TENON_TRY(const std::optional<Envelope> envelope, repository_->staged(role));
      work_.insert_or_assign(role, Work{*envelope});
    }
    return {};
  }

  // Gives whether the role is complete now.
  Result<bool> sign(const RoleId& role) {
    Work& work = work_.at(role);
    TENON_TRY(const Signatories signatories, repository_->signatories(role));
    TENON_TRY(const RoleStatus before, status_of(role, work.envelope, signatories, true));
    for (std::size_t i = 0; i < signers_.size(); ++i) {
      for (const metadata::KeyId& keyid : signatories.role.keyids) {
        const auto key = signatories.keys.find(keyid);
        if (key == signatories.keys.end() || !key->second.material() ||
            key->second.material() != signers_[i]->public_key().material()) {
          continue;
        }
        used_[i] = true;
        if (std::ranges::find(before.missing, keyid) == before.missing.end()) continue;
        TENON_TRY_VOID(rule_.check(role));
        if (before.expires <= now_) {
          return Error{ErrorCode::kExpired, role.text() + " v" + std::to_string(before.version.value()) +
                                                ": the draft expired " + before.expires.text()}
              .with_hint("draft it again: tenon-repo renew --role " + role.text());
        }
        TENON_TRY(work.envelope, hsm::add_signature(work.envelope, keyid, key->second, *signers_[i]));
        work.changed = true;
        ++added_;
      }
    }
    TENON_TRY(const RoleStatus after, status_of(role, work.envelope, signatories, true));
    return after.complete();
  }

  // A version stands for one content for ever: what is public under it must be what is signed here.
  Result<void> check_version_is_free(const RoleId& role) const {
    const Envelope& draft = work_.at(role).envelope;
    TENON_TRY(const metadata::RoleHeader header, header_of(draft, role));
    const std::string name = role.public_name(header.version);
    TENON_TRY(const std::optional<Bytes> file,
              read_if_there(repository_->public_metadata(name), metadata::Limits{}.listed_bytes));
    if (!file) return {};
    TENON_TRY(const Envelope there, Envelope::parse(*file, file->size()).with_context(name));
    if (std::ranges::equal(there.signed_bytes(), draft.signed_bytes())) return {};
    return Error{ErrorCode::kPolicy, "another " + printable(role.text()) + " v" +
                                         std::to_string(header.version.value()) +
                                         " was published since this one was drafted"}
        .with_hint("draft it again from what is published now");
  }

  Result<bool> sign_targets_roles() {
    bool all_complete = true;
    for (const auto& [role, work] : work_) {
      if (!role.lists_targets()) continue;
      TENON_TRY_VOID(check_version_is_free(role));
      TENON_TRY(const bool complete, sign(role));
      all_complete = all_complete && complete;
    }
    return all_complete;
  }

  // The snapshot of what is published with what is staged in its place. What was listed once stays listed: a client
  // that knows the role refuses a snapshot without it.
  Result<Snapshot> wanted_snapshot() const {
    Snapshot snapshot;
    TENON_TRY(const std::optional<Envelope> published, repository_->published(RoleId::snapshot()));
    if (published) {
      TENON_TRY(snapshot, Snapshot::parse(published->signed_part()));
    }
    for (const auto& [role, work] : work_) {
      if (!role.lists_targets()) continue;
      TENON_TRY(const metadata::RoleHeader header, header_of(work.envelope, role));
      snapshot.meta.insert_or_assign(role.meta_name(), pin_of(header.version, work.identity()));
    }
    return snapshot;
  }

  // Drafts a snapshot unless the staged one is the same, of the right version and not expired.
  Result<void> draft_snapshot() {
    TENON_TRY(Snapshot wanted, wanted_snapshot());
    TENON_TRY(wanted.header.version, repository_->next_version(RoleId::snapshot()));
    if (const auto at = work_.find(RoleId::snapshot()); at != work_.end()) {
      TENON_TRY(const Snapshot there, Snapshot::parse(at->second.envelope.signed_part()));
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
    TENON_TRY(const std::optional<Envelope> published, repository_->published(RoleId::timestamp()));
    if (published) {
      TENON_TRY(wanted, Timestamp::parse(published->signed_part()));
    }
    TENON_TRY(wanted.header.version, repository_->next_version(RoleId::timestamp()));
    wanted.snapshot = pin;
    if (const auto at = work_.find(RoleId::timestamp()); at != work_.end()) {
      TENON_TRY(const Timestamp there, Timestamp::parse(at->second.envelope.signed_part()));
      if (there.snapshot == pin && there.header.version == wanted.header.version && there.header.expires > now_) {
        return {};
      }
    }
    wanted.header.expires = expiry_of(RoleId::timestamp());
    wanted.issued = now_;
    draft(RoleId::timestamp(), wanted.to_json());
    return {};
  }

  Result<MetaEntry> pin_of_snapshot() const {
    const Work& snapshot = work_.at(RoleId::snapshot());
    TENON_TRY(const metadata::RoleHeader header, header_of(snapshot.envelope, RoleId::snapshot()));
    return pin_of(header.version, snapshot.identity());
  }

  void draft(const RoleId& role, json::Value signed_part) {
    work_.insert_or_assign(role, Work{Envelope::unsigned_of(std::move(signed_part)), true});
  }

  bool has(const RoleId& role) const { return work_.contains(role); }
  const Envelope& envelope(const RoleId& role) const { return work_.at(role).envelope; }
  UtcTime expiry_of(const RoleId& role) const {
    return expires_in_.value_or(repository_->settings().expiry.of(role)).after(now_);
  }

  Result<void> save(FileWriter& writer) const {
    for (const auto& [role, work] : work_) {
      if (!work.changed) continue;
      TENON_TRY_VOID(writer.put(repository_->draft(role.draft_name()), as_bytes(work.envelope.to_text())));
    }
    return {};
  }

  Result<SignReport> report() const {
    SignReport report{{}, added_, static_cast<std::size_t>(std::ranges::count(used_, false))};
    for (const auto& [role, work] : work_) {
      TENON_TRY(const Signatories signatories, repository_->signatories(role));
      TENON_TRY(RoleStatus status, status_of(role, work.envelope, signatories, true));
      report.roles.push_back(std::move(status));
    }
    return report;
  }

 private:
  const Repository* repository_;
  OnlineOnly rule_;
  Signers signers_;
  std::optional<Days> expires_in_;
  UtcTime now_;
  std::map<RoleId, Work> work_;
  std::vector<bool> used_;
  std::size_t added_ = 0;
};

}  // namespace

Result<SignReport> sign_staged(const Repository& repository, FileWriter& writer, Signers signers,
                               std::optional<Days> expires_in, UtcTime now) {
  TENON_TRY(OnlineOnly rule, OnlineOnly::of(repository));
  Session session(repository, std::move(rule), signers, expires_in, now);
  TENON_TRY_VOID(session.load_staged());
  TENON_TRY(SignReport before, session.report());
  if (before.roles.empty()) return before;
  TENON_TRY(bool complete, session.sign_targets_roles());
  if (complete) {
    TENON_TRY_VOID(session.draft_snapshot());
    TENON_TRY(complete, session.sign(RoleId::snapshot()));
  }
  if (complete) {
    TENON_TRY(const MetaEntry pin, session.pin_of_snapshot());
    TENON_TRY_VOID(session.draft_timestamp(pin));
    TENON_TRY(complete, session.sign(RoleId::timestamp()));
  }
  TENON_TRY(SignReport report, session.report());
  for (const RoleStatus& status : report.roles) {
    if (Result<void> role = require_complete(status); !role) report.blockers.push_back(role.error().message);
  }
  TENON_CHECK(complete == report.complete());
  TENON_TRY_VOID(session.save(writer));
  return report;
}

Result<OnlineRoles> sign_online(const Repository& repository, Signers signers, std::optional<Days> expires_in,
                                UtcTime now) {
  TENON_TRY(const std::optional<Envelope> published, repository.published(RoleId::snapshot()));
  if (!published) {
    return Error{ErrorCode::kUsage, "nothing is published yet"}.with_hint("sign what is staged, then publish it");
  }
  TENON_TRY(OnlineOnly rule, OnlineOnly::of(repository));
  Session session(repository, std::move(rule), signers, expires_in, now);
  TENON_TRY(const metadata::RoleHeader snapshot, header_of(*published, RoleId::snapshot()));
  // A client that comes at the end of the timestamp's life must still find a valid snapshot.
  const bool renew_snapshot = snapshot.expires <= session.expiry_of(RoleId::timestamp());
  MetaEntry pin = pin_of(snapshot.version, published->identity());
  if (renew_snapshot) {
    TENON_TRY_VOID(session.draft_snapshot());
    TENON_TRY_VOID(session.sign(RoleId::snapshot()));
    TENON_TRY(pin, session.pin_of_snapshot());
  }
  TENON_TRY_VOID(session.draft_timestamp(pin));
  TENON_TRY_VOID(session.sign(RoleId::timestamp()));
  TENON_TRY(const SignReport report, session.report());
  for (const RoleStatus& status : report.roles) TENON_TRY_VOID(require_complete(status));
  return OnlineRoles{renew_snapshot ? std::optional(session.envelope(RoleId::snapshot())) : std::nullopt,
                     session.envelope(RoleId::timestamp())};
}

}  // namespace tenon::repo_tools
