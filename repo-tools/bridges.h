// Bridges among the releases of a product that are listed, drafts included: what a new one may lead over, and which
// release is needed by another. Thread: any; nothing is read here.
#pragma once

#include <tenon/repo_tools/catalog.h>

#include <span>

namespace tenon::repo_tools {

// check_bridges Errors: E_USAGE for a bridge over a release that is not listed, naming those that are; E_POLICY for one
// that leads nowhere, or that is not for all hardware that the release is for; E_LIMIT when devices that run a listed
// release, or none, would take too many.
Result<void> check_bridges(const policies::Release& release, std::span<const ListedRelease> listed);

// leads_over gives the first listed release with a bridge over that version, null when there is none.
const policies::Release* leads_over(const policies::Label& version, std::span<const ListedRelease> listed);

}  // namespace tenon::repo_tools
