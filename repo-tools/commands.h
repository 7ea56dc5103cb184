// The commands of tenon-repo, with the words of the command line as they were typed. Each gives the exit status, or the
// error that the program ends with. What they print goes to Console; nothing here reads the clock or the environment.
#pragma once

#include <tenon/metadata/json.h>
#include <tenon/metadata/utc_time.h>
#include <tenon/repo_tools/progress.h>

#include <filesystem>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

namespace tenon::repo_tools {

// Console is where a command speaks: data to out, as JSON if asked for; warnings to err, always.
struct Console {
  std::ostream& out;
  std::ostream& err;
  Progress& progress;
  metadata::UtcTime now;
  bool as_json = false;
  bool quiet = false;

  // say prints a line for people.
  void say(const std::string& line) const;
  // warn prints a line that a person should read although all went well.
  void warn(const std::string& line) const;
  // show prints what was asked for, also when quiet: the text, or the value if JSON was asked for.
  void show(const std::string& text, const json::Value& value) const;
  // give prints a JSON document. Pre: as_json.
  void give(const json::Value& value) const;
};

struct InitWords {
  std::filesystem::path folder;
  std::filesystem::path root;
  std::filesystem::path policy;  // empty: none
  bool lab = false;
  std::string product;
  std::vector<std::filesystem::path> releases_keys;
  std::int64_t releases_threshold = 2;
  std::vector<std::filesystem::path> rollout_keys;
  std::int64_t rollout_threshold = 1;
};
Result<ExitStatus> run_init(const Console& console, const InitWords& words);

struct RootAddWords {
  std::filesystem::path folder;
  std::filesystem::path root;
};
Result<ExitStatus> run_root_add(const Console& console, const RootAddWords& words);

struct PolicySetWords {
  std::filesystem::path folder;
  std::filesystem::path policy;
};
Result<ExitStatus> run_policy_set(const Console& console, const PolicySetWords& words);

struct ReleaseAddWords {
  std::filesystem::path folder;
  std::string product;
  std::string version;
  std::optional<std::int64_t> sequence;  // else one above all others
  std::optional<std::int64_t> floor;
  std::vector<std::string> hardware;
  std::vector<std::string> images;   // SLOT=FILE
  std::vector<std::string> bases;    // SLOT=FILE: images that devices run
  std::string delta_budget;          // bytes; else half of an image's full payload
  bool local = false;                // local payloads too
  std::vector<std::string> bridges;  // BELOW=VERSION; none: those of the release before
  bool no_bridges = false;
  std::string segment_size = "1MiB";
  int level = 9;
  unsigned workers = 2;
  std::string notes;
  std::string kind;
  std::filesystem::path sbom;        // empty: none
  std::filesystem::path provenance;  // empty: none
  bool dry_run = false;
};
Result<ExitStatus> run_release_add(const Console& console, const ReleaseAddWords& words);

struct ReleaseRemoveWords {
  std::filesystem::path folder;
  std::string product;
  std::string version;
  bool dry_run = false;
};
Result<ExitStatus> run_release_remove(const Console& console, const ReleaseRemoveWords& words);

// ChannelWords are those of all channel commands; each command has some of them.
struct ChannelWords {
  std::filesystem::path folder;
  std::string product;
  std::string channel;
  std::string release;
  std::vector<std::string> withdraw;
  std::string share;                // 5%
  std::vector<std::string> ramp;    // DURATION=SHARE
  std::vector<std::string> groups;  // NAME=SHARE
  std::optional<std::int64_t> urgent_below;
  std::string deadline;
  bool dry_run = false;
};
// run_channel_edit is set and withdraw: what was given becomes so.
Result<ExitStatus> run_channel_edit(const Console& console, const ChannelWords& words);
Result<ExitStatus> run_channel_advance(const Console& console, const ChannelWords& words);
Result<ExitStatus> run_channel_pause(const Console& console, const ChannelWords& words);
Result<ExitStatus> run_channel_resume(const Console& console, const ChannelWords& words);

struct RenewWords {
  std::filesystem::path folder;
  std::vector<std::string> roles;
  std::string expires_in;
  bool dry_run = false;
  bool bins = false;  // all bins of each role, and not the role itself
};
Result<ExitStatus> run_renew(const Console& console, const RenewWords& words);

// StoreWords is the object store from which the repository is served, if it is served from one.
struct StoreWords {
  std::string address;  // s3://BUCKET/PREFIX; empty: none
  std::string endpoint;
  std::string region = "us-east-1";
  std::string key_from;
  std::filesystem::path ca_file;
  unsigned workers = 8;  // requests at once
};

struct SignWords {
  std::filesystem::path folder;
  std::vector<std::filesystem::path> keys;
  std::vector<std::string> passphrases_from;  // one for all keys, or one for each
  std::filesystem::path pkcs11_module;
  std::string pin_from;
  std::string expires_in;
  bool clock_is_right = false;
  bool dry_run = false;
};
Result<ExitStatus> run_sign(const Console& console, const SignWords& words);
struct RefreshWords : SignWords {
  StoreWords store;
};
Result<ExitStatus> run_refresh(const Console& console, const RefreshWords& words);

struct ImportWords {
  std::filesystem::path folder;
  std::vector<std::filesystem::path> files;
  bool dry_run = false;
};
Result<ExitStatus> run_import(const Console& console, const ImportWords& words);

struct PublishWords {
  std::filesystem::path folder;
  StoreWords store;
  bool dry_run = false;
};
Result<ExitStatus> run_publish(const Console& console, const PublishWords& words);

struct PruneWords {
  std::filesystem::path folder;
  bool dry_run = false;
};
Result<ExitStatus> run_prune(const Console& console, const PruneWords& words);

struct ExportWords {
  std::filesystem::path folder;
  std::filesystem::path out;
  std::string product;               // else all
  std::string channel;               // else all of the product
  std::vector<std::string> targets;  // these alone
  bool dry_run = false;
};
Result<ExitStatus> run_export(const Console& console, const ExportWords& words);

struct VerifyWords {
  std::filesystem::path folder;
  std::filesystem::path root;        // else the repository's own
  bool staged = false;               // what would be public after publish
  std::vector<std::string> devices;  // HARDWARE@VERSION
  std::string device_id;             // of all of them, as their group
  std::string group;
};
Result<ExitStatus> run_verify(const Console& console, const VerifyWords& words);

struct ExplainWords {
  std::filesystem::path folder;
  std::filesystem::path root;  // else the repository's own
  std::string target;
};
// run_explain gives kUnverified when nobody vouches for the target, or its file is not what is listed.
Result<ExitStatus> run_explain(const Console& console, const ExplainWords& words);

struct DelegationWords {
  std::filesystem::path folder;
  std::string role;
  std::string by = "targets";
  std::vector<std::string> paths;  // glob patterns
  std::vector<std::filesystem::path> keys;
  std::optional<std::int64_t> threshold;  // else 1 for a new role, and as it was for another
  bool not_terminating = false;
  bool bins = false;
  bool overlapping = false;
  bool dry_run = false;
};
Result<ExitStatus> run_delegation_add(const Console& console, const DelegationWords& words);
Result<ExitStatus> run_delegation_edit(const Console& console, const DelegationWords& words);
Result<ExitStatus> run_delegation_remove(const Console& console, const DelegationWords& words);

struct BinsWords {
  std::filesystem::path folder;
  std::string role;
  std::uint64_t count = 0;
  std::string prefix;  // else the role's name
  std::vector<std::filesystem::path> keys;
  std::int64_t threshold = 1;
  bool listed = false;
  bool dry_run = false;
};
Result<ExitStatus> run_delegation_bins(const Console& console, const BinsWords& words);

struct DelegationListWords {
  std::filesystem::path folder;
};
Result<ExitStatus> run_delegation_list(const Console& console, const DelegationListWords& words);

struct TargetAddWords {
  std::filesystem::path folder;
  std::string role;
  std::filesystem::path from;      // a file or a folder; or else ...
  std::filesystem::path manifest;  // ... lines "SHA256 LENGTH PATH" of files that are served from elsewhere
  std::string prefix;              // in front of the names below from
  bool dry_run = false;
};
// run_target_add gives kNothingToDo when all was listed as it is.
Result<ExitStatus> run_target_add(const Console& console, const TargetAddWords& words);

struct TargetRemoveWords {
  std::filesystem::path folder;
  std::string role;
  std::vector<std::string> paths;
  bool dry_run = false;
};
Result<ExitStatus> run_target_remove(const Console& console, const TargetRemoveWords& words);

struct LogWords {
  std::filesystem::path folder;
  std::size_t entries = 10;  // the newest; 0: all
};
Result<ExitStatus> run_log(const Console& console, const LogWords& words);

struct PayloadBuildWords {
  std::filesystem::path base;
  std::filesystem::path image;
  std::filesystem::path out;
  std::string segment_size = "1MiB";
  bool raw = false;
  unsigned workers = 2;
};
Result<ExitStatus> run_payload_build(const Console& console, const PayloadBuildWords& words);

struct PayloadApplyWords {
  std::filesystem::path base;
  std::filesystem::path payload;
  std::filesystem::path out;
};
Result<ExitStatus> run_payload_apply(const Console& console, const PayloadApplyWords& words);

struct PayloadInspectWords {
  std::filesystem::path payload;
};
Result<ExitStatus> run_payload_inspect(const Console& console, const PayloadInspectWords& words);

struct PayloadLocalWords {
  std::filesystem::path base;
  std::filesystem::path image;
  std::filesystem::path out;  // the index gets its name and ".index"
  std::string segment_size = "1MiB";
  int level = 9;
  unsigned workers = 2;
};
Result<ExitStatus> run_payload_local(const Console& console, const PayloadLocalWords& words);

struct PayloadCompareWords {
  std::filesystem::path base;
  std::filesystem::path image;
  bool raw = false;
  unsigned workers = 2;
};
Result<ExitStatus> run_payload_compare(const Console& console, const PayloadCompareWords& words);

struct ListWords {
  std::filesystem::path folder;
};
Result<ExitStatus> run_list(const Console& console, const ListWords& words);

struct StatusWords {
  std::filesystem::path folder;
};
Result<ExitStatus> run_status(const Console& console, const StatusWords& words);

struct DiffWords {
  std::filesystem::path folder;
  std::filesystem::path other;  // empty: what is staged
};
// run_diff goes from what is public in one folder to what is public in the other.
Result<ExitStatus> run_diff(const Console& console, const DiffWords& words);

struct LintWords {
  std::filesystem::path folder;
};
// run_lint gives kRefused when there is a warning.
Result<ExitStatus> run_lint(const Console& console, const LintWords& words);

}  // namespace tenon::repo_tools
