// RepositoryClient: the loop that feeds the sessions from the store and the network, and fetches what they vouch for.
// Thread: one call at a time.
#pragma once

#include <tenon/client/ports/fetcher.h>
#include <tenon/client/ports/reporter.h>
#include <tenon/client/ports/trust_store.h>
#include <tenon/client/workflow/refresh_session.h>
#include <tenon/client/workflow/target_search.h>

#include <optional>

namespace tenon::client {

class RepositoryClient {
 public:
  // Caller must keep the ports alive.
  RepositoryClient(Fetcher& fetcher, TrustStore& store, Reporter& reporter)
      : fetcher_(&fetcher), store_(&store), reporter_(&reporter) {}

  // refresh runs the client workflow; each accepted file is stored before the next is asked for. floors are raised by
  // what was accepted, also when it fails. Errors: the E_* of RefreshSession; E_NET; E_STORAGE
  Result<TrustedRepository> refresh(ByteView embedded_root, metadata::VersionFloors& floors,
                                    const metadata::Rules& rules);

  // find searches one target. Errors: E_POLICY "nobody vouches for it" included.
  Result<metadata::VerifiedTarget> find(const TrustedRepository& repository, const std::string& path,
                                        const metadata::Rules& rules);

  // fetch brings a whole small target and checks it. Errors: E_NET, E_MISMATCH, E_LIMIT above max_length.
  Result<Bytes> fetch(const TrustedRepository& repository, const metadata::VerifiedTarget& target,
                      std::uint64_t max_length);

  // fetch_part streams a target from offset on, unchecked: its receiver checks every segment.
  // Errors: E_NET; what the sink returned
  Result<void> fetch_part(const TrustedRepository& repository, const metadata::VerifiedTarget& target,
                          std::uint64_t offset, ByteSink& sink);

 private:
  template <class Session>
  Result<void> run(Session& session);
  Result<Reply> ask(const Step& step);

  Fetcher* fetcher_;
  TrustStore* store_;
  Reporter* reporter_;
};

}  // namespace tenon::client
