// Uploading: what the repository would serve, brought to an object store, so that at every instant a client of the store
// finds the old state or the new one: what roles list, the roles, snapshot, roots, and timestamp last, in place of the one
// that was there when it began. What the store's timestamp leads to already is not sent again. Ended anywhere, uploading
// again completes it.
// Thread: one call at a time for a store's address; two that race end with one of them told so.
#pragma once

#include <tenon/repo_tools/object_store.h>
#include <tenon/repo_tools/progress.h>
#include <tenon/repo_tools/repository_view.h>

namespace tenon::repo_tools {

struct UploadReport {
  std::size_t objects = 0;  // written by this call
  std::uint64_t bytes = 0;  // of these
};

// upload brings a view of the repository to the store, with so many objects on their way at once. Devices that know what
// the store has must take it: that is tried first.
// Errors: E_USAGE when nothing is published; E_BUSY when another publication came meanwhile; E_POLICY for a name that is
// taken by other bytes; E_MISMATCH for a store that gives other bytes than it took; those of a client, of the store and of
// the view.
Result<UploadReport> upload(const Repository& repository, const RepositoryView& view, ObjectStore& store,
                            metadata::UtcTime now, unsigned workers, Progress& progress);

}  // namespace tenon::repo_tools
