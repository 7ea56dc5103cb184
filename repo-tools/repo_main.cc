// tenon-repo: images -> payloads -> signed repository. The one place that knows the command line, the clock and stderr.
#include <tenon/hsm/harden.h>
#include <tenon/hsm/token_agent.h>
#include <tenon/hsm/usage_error.h>
#include <tenon/metadata/digest.h>
#include <tenon/metadata/utf8.h>
#include <tenon/process/standard_streams.h>
#include <tenon/repo_tools/commands.h>
#include <tenon/repo_tools/progress_meter.h>

#include <chrono>
#include <cstdio>
#include <ctime>
#include <functional>
#include <iostream>
#include <map>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <unistd.h>

#ifndef TENON_VERSION
#define TENON_VERSION "unknown"
#endif

namespace {

using namespace tenon;
using namespace tenon::repo_tools;

// Commands maps each sub-command to what runs it, bound to the words that CLI11 fills in.
class Commands {
 public:
  explicit Commands(CLI::App& app) : app_(&app) {
    add_drafting();
    add_payload();
    add_signing();
    add_looking();
  }

  // Each Pre: the command line was parsed.
  bool uses_keys() const { return !sign_.keys.empty() || !refresh_.keys.empty(); }
  Result<ExitStatus> run(const Console& console) const {
    const CLI::App* at = app_;
    while (!at->get_subcommands().empty()) at = at->get_subcommands().front();
    return run_.at(at)(console);
  }

 private:
  template <class Words>
  CLI::App* add(CLI::App* parent, const char* name, const char* what, Words& words,
                Result<ExitStatus> (*action)(const Console&, const Words&)) {
    CLI::App* command = add_without_folder(parent, name, what, words, action);
    command->add_option("folder", words.folder, "the repository's folder")->required();
    return command;
  }
  template <class Words>
  CLI::App* add_without_folder(CLI::App* parent, const char* name, const char* what, Words& words,
                               Result<ExitStatus> (*action)(const Console&, const Words&)) {
    CLI::App* command = parent->add_subcommand(name, what);
    run_.emplace(command, [&words, action](const Console& console) { return action(console, words); });
    return command;
  }

  // An option that can be repeated takes one word each time, so that the folder may follow it.
  template <class List>
  static CLI::Option* add_list(CLI::App* command, const char* name, List& list, const char* what) {
    return command->add_option(name, list, std::string(what) + "; can be repeated")->allow_extra_args(false);
  }

  static void add_dry_run(CLI::App* command, bool& dry_run) {
    command->add_flag("--dry-run", dry_run, "do all the work and change nothing");
  }

  CLI::App* add_group(const char* name, const char* what) {
    CLI::App* group = app_->add_subcommand(name, what);
    group->require_subcommand(1);
    return group;
  }

  void add_drafting() {
    CLI::App* init = add(app_, "init", "make a repository from a root", init_, run_init);
    init->add_option("--root", init_.root, "N.root.json that devices are made with")->required();
    init->add_option("--policy", init_.policy, "N.policy.json that root's keys signed: what may be published");
    init->add_flag("--lab", init_.lab, "for a demo or a test: goes without a policy, or with a lab's");
    init->add_option("--product", init_.product, "the product that is published here")->required();
    add_list(init, "--releases-key", init_.releases_keys, "NAME.tenon-key of a release manager")->required();
    init->add_option("--releases-threshold", init_.releases_threshold, "release managers who must sign")
        ->capture_default_str();
    add_list(init, "--rollout-key", init_.rollout_keys, "NAME.tenon-key of who sets channels")->required();
    init->add_option("--rollout-threshold", init_.rollout_threshold, "keys that must sign a channel")
        ->capture_default_str();

    CLI::App* root = add(add_group("root", "new roots"), "add", "stage the next root", root_add_, run_root_add);
    root->add_option("--root", root_add_.root, "N.root.json, signed")->required();

    CLI::App* policy =
        add(add_group("policy", "the policy"), "set", "replace it by a newer one", policy_set_, run_policy_set);
    policy->add_option("--policy", policy_set_.policy, "N.policy.json, signed by root's keys")->required();

    CLI::App* release = add_group("release", "releases");
    CLI::App* add_release = add(release, "add", "build a release from images", release_add_, run_release_add);
    add_release->add_option("--product", release_add_.product)->required();
    add_release->add_option("--version", release_add_.version, "the version, for people")->required();
    add_release->add_option("--sequence", release_add_.sequence, "orders releases; else one above all others");
    add_release->add_option("--floor", release_add_.floor, "the lowest sequence to install once this is confirmed");
    add_list(add_release, "--hardware", release_add_.hardware, "hardware id that this is for")->required();
    add_list(add_release, "--image", release_add_.images, "SLOT=FILE")->required();
    add_list(add_release, "--base", release_add_.bases,
             "SLOT=FILE: an image that devices run, beside those of earlier releases: they get a delta");
    add_release->add_option(
        "--delta-budget", release_add_.delta_budget,
        "how much all deltas of an image may take, as 64MiB; 0: none; else half of its full payload");
    add_release->add_flag("--local", release_add_.local,
                          "for devices that have no base of a delta: what they have of an image they need not fetch; "
                          "doubles what an image takes here");
    CLI::Option* bridge = add_list(add_release, "--bridge", release_add_.bridges,
                                   "BELOW=VERSION: devices below that sequence first install that version; else as the "
                                   "release before");
    add_release->add_flag("--no-bridges", release_add_.no_bridges, "all devices come straight here")->excludes(bridge);
    add_release->add_option("--segment-size", release_add_.segment_size, "64KiB to 16MiB")->capture_default_str();
    add_release->add_option("--compression-level", release_add_.level, "zstd, 1 to 19")->capture_default_str();
    add_release->add_option("--notes", release_add_.notes, "shown to those who sign and install");
    add_release->add_option("--kind", release_add_.kind, "of update, for people, for example security");
    add_release->add_option("--sbom", release_add_.sbom, "what the images are made of, published beside them");
    add_release->add_option("--provenance", release_add_.provenance,
                            "an in-toto statement of how these images were made");
    add_release->add_option("--workers", release_add_.workers, "threads that compress and compare");
    add_dry_run(add_release, release_add_.dry_run);

    CLI::App* remove = add(release, "remove", "take an old release off the list", release_remove_, run_release_remove);
    remove->add_option("--product", release_remove_.product)->required();
    remove->add_option("--version", release_remove_.version, "of a release that no channel or bridge leads to")
        ->required();
    add_dry_run(remove, release_remove_.dry_run);

    add_channel();
    add_delegation();
    add_target();

    CLI::App* renew = add(app_, "renew", "draft a role again with a new expiry", renew_, run_renew);
    add_list(renew, "--role", renew_.roles, "targets, releases.PRODUCT, rollout.PRODUCT or a team's")->required();
    renew->add_flag("--bins", renew_.bins, "all bins of the role, and not the role itself");
    renew->add_option("--expires-in", renew_.expires_in, "for example 90d");
    add_dry_run(renew, renew_.dry_run);
  }

  CLI::App* add_channel_command(CLI::App* group, const char* name, const char* what,
                                Result<ExitStatus> (*action)(const Console&, const ChannelWords&)) {
    CLI::App* command = add(group, name, what, channel_, action);
    command->add_option("--product", channel_.product)->required();
    command->add_option("--channel", channel_.channel)->required();
    add_dry_run(command, channel_.dry_run);
    return command;
  }

  CLI::Option* add_withdraw(CLI::App* command) {
    return add_list(command, "--withdraw", channel_.withdraw, "a version that nobody shall install any more");
  }

  void add_rollout(CLI::App* command) {
    command->add_option("--share", channel_.share, "of all devices, for example 5%");
    add_list(command, "--ramp", channel_.ramp,
             "DURATION=SHARE from now on, straight lines between: 0h=5%, then 2d=100%");
    add_list(command, "--group", channel_.groups, "GROUP=SHARE of the devices of a group, for example lab=100%");
    command->add_option("--urgent-below", channel_.urgent_below, "devices that run a lower sequence do not wait");
    command->add_option("--deadline", channel_.deadline, "when nobody waits any more, as 2026-12-20T00:00:00Z");
  }

  void add_channel() {
    CLI::App* group = add_group("channel", "channels");
    CLI::App* set = add_channel_command(group, "set", "choose the current release", run_channel_edit);
    set->add_option("--release", channel_.release, "the version that becomes current")->required();
    add_rollout(set);
    add_withdraw(set);
    add_rollout(add_channel_command(group, "advance", "let more devices have the release", run_channel_advance));
    add_channel_command(group, "pause", "let nobody install it until resume", run_channel_pause);
    add_channel_command(group, "resume", "go on after a pause", run_channel_resume);
    CLI::App* withdraw = add_channel_command(group, "withdraw", "take versions back", run_channel_edit);
    add_withdraw(withdraw)->required();
  }

  CLI::App* add_delegation_command(CLI::App* group, const char* name, const char* what,
                                   Result<ExitStatus> (*action)(const Console&, const DelegationWords&)) {
    CLI::App* command = add(group, name, what, delegation_, action);
    command->add_option("--role", delegation_.role, "the role")->required();
    add_dry_run(command, delegation_.dry_run);
    return command;
  }

  void add_delegation() {
    CLI::App* group = add_group("delegation", "who may sign which paths");
    CLI::App* make = add_delegation_command(group, "add", "let a new role speak for paths", run_delegation_add);
    CLI::App* edit = add_delegation_command(group, "edit", "give a role other paths or keys", run_delegation_edit);
    make->add_option("--by", delegation_.by, "the role that delegates")->capture_default_str();
    make->add_flag("--not-terminating", delegation_.not_terminating,
                   "search on in other roles for what it does not list");
    for (CLI::App* command : {make, edit}) {
      CLI::Option* path = add_list(command, "--path", delegation_.paths, "pattern, as apps/*: * stands for no /");
      CLI::Option* key = add_list(command, "--key-file", delegation_.keys, "NAME.tenon-key of who signs it");
      command->add_option("--threshold", delegation_.threshold,
                          "keys that must sign; else 1 for a new role, or as it was");
      command->add_flag("--overlapping", delegation_.overlapping, "other delegations may have the same paths");
      if (command == make) {
        path->required();
        key->required();
      }
    }
    edit->add_flag("--bins", delegation_.bins, "keys and threshold are for all bins of the role");
    add_delegation_command(group, "remove", "take a role's power away", run_delegation_remove);
    CLI::App* bins = add(group, "bins", "share a role's paths out to many small roles", bins_, run_delegation_bins);
    bins->add_option("--role", bins_.role, "the role")->required();
    bins->add_option("--count", bins_.count, "a power of two, 2 to 65536")->required();
    bins->add_option("--prefix", bins_.prefix, "of their names, as apps in apps-0f; else the role's name");
    add_list(bins, "--key-file", bins_.keys, "NAME.tenon-key of who signs them")->required();
    bins->add_option("--threshold", bins_.threshold, "keys that must sign each")->capture_default_str();
    bins->add_flag("--listed", bins_.listed, "list each with its prefixes of digests: for clients without TAP 15");
    add_dry_run(bins, bins_.dry_run);
    add(group, "list", "every delegation, drafts included", delegation_list_, run_delegation_list);
  }

  void add_target() {
    CLI::App* group = add_group("target", "files that are no release");
    CLI::App* make =
        add(group, "add", "list files in a role, or in its bins; 3 if they were", target_add_, run_target_add);
    make->add_option("--role", target_add_.role, "the role that vouches for them")->required();
    make->add_option("--from", target_add_.from, "a file, or a folder with all below it");
    make->add_option("--prefix", target_add_.prefix, "in front of their names, as apps/");
    make->add_option("--manifest", target_add_.manifest, "lines SHA256 LENGTH PATH of files that other servers have");
    add_dry_run(make, target_add_.dry_run);
    CLI::App* remove = add(group, "remove", "take files off the list", target_remove_, run_target_remove);
    remove->add_option("--role", target_remove_.role, "the role that lists them")->required();
    remove->add_option("paths", target_remove_.paths, "as clients name them")->required();
    add_dry_run(remove, target_remove_.dry_run);
  }

  template <class Words>
  static void add_matching(CLI::App* command, Words& words) {
    command->add_option("--base", words.base, "the image that devices have")->required();
    command->add_option("--image", words.image, "the new image")->required();
    command->add_flag("--raw", words.raw, "take images as bytes, without a look at their file systems");
    command->add_option("--workers", words.workers, "threads; the bytes do not depend on it")->capture_default_str();
  }

  void add_payload() {
    CLI::App* group = add_group("payload", "deltas and local payloads of image files");
    CLI::App* build =
        add_without_folder(group, "build", "make a delta, and prove it", payload_build_, run_payload_build);
    add_matching(build, payload_build_);
    build->add_option("--out", payload_build_.out, "the delta to write")->required();
    build->add_option("--segment-size", payload_build_.segment_size, "that of the release")->capture_default_str();
    CLI::App* apply =
        add_without_folder(group, "apply", "make the image from base and delta", payload_apply_, run_payload_apply);
    apply->add_option("--base", payload_apply_.base, "the image that the delta was made for")->required();
    apply->add_option("--payload", payload_apply_.payload, "the delta")->required();
    apply->add_option("--out", payload_apply_.out, "the image to write")->required();
    CLI::App* inspect =
        add_without_folder(group, "inspect", "what a delta says of itself", payload_inspect_, run_payload_inspect);
    inspect->add_option("--payload,payload", payload_inspect_.payload, "the delta")->required();
    CLI::App* local = add_without_folder(group, "local", "make a local payload, and say what a device fetches of it",
                                         payload_local_, run_payload_local);
    local->add_option("--base", payload_local_.base, "the image that the device runs")->required();
    local->add_option("--image", payload_local_.image, "the new image")->required();
    local->add_option("--out", payload_local_.out, "the blocks to write; beside them OUT.index")->required();
    local->add_option("--segment-size", payload_local_.segment_size, "that of the release")->capture_default_str();
    local->add_option("--compression-level", payload_local_.level, "zstd, 1 to 19")->capture_default_str();
    local->add_option("--workers", payload_local_.workers, "threads")->capture_default_str();
    CLI::App* compare =
        add_without_folder(group, "compare", "what two images have in common", payload_compare_, run_payload_compare);
    add_matching(compare, payload_compare_);
  }

  void add_keys(CLI::App* command, SignWords& words) {
    add_list(command, "--key", words.keys, "NAME.pem, or pkcs11:... or NAME.tenon-key for a key in a token")
        ->required();
    add_list(command, "--passphrase-from", words.passphrases_from,
             "prompt, fd:N or file:PATH, for all keys or for each");
    command->add_option("--pkcs11-module", words.pkcs11_module, "PKCS#11 module of the token, a .so");
    command->add_option("--pin-from", words.pin_from, "PIN of the token: prompt, fd:N or file:PATH");
    command->add_option("--expires-in", words.expires_in, "of the snapshot and timestamp made here, for example 7d");
    command->add_flag("--clock-is-right", words.clock_is_right, "nothing was published for a long time");
    add_dry_run(command, words.dry_run);
  }

  static void add_store(CLI::App* command, StoreWords& words) {
    CLI::Option* to = command->add_option("--to", words.address, "s3://BUCKET/PREFIX, from which devices get it");
    const auto add = [&](const char* name, auto& word, const char* what) {
      return command->add_option(name, word, what)->capture_default_str()->needs(to);
    };
    add("--s3-endpoint", words.endpoint, "https://HOST, if it is not Amazon's in the region");
    add("--s3-region", words.region, "of the bucket");
    add("--s3-key-from", words.key_from, "KEY_ID SECRET [SESSION_TOKEN] on one line: prompt, fd:N or file:PATH");
    add("--s3-ca-file", words.ca_file, "authorities to trust in place of the system's");
    add("--s3-workers", words.workers, "requests at once, 1 to 64")->check(CLI::Range(1u, 64u));
  }

  void add_signing() {
    add_keys(add(app_, "sign", "sign what is staged", sign_, run_sign), sign_);
    CLI::App* take =
        add(app_, "import", "take the signatures of files that were signed elsewhere", import_, run_import);
    take->add_option("files", import_.files, "as tenon-keyctl response merge wrote them: releases.demo.json")
        ->required();
    add_dry_run(take, import_.dry_run);
    CLI::App* refresh = add(app_, "refresh", "publish a new timestamp; for a daily job", refresh_, run_refresh);
    add_keys(refresh, refresh_);
    add_store(refresh, refresh_.store);
    CLI::App* publish = add(app_, "publish", "make public what is staged", publish_, run_publish);
    add_dry_run(publish, publish_.dry_run);
    add_store(publish, publish_.store);
    add_dry_run(add(app_, "prune", "remove files that no client can need any more; 3 if none", prune_, run_prune),
                prune_.dry_run);
    CLI::App* carry =
        add(app_, "export", "put what is public into one file for devices without a network", export_, run_export);
    carry->add_option("--out", export_.out, "the file to make, a tar: update.tar")->required();
    CLI::Option* product = carry->add_option("--product", export_.product, "the current releases of this one alone");
    carry->add_option("--channel", export_.channel, "of the product: this one alone")->needs(product);
    add_list(carry, "--target", export_.targets, "a single file, as clients name it, in place of all channels")
        ->excludes(product);
    add_dry_run(carry, export_.dry_run);
  }

  void add_looking() {
    CLI::App* verify = add(app_, "verify", "check what is public", verify_, run_verify);
    verify->add_flag("--as-client", as_client_, "as a new device does, to the last byte")->required();
    verify->add_option("--root", verify_.root, "the root that the device was made with");
    verify->add_flag("--staged", verify_.staged, "as it would be if what is staged were published now");
    add_list(verify, "--simulate-device", verify_.devices, "HARDWARE@VERSION: what would it install, and why");
    verify->add_option("--device-id", verify_.device_id, "of the simulated device: draws its place in a rollout");
    verify->add_option("--group", verify_.group, "of the simulated device");
    CLI::App* explain = add(app_, "explain", "who vouches for a target, or why nobody does", explain_, run_explain);
    explain->add_option("target", explain_.target, "as a client names it: demo/releases/1.0.0/release.json")
        ->required();
    explain->add_option("--root", explain_.root, "the root that the device was made with");
    CLI::App* diff = add(app_, "diff", "what publishing would change for clients; 3 if nothing", diff_, run_diff);
    diff->add_option("other", diff_.other, "another repository's folder: what it publishes otherwise");
    add(app_, "log", "what was published when, newest first", log_, run_log)
        ->add_option("-n,--entries", log_.entries, "how many; 0 for all")
        ->capture_default_str();
    add(app_, "list", "releases and channels, drafts included", list_, run_list);
    add(app_, "lint", "warn of what is allowed and unwise; 4 if there is a warning", lint_, run_lint);
    add(app_, "status", "roles, expiry, signatures, what blocks", status_, run_status);
  }

  CLI::App* app_;
  std::map<const CLI::App*, std::function<Result<ExitStatus>(const Console&)>> run_;
  InitWords init_;
  RootAddWords root_add_;
  PolicySetWords policy_set_;
  ReleaseAddWords release_add_;
  ReleaseRemoveWords release_remove_;
  ChannelWords channel_;
  DelegationWords delegation_;
  BinsWords bins_;
  DelegationListWords delegation_list_;
  TargetAddWords target_add_;
  TargetRemoveWords target_remove_;
  RenewWords renew_;
  PayloadBuildWords payload_build_;
  PayloadApplyWords payload_apply_;
  PayloadInspectWords payload_inspect_;
  PayloadLocalWords payload_local_;
  PayloadCompareWords payload_compare_;
  SignWords sign_;
  ImportWords import_;
  RefreshWords refresh_;
  PublishWords publish_;
  PruneWords prune_;
  ExportWords export_;
  VerifyWords verify_;
  bool as_client_ = false;  // required: other ways to verify may come
  ExplainWords explain_;
  DiffWords diff_;
  LogWords log_;
  ListWords list_;
  LintWords lint_;
  StatusWords status_;
};

double steady_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

int fail(const Error& error) {
  if (isatty(STDERR_FILENO) == 1) std::cerr << "\r\033[K";  // a progress bar that was cut off
  std::cerr << "error: " << to_string(error.code) << " ";
  // A message may have lines of its own, as the findings of a policy; each is made safe.
  for (std::string_view rest = error.message;;) {
    const std::size_t end = rest.find('\n');
    std::cerr << printable(rest.substr(0, end), 4096) << "\n";
    if (end == rest.npos) break;
    rest.remove_prefix(end + 1);
  }
  if (!error.hint.empty()) std::cerr << "hint: " << printable(error.hint, 1024) << "\n";
  return static_cast<int>(exit_status(error));
}

constexpr const char* kFooter =
    "Example, a release from image to publication:\n"
    "  tenon-repo init repo --root 1.root.json --policy 1.policy.json --product demo \\\n"
    "      --releases-key alice.tenon-key --releases-key bob.tenon-key --releases-threshold 2 --rollout-key "
    "ci.tenon-key\n"
    "  tenon-repo release add repo --product demo --version 1.0.0 --sequence 1 --hardware demo-board \\\n"
    "      --image rootfs=rootfs.ext4\n"
    "  tenon-repo channel set repo --product demo --channel stable --release 1.0.0\n"
    "  tenon-repo sign repo --key alice.pem                       # then bob, ci, and last the online key\n"
    "  tenon-repo verify repo --as-client --staged\n"
    "  tenon-repo publish repo\n"
    "Exit status: 0 done, 2 usage, 3 nothing to do, 4 refused by a rule or lint warns, 5 not verified, 6 network,\n"
    "7 a signature or a passphrase is missing, 8 files, 75 another tenon-repo is at work, or was quicker.";

int run(int argc, char** argv, const std::vector<std::string>& warnings) {
  CLI::App app("From images to a signed repository of updates.", "tenon-repo");
  bool as_json = false;
  bool quiet = false;
  app.set_version_flag("--version", "tenon-repo " TENON_VERSION);
  app.require_subcommand(1);
  app.fallthrough();
  app.add_flag("--json", as_json, "Print JSON");
  app.add_flag("-q,--quiet", quiet, "Print errors and warnings only");
  Commands commands(app);
  app.footer(kFooter);  // last: subcommands would inherit it
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);  // --help, --version
    return fail(hsm::usage_error({error.get_name(), error.what(), app.remaining(true)}));
  }
  const Result<metadata::UtcTime> now = metadata::UtcTime::from_unix(std::time(nullptr));
  if (!now) return fail(now.error());
  if (commands.uses_keys()) {
    for (const std::string& warning : warnings) std::cerr << "warning: " << warning << "\n";
  }
  ProgressMeter meter(stderr, isatty(STDERR_FILENO) == 1, steady_seconds);
  NoProgress silence;
  Progress& progress = quiet || as_json ? static_cast<Progress&>(silence) : meter;
  const Result<ExitStatus> status = commands.run(Console{std::cout, std::cerr, progress, *now, as_json, quiet});
  if (!status) return fail(status.error());
  if (!std::cout.flush()) return fail({ErrorCode::kStorage, "stdout: cannot write"});
  return static_cast<int>(*status);
}

}  // namespace

int main(int argc, char** argv) {
  keep_standard_streams();
  init_crypto();
  if (const auto agent = hsm::run_token_agent_if_asked(argc, argv)) return *agent;
  return run(argc, argv, hsm::harden_process());
}
