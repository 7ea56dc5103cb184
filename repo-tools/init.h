// init makes a repository: a folder with the root that devices are made with, and drafts of targets and of the roles
// that it delegates each product to. Nothing is published before these drafts are signed.
#pragma once

#include <tenon/metadata/targets.h>
#include <tenon/repo_tools/delegation_editor.h>

#include <filesystem>
#include <optional>
#include <vector>

namespace tenon::repo_tools {

struct ProductRequest {
  policies::Label product;
  RoleHolders releases;
  RoleHolders rollout;
};

// delegate_product adds the delegations releases.<product> and rollout.<product>, both terminating.
// Errors: E_USAGE for a threshold that the keys cannot meet, or a product that is there already.
Result<void> delegate_product(metadata::Targets& targets, const ProductRequest& request);

// Governance is what the repository is for, and the policy that root's keys signed for it. A lab may go without.
struct Governance {
  bool is_lab = false;
  std::optional<Bytes> policy = {};
};

// init_repository Errors: E_USAGE for production without a policy; E_POLICY for a folder that is not empty, or a root
// without consistent snapshots or of a rehearsal; E_EXPIRED, E_SIG, E_PARSE for the root; those of delegate_product and
// read_signed_policy; E_STORAGE. On an error the folder is as it was.
Result<void> init_repository(const std::filesystem::path& folder, ByteView root, const ProductRequest& product,
                             const Governance& governance, metadata::UtcTime now);

}  // namespace tenon::repo_tools
