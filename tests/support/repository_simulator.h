// RepositorySimulator: a TUF repository in memory that signs on demand and serves what it has published, or whatever an
// attacker puts in its place. Its roles are plain members: edit, then publish.
// Thread: one.
//
//   RepositorySimulator repository;                                  // every role at version 1, served
//   repository.add_target("app.bin", "hello");
//   repository.publish();                                            // targets, snapshot, timestamp: version 2
//   repository.replace("metadata/timestamp.json", to_bytes("{}"));   // an attacker's file, until restore_all()
#pragma once

#include <tenon/client/ports/fetcher.h>
#include <tenon/metadata/root.h>
#include <tenon/metadata/snapshot.h>
#include <tenon/metadata/targets.h>
#include <tenon/metadata/timestamp.h>

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <tests/support/test_key.h>

namespace tenon::tests {

// test_now is when the tests play: 2026-11-01T12:00:00Z. All that a new simulator signs is valid for a year from then.
metadata::UtcTime test_now();

struct RepositoryOptions {
  bool consistent_snapshot = true;
  bool list_hashes = true;  // length and sha256 in timestamp and snapshot
  KeyKind key_kind = KeyKind::kEd25519;
};

// A delegation as the tests write it down. Without keys the role gets a key of its own.
struct DelegationSpec {
  std::string delegator = "targets";
  std::string name;
  std::vector<std::string> paths = {"*"};
  bool terminating = false;
  std::vector<TestKey> keys = {};
  std::int64_t threshold = 1;
};

// Bins of TAP 15, all with one new key. They take the place of the delegator's other delegations.
struct BinsSpec {
  std::string delegator = "targets";
  std::string name_prefix = "bin";
  int bit_length = 4;  // at most 16 here
};

class RepositorySimulator final : public client::Fetcher {
 public:
  // Every role at version 1, with one key for each, published.
  explicit RepositorySimulator(RepositoryOptions options = {});

  // The roles as they are signed next.
  metadata::Root root;
  metadata::Timestamp timestamp;
  metadata::Snapshot snapshot;
  metadata::Targets targets;
  std::map<std::string, metadata::Targets> delegated;
  // Who signs a role, by its name, whoever is listed for it.
  std::map<std::string, std::vector<TestKey>> signers;
  // Changes to the signed part before it is signed, and to the text of the file after, both by role name. They hold
  // until they are erased, and what is pinned is what came out.
  std::map<std::string, std::function<json::Value(json::Value)>> signed_edits;
  std::map<std::string, std::function<std::string(std::string)>> file_edits;
  RepositoryOptions options;

  // --- keys
  // new_key gives an Ed25519 key (or of the options' kind) that nobody has yet.
  TestKey new_key();
  // set_keys lists keys for a top-level role in root and makes them its signers. Old root keys sign the next root as
  // well.
  void set_keys(metadata::TopRole role, std::vector<TestKey> keys, std::int64_t threshold = 1);
  // rotate_key gives the role one new key in place of all it had.
  void rotate_key(metadata::TopRole role);

  // --- delegations and targets
  metadata::Targets& role(std::string_view name);  // "targets" or a delegated role
  metadata::Targets& add_delegation(const DelegationSpec& spec);
  void add_bins(const BinsSpec& spec);
  void add_target(std::string_view path, ByteView content, std::string_view role_name = "targets");
  void add_target(std::string_view path, std::string_view content, std::string_view role_name = "targets");

  // --- publishing
  // write_* sign a role with the version it has, serve the file, and note it in the role above, which is not signed.
  void write_root();
  void write_role(std::string_view name);  // "targets" or a delegated role
  void write_snapshot();
  void write_timestamp();
  // publish_* raise the version first. publish_role, publish_snapshot and publish_timestamp publish what lies above,
  // too.
  void publish_root();
  void publish_role(std::string_view name);
  void publish_snapshot();
  void publish_timestamp();
  // publish raises targets, all delegated roles, snapshot and timestamp.
  void publish();

  // signed_file gives the file of a role with its edits, without serving it: "root", "timestamp", "snapshot", or a
  // targets role.
  Bytes signed_file(std::string_view name) const;
  // root_file is a root that was published. Pre: it was.
  Bytes root_file(std::int64_t version) const;

  // --- what is served, by path: "metadata/2.root.json", "targets/..."
  // path_of is where the newest file of a role is served.
  std::string path_of(std::string_view role_name) const;
  const std::map<std::string, Bytes>& files() const { return files_; }
  Bytes served(const std::string& path) const { return files_.at(path); }
  // replace, hide (404) and fail stand in front of what was published until restore or restore_all.
  void replace(const std::string& path, Bytes content) { overrides_[path] = std::move(content); }
  void hide(const std::string& path) { overrides_[path] = Hidden{}; }
  void fail(const std::string& path, Error error) { overrides_[path] = std::move(error); }
  void fail_all(std::optional<Error> error) { fail_all_ = std::move(error); }
  // cut_transfer ends every transfer of the file with E_NET once `bytes` of it have been sent.
  void cut_transfer(const std::string& path, std::uint64_t bytes) { cuts_[path] = bytes; }
  void restore(const std::string& path);
  void restore_all();
  // before_request is called with each request before it is answered: time passes, somebody publishes.
  std::function<void(const client::FetchRequest&)> before_request;
  std::size_t piece_bytes = 1000;  // pieces that a sink is given

  const std::vector<client::FetchRequest>& requests() const { return requests_; }
  void forget_requests() { requests_.clear(); }

  std::string name() const override { return "simulator"; }
  Result<client::FetchOutcome> fetch(const client::FetchRequest& request, client::ByteSink& sink) override;

 private:
  struct Hidden {};
  using Override = std::variant<Bytes, Hidden, Error>;

  metadata::MetaEntry entry_for(metadata::Version version, ByteView file) const;
  std::string metadata_path(const std::string& file_name, metadata::Version version) const;
  json::Value signed_part(std::string_view name) const;

  std::uint32_t next_key_ = 1;
  std::vector<TestKey> old_root_signers_;
  std::map<std::string, Bytes> files_;
  std::map<std::string, Override> overrides_;
  std::map<std::string, std::uint64_t> cuts_;
  std::optional<Error> fail_all_;
  std::vector<client::FetchRequest> requests_;
};

// bump gives the version after. Pre: there is one.
void bump(metadata::RoleHeader& header);

}  // namespace tenon::tests
