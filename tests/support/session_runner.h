// SessionRunner: the loop that drives a RefreshSession and a TargetSearch against a simulator and a store, as a device
// does, and keeps what was asked and said.
// Thread: one.
//
//   SessionRunner device(repository, store);         // embedded root: the repository's first
//   Result<client::TrustedRepository> trusted = device.refresh();
//   Result<std::optional<metadata::VerifiedTarget>> target = device.find(*trusted, "app.bin");
#pragma once

#include <tenon/client/ports/trust_store.h>
#include <tenon/client/workflow/refresh_session.h>
#include <tenon/client/workflow/target_search.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <tests/support/repository_simulator.h>

namespace tenon::tests {

class SessionRunner {
 public:
  // Takes the repository's first root as the one the device was made with, and test_now().
  // Caller must keep both alive.
  SessionRunner(RepositorySimulator& repository, client::TrustStore& store);

  // refresh runs one cycle. floors are kept from one to the next, also from one that failed.
  Result<client::TrustedRepository> refresh();
  // find looks for a target. Pre: repository is of the last refresh.
  Result<std::optional<metadata::VerifiedTarget>> find(const client::TrustedRepository& repository,
                                                       std::string_view path);
  // refresh_and_find does both.
  Result<std::optional<metadata::VerifiedTarget>> refresh_and_find(std::string_view path);
  // download fetches a verified target whole and checks it.
  Result<Bytes> download(const metadata::VerifiedTarget& target);

  Bytes embedded_root;
  metadata::Rules rules;
  metadata::VersionFloors floors;
  bool keep_floors = true;  // false: floors of a cycle are lost, as by a cut before they were stored

  // Of the last refresh() or find().
  std::vector<std::string> requested;  // from the network, by file name
  std::vector<std::string> persisted;
  std::vector<std::string> warnings;
  std::vector<std::string> visited;               // roles of the last find()
  std::optional<metadata::Version> root_version;  // of the last refresh, also of one that failed

 private:
  template <class Session>
  Result<void> run(Session& session);
  void forget();

  RepositorySimulator* repository_;
  client::TrustStore* store_;
};

// fetch_all fetches a whole file into memory.
Result<client::Reply> fetch_all(client::Fetcher& fetcher, const std::string& path, std::uint64_t max_length);

}  // namespace tenon::tests
