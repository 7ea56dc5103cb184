// Which release is ours: from a trusted repository through the channel to the signed release, over the bridges to it
// that this device needs, and the decision on the one that comes next.
#pragma once

#include <tenon/client/updater/moment.h>
#include <tenon/client/updater/repository_client.h>
#include <tenon/policies/device_rules.h>

namespace tenon::client {

// FoundChannel is the channel document that this device follows, as it was found and checked.
struct FoundChannel {
  policies::Channel channel;
  metadata::UtcTime valid_until;
};

// Selection is the release that comes next: the one that the channel names, or a bridge to it; and what the device's
// rules say of it.
struct Selection {
  policies::Channel channel;
  policies::Trip trip;
  policies::Release release;      // trip.next()
  Sha256 release_digest;          // of release.json: it names the update
  policies::Decision wanted;      // whatever the moment
  policies::Decision decision;    // of the next step, now
  bool may_write;                 // it is not all written yet, and may be now
  metadata::UtcTime valid_until;  // the first moment at which a role that chose it is expired

  bool is_bridge() const { return release_digest != channel.release_sha256; }
};

// find_channel Errors: E_NET, E_MISMATCH, E_PARSE, E_POLICY, E_ROLLBACK and the other E_* of a search.
Result<FoundChannel> find_channel(RepositoryClient& client, const TrustedRepository& repository,
                                  const policies::DeviceFacts& facts, const metadata::Rules& rules);

// select_release finds the release that the channel names and the bridges to it, checks all, and asks the device's
// rules. written: the release that lies in the other slots, whole.
// Errors: E_NET, E_MISMATCH, E_PARSE, E_POLICY and the other E_* of a search; E_POLICY for a bridge that nobody vouches for or
// that does not lead there, E_LIMIT for too many.
Result<Selection> select_release(RepositoryClient& client, const TrustedRepository& repository, FoundChannel found,
                                 const policies::DeviceFacts& facts, const metadata::Rules& rules,
                                 const std::optional<Sha256>& written);

}  // namespace tenon::client
