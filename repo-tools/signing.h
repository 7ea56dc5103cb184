// Signing what is staged. Roles are signed from those that are pinned to those that pin: targets, delegated roles, then
// a snapshot of them, then a timestamp of that. Works in one call with all keys, or in several by different people:
// each call goes as far as its keys allow.
#pragma once

#include <tenon/hsm/signer.h>
#include <tenon/repo_tools/file_writer.h>
#include <tenon/repo_tools/role_status.h>

#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace tenon::repo_tools {

using Signers = std::span<const std::unique_ptr<hsm::Signer>>;

struct SignReport {
  std::vector<RoleStatus> roles;  // all that is staged
  std::size_t signatures_added = 0;
  std::size_t idle_keys = 0;               // keys that no staged role waits for
  std::vector<std::string> blockers = {};  // empty when everything staged is complete

  bool complete() const { return blockers.empty(); }
};

// check_clock compares the machine's clock with what is published, before a time is signed: devices never go behind an issue
// time that they have accepted, so that one from a clock far ahead makes all later metadata look expired to them.
// Errors: E_POLICY when the clock stands before the published timestamp was issued, or long after it has expired.
Result<void> check_clock(const Repository& repository, metadata::UtcTime now);

// sign_staged adds the signatures of the given keys to every staged role that lists them. Once all targets roles are
// complete it drafts the snapshot, and once that is complete the timestamp; a draft of these that still fits is kept.
// expires_in is for what is drafted here. Errors: E_POLICY for a key of a role that the policy of a repository for
// production has signed offline; E_EXPIRED for a draft that expired before it was signed; those of hsm
// and Repository. What may not be signed is found before anything is; where a key fails later, or the disk, the drafts keep
// the signatures that they have, and the call can be repeated.
Result<SignReport> sign_staged(const Repository& repository, FileWriter& writer, Signers signers,
                               std::optional<Days> expires_in, metadata::UtcTime now);

// OnlineRoles are a new timestamp and, if the published one expires soon, a new snapshot, complete and not written yet.
struct OnlineRoles {
  std::optional<metadata::Envelope> snapshot = {};
  metadata::Envelope timestamp;
};

// sign_online is for the daily job: it renews what is published and leaves what is staged alone.
// Errors: E_USAGE when nothing is published; E_SIG when the keys are not enough.
Result<OnlineRoles> sign_online(const Repository& repository, Signers signers, std::optional<Days> expires_in,
                                metadata::UtcTime now);

}  // namespace tenon::repo_tools
