// Which release is ours: from a trusted repository through the channel to the signed release and the decision on it.
#pragma once

#include <tenon/client/updater/repository_client.h>
#include <tenon/policies/device_rules.h>

namespace tenon::client {

// Selection is the release that the channel names, and what the device's rules say of it.
struct Selection {
  policies::Channel channel;
  policies::Release release;
  Sha256 release_digest;  // of release.json: it names the update
  policies::Decision decision;
  metadata::UtcTime valid_until;  // the first moment at which a role that chose it is expired
};

// select_release finds the channel document and the release it names, checks both, and asks the device's rules.
// Errors: E_NET, E_MISMATCH, E_PARSE, E_POLICY, E_ROLLBACK and the other E_* of a search.
Result<Selection> select_release(RepositoryClient& client, const TrustedRepository& repository,
                                 const policies::DeviceFacts& facts, const metadata::Rules& rules);

}  // namespace tenon::client
