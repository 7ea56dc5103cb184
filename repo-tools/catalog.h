// The catalog: which releases and channels of a product the newest targets roles list, drafts included. It reads what
// we wrote ourselves; what a device may believe is client_check's question.
#pragma once

#include <tenon/policies/channel.h>
#include <tenon/policies/release.h>
#include <tenon/repo_tools/repository.h>

#include <optional>
#include <vector>

namespace tenon::repo_tools {

struct ListedRelease {
  policies::Release release;
  Sha256 sha256;  // of release.json
};

// RoleId of releases.<product> and rollout.<product>.
RoleId releases_role_of(const policies::Label& product);
RoleId rollout_role_of(const policies::Label& product);

// listed_releases gives every release of a product, lowest sequence first. Errors: E_USAGE for an unknown product;
// E_PARSE, E_MISMATCH, E_NET for what lies there.
Result<std::vector<ListedRelease>> listed_releases(const Repository& repository, const policies::Label& product);

// find_release Errors: E_USAGE when there is none of that version, naming those there are.
Result<ListedRelease> find_release(const Repository& repository, const policies::Label& product,
                                   const policies::Label& version);

// listed_channel gives nothing for a channel that was never set.
Result<std::optional<policies::Channel>> listed_channel(const Repository& repository, const policies::Label& product,
                                                        const policies::Label& channel);

// listed_channels gives every channel of a product, by name.
Result<std::vector<policies::Channel>> listed_channels(const Repository& repository, const policies::Label& product);

}  // namespace tenon::repo_tools
