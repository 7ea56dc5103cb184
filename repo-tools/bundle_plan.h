// The plan of a bundle: which files of a repository a device needs for what it is to find. It is made by the device's
// own code: whatever that asked for on its way from the first root is in it, and nothing else.
// docs/bundle-format.md
#pragma once

#include <tenon/repo_tools/client_check.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace tenon::repo_tools {

// BundleRequest is what a person asks for: every channel, those of a product, one of them; or single targets.
struct BundleRequest {
  std::optional<policies::Label> product = {};
  std::optional<policies::Label> channel = {};  // of the product
  std::vector<metadata::TargetPath> targets = {};
};

// BundleScope is what a device is to find in a bundle: channels with all that their current releases are installed
// from, and single targets.
struct BundleScope {
  std::vector<metadata::TargetPath> channels = {};  // their documents
  std::vector<metadata::TargetPath> targets = {};
};

// BundledTargets are targets by the member that holds them: "targets/demo/channels/<sha256>.stable.json".
using BundledTargets = std::map<std::string, CheckingClient::Found>;

// targets_in gives what a device fetches. Pre: the client is refreshed. Errors: those of CheckingClient, of
// check_channel_pin and of bridges_to.
Result<BundledTargets> targets_in(CheckingClient& client, const BundleScope& scope);

struct BundlePlan {
  BundleScope scope;
  std::vector<std::pair<std::string, Bytes>> metadata;  // by member, in the order of the bundle, before all targets
  BundledTargets targets;
  metadata::UtcTime valid_until;  // the first moment at which a device refuses it
  std::uint64_t file_bytes = 0;

  std::vector<std::string> members() const;
};

// plan_bundle goes by what is published. Errors: E_USAGE for a product, channel or target that is not published, and
// when there is none; E_POLICY for a target whose file other servers have; E_LIMIT for more than a device reads; those
// of a client, E_EXPIRED among them.
Result<BundlePlan> plan_bundle(const Repository& repository, const BundleRequest& request, metadata::UtcTime now);

}  // namespace tenon::repo_tools
