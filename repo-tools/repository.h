// Repository: a folder with what is published and what is being prepared. It reads; every change goes through
// FileWriter.
//
//   DIR/tenon-repo.json           what it is (settings.h)
//   DIR/root.json                 the root that devices are made with
//   DIR/policy.json               the policy that root's keys signed (publish_policy.h)
//   DIR/log.jsonl                 what was published when (publish_log.h)
//   DIR/public/metadata, targets  what is served; the base address of devices is public/
//   DIR/staging/metadata          drafts, one for each role: targets.json, releases.demo.json, ...; new N.root.json
//   DIR/staging/targets           their files, named as they will be served
//   DIR/staging/scratch           payloads while they are built
//
// What is published is what timestamp.json leads to: other files in public/ are older, or of a publication that was
// cut. Thread: one; one process at a time changes the folder (lock()).
#pragma once

#include <tenon/hsm/file_descriptor.h>
#include <tenon/metadata/authentic.h>
#include <tenon/metadata/snapshot.h>
#include <tenon/metadata/timestamp.h>
#include <tenon/repo_tools/role_id.h>
#include <tenon/repo_tools/settings.h>

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace tenon::repo_tools {

// PublishedState is what timestamp.json leads to, down to the roles that snapshot lists.
struct PublishedState {
  Bytes timestamp_file;
  metadata::Timestamp timestamp;
  metadata::FileIdentity snapshot_file;
  metadata::Snapshot snapshot;
};

class Repository {
 public:
  // open Errors: E_USAGE for a folder that is no repository; E_PARSE, E_STORAGE.
  static Result<Repository> open(const std::filesystem::path& folder);

  // lock keeps other processes from changing the folder as long as the descriptor lives. Errors: E_BUSY, E_STORAGE.
  Result<hsm::FileDescriptor> lock() const;

  const Settings& settings() const { return settings_; }
  std::filesystem::path settings_file() const { return folder_ / "tenon-repo.json"; }
  std::filesystem::path policy_file() const { return folder_ / "policy.json"; }
  std::filesystem::path log_file() const { return folder_ / "log.jsonl"; }
  std::filesystem::path public_folder() const { return folder_ / "public"; }
  std::filesystem::path public_metadata(const std::string& file) const { return folder_ / "public/metadata" / file; }
  std::filesystem::path public_target(const std::string& file) const { return folder_ / "public/targets" / file; }
  std::filesystem::path drafts() const { return folder_ / "staging/metadata"; }
  std::filesystem::path draft(const std::string& file) const { return drafts() / file; }
  std::filesystem::path staged_targets() const { return folder_ / "staging/targets"; }
  std::filesystem::path staged_target(const std::string& file) const { return staged_targets() / file; }
  std::filesystem::path scratch() const { return folder_ / "staging/scratch"; }

  // initial_root gives DIR/root.json. Errors: E_STORAGE.
  Result<Bytes> initial_root() const;
  // root gives the newest root, staged ones too, walked from the initial one. Errors: those of metadata::next_root.
  Result<metadata::Authentic<metadata::Root>> root() const { return walk_roots(true); }
  // published_root gives the newest root that clients can walk to. Errors: as root().
  Result<metadata::Authentic<metadata::Root>> published_root() const { return walk_roots(false); }
  // staged_roots gives the N.root.json that wait to be published, in order. Errors: E_STORAGE.
  Result<std::map<metadata::Version, Bytes>> staged_roots() const;

  // published_state gives nothing before the first publication. It is read once for as long as timestamp.json stays
  // the same. Errors: as published().
  Result<std::shared_ptr<const PublishedState>> published_state() const;
  // published gives a role as clients get it now. Errors: E_PARSE, E_STORAGE, E_MISMATCH if a file is missing.
  Result<std::optional<metadata::Envelope>> published(const RoleId& role) const;
  // published_roles gives those that snapshot lists, snapshot and timestamp. Errors: as published().
  Result<std::vector<RoleId>> published_roles() const;
  // staged gives a role's draft, signed or not; a draft that is what is published counts as none. Errors: E_PARSE,
  // E_STORAGE.
  Result<std::optional<metadata::Envelope>> staged(const RoleId& role) const;
  // newest gives the draft, else what is published.
  Result<std::optional<metadata::Envelope>> newest(const RoleId& role) const;
  // newest_targets Errors: E_USAGE when there is no such role; those of newest.
  Result<metadata::Targets> newest_targets(const RoleId& role) const;

  // published_version is the version of what published() gives, without reading its file where snapshot tells it.
  Result<std::optional<metadata::Version>> published_version(const RoleId& role) const;
  // drafted_roles gives those that have a draft, as staged() counts them. Errors: E_STORAGE, E_PARSE.
  Result<std::vector<RoleId>> drafted_roles() const;

  // next_version is what a new draft must be: above what is published, and never one that lies in public/ already,
  // where a publication that was cut may have left it: a version stands for the same bytes for ever.
  Result<metadata::Version> next_version(const RoleId& role) const;

 private:
  Repository(std::filesystem::path folder, Settings settings)
      : folder_(std::move(folder)), settings_(std::move(settings)) {}
  Result<metadata::Authentic<metadata::Root>> walk_roots(bool with_staged) const;

  Result<std::optional<Bytes>> read_draft(const RoleId& role) const;

  std::filesystem::path folder_;
  Settings settings_;
  mutable std::shared_ptr<const PublishedState> last_read_;
};

// header_of Errors: E_PARSE.
Result<metadata::RoleHeader> header_of(const metadata::Envelope& envelope, const RoleId& role);

// read_if_there gives nothing for a file that is not there. Errors: E_STORAGE; E_LIMIT above max_bytes.
Result<std::optional<Bytes>> read_if_there(const std::filesystem::path& path, std::size_t max_bytes);

}  // namespace tenon::repo_tools
