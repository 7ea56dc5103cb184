// RepositoryClient: the loop that feeds the sessions from the store and the network, and fetches what they vouch for.
// Each thing that is wanted is asked of one source after the other, until one brings what verifies.
// Thread: one call at a time.
#pragma once

#include <tenon/client/ports/clock.h>
#include <tenon/client/ports/trust_store.h>
#include <tenon/client/updater/sources.h>
#include <tenon/client/workflow/refresh_session.h>
#include <tenon/client/workflow/target_search.h>

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace tenon::client {

// PartReader reads one target from one source, unchecked: its receiver checks every segment.
class PartReader {
 public:
  // transferred hears of every byte that comes, and lives as long as this.
  PartReader(Fetcher& source, std::string path, std::uint64_t length, Transferred& transferred)
      : source_(&source), path_(std::move(path)), length_(length), transferred_(&transferred) {}

  std::uint64_t length() const { return length_; }  // bytes

  // read streams the target from offset on to its end; at its end there is nothing to ask for.
  // Errors: E_NET; what the sink returned.
  Result<void> read(std::uint64_t offset, ByteSink& sink) const;
  // read_end streams the last so many bytes, from which nobody goes on. Pre: it has so many. Errors: as read().
  Result<void> read_end(std::uint64_t length, ByteSink& sink) const;
  // read_part streams so many bytes of it. Pre: they lie inside the target, and are some. Errors: as read(), but for a target
  // that this source does not have.
  Result<FetchOutcome> read_part(std::uint64_t offset, std::uint64_t length, ByteSink& sink) const;

 private:
  Result<FetchOutcome> fetch(const FetchRequest& request, ByteSink& sink) const;

  Fetcher* source_;
  std::string path_;
  std::uint64_t length_;
  Transferred* transferred_;
};

class RepositoryClient {
 public:
  // attempts is how often the sources are asked in turn before a thing is given up. Caller must keep the ports alive.
  RepositoryClient(std::vector<Fetcher*> sources, TrustStore& store, Clock& clock, Reporter& reporter,
                   std::uint32_t attempts = 1)
      : sources_(std::move(sources), clock, reporter, attempts), store_(&store), clock_(&clock), reporter_(&reporter) {}

  // store_only_roles lets only these files of targets roles be stored, by name: who may delegate must not fill a device's
  // disk with roles of ever new names. Other roles are fetched each time.
  void store_only_roles(std::set<std::string> file_names) { stored_roles_ = std::move(file_names); }

  // refresh runs the client workflow; each accepted file is stored before the next is asked for. floors are raised by
  // what was accepted, also when it fails. What it found may be used for Limits::session_age: the time it was judged by
  // stands still.
  // Errors: the E_* of RefreshSession; E_NET; E_STORAGE
  Result<TrustedRepository> refresh(ByteView embedded_root, metadata::VersionFloors& floors,
                                    const metadata::Rules& rules);

  // find searches one target. Errors: E_POLICY "nobody vouches for it" included; E_EXPIRED for an old refresh.
  Result<metadata::VerifiedTarget> find(const TrustedRepository& repository, const std::string& path,
                                        const metadata::Rules& rules);

  // What a target that a source does not have is: a fault of the network, which may pass, or of the source.
  enum class Missing { kMayAppear, kIsWrong };

  // fetch brings a whole small target and checks it.
  // Errors: E_NET, E_MISMATCH; E_LIMIT above max_length; E_EXPIRED for an old refresh.
  Result<Bytes> fetch(const TrustedRepository& repository, const metadata::VerifiedTarget& target,
                      std::uint64_t max_length, Missing missing = Missing::kMayAppear);

  // read_parts gives `use` a reader of the target, with another source each time it fails: what it took from the one before
  // it has checked, and goes on from there. A transfer may outlast the refresh.
  // Errors: E_NET; what `use` returned
  Result<void> read_parts(const TrustedRepository& repository, const metadata::VerifiedTarget& target,
                          const std::function<Result<void>(const PartReader&)>& use);

 private:
  template <class Session>
  Result<void> run(Session& session, const std::function<bool(const std::string& file_name)>& is_stored);
  Result<void> check_session_age(const metadata::Limits& limits);

  Sources sources_;
  TrustStore* store_;
  Clock* clock_;
  Reporter* reporter_;
  std::chrono::seconds refreshed_at_{0};  // by Clock::since_boot()
  metadata::Limits limits_;
  std::optional<std::set<std::string>> stored_roles_;  // nothing: all
};

}  // namespace tenon::client
