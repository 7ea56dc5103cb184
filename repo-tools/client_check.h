// A client in memory: the device's own refresh session and target search over what somebody serves, so that what we
// publish is judged by the code that will judge it. Thread: one.
#pragma once

#include <tenon/client/workflow/refresh_session.h>
#include <tenon/policies/device_rules.h>
#include <tenon/repo_tools/progress.h>
#include <tenon/repo_tools/repository_view.h>
#include <tenon/repo_tools/served_files.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace tenon::repo_tools {

// ClientState is what a device keeps between two refreshes; empty for a new one.
struct ClientState {
  std::map<std::string, Bytes> files = {};
  metadata::VersionFloors floors = {};
};

class CheckingClient {
 public:
  // CheckingClient Caller must keep the files alive. embedded_root is what the device was made with.
  CheckingClient(const ServedFiles& files, ByteView embedded_root, ClientState state, metadata::UtcTime now);

  // refresh Errors: what the device's session says. The state keeps what was accepted before.
  Result<void> refresh();

  // walk searches for a target: found is nothing when nobody vouches for it, asked are the roles in their order.
  // Pre: refresh() succeeded. Errors: those of TargetSearch.
  struct Walk {
    std::vector<metadata::RoleName> asked;
    std::optional<metadata::VerifiedTarget> found;
  };
  Result<Walk> walk(const metadata::TargetPath& path);
  // find gives a target that somebody vouches for. Errors: those of walk; E_NET when nobody does; E_POLICY without
  // sha256.
  struct Found {
    metadata::VerifiedTarget target;
    Sha256 sha256;
  };
  Result<Found> find(const metadata::TargetPath& path);
  // read finds and reads a small target. Errors: those of find and of ServedFiles; E_MISMATCH.
  Result<Bytes> read(const metadata::TargetPath& path, std::size_t max_bytes);

  const client::TrustedRepository& repository() const { return *repository_; }
  const ClientState& state() const { return state_; }

 private:
  // run gives what the session wants to keep to keep(Persist).
  template <class Session, class Keep>
  Result<void> run(Session& session, Keep keep);

  const ServedFiles* files_;
  Bytes embedded_root_;
  ClientState state_;
  metadata::Rules rules_;
  std::optional<client::TrustedRepository> repository_;
};

// state_of_a_known_device is what a device knows that came by while the published metadata was valid. Errors: those of
// Repository::published().
Result<ClientState> state_of_a_known_device(const Repository& repository);

// is_channel_path is true for <product>/channels/<channel>.json.
bool is_channel_path(std::string_view path);

// channel_paths gives the channel documents that the roles below targets list. A device asks for one by name; this only
// finds the names: what they lead to is then searched for from the top.
Result<std::vector<metadata::TargetPath>> channel_paths(const ServedFiles& files,
                                                        const client::TrustedRepository& repository);

// check_channel_pin reads a channel document and the release that it pins. Errors: those of read; E_PARSE for what is
// neither; E_MISMATCH for another release.json than the channel pins; E_POLICY for a document that lies at another
// channel's path.
struct CurrentRelease {
  policies::Channel channel;
  policies::Release release;
};
Result<CurrentRelease> check_channel_pin(CheckingClient& client, const metadata::TargetPath& path);

// bridges_to gives the releases over which a device may come to this one, whatever it runs now.
// Errors: those of read, E_NET among them for a bridge that nobody lists; E_PARSE for what is no release; E_POLICY for
// a bridge that leads nowhere.
Result<std::vector<policies::Release>> bridges_to(CheckingClient& client, const policies::Release& release);

// SimulatedDevice is a device that a decision is asked for. Without a version it runs nothing of ours yet.
struct SimulatedDevice {
  policies::Label hardware;
  std::optional<policies::Label> version = {};
  std::string device_id = {};
  std::optional<policies::Label> group = {};

  // parse reads "HARDWARE" or "HARDWARE@VERSION". Errors: E_PARSE.
  static Result<SimulatedDevice> parse(std::string_view text);
  std::string text() const;
};

// ChannelReport is what a device that follows a channel would find.
struct ChannelReport {
  std::string path;  // of the channel document
  std::optional<policies::Channel> channel = {};
  std::optional<policies::Release> release = {};
  std::uint64_t payload_bytes = 0;  // of all images of the release
  std::vector<std::pair<SimulatedDevice, policies::Decision>> decisions = {};
  std::optional<Error> error = {};
};

struct ClientReport {
  metadata::Version root_version = metadata::Version::first();
  metadata::Version timestamp_version = metadata::Version::first();
  metadata::UtcTime timestamp_expires = metadata::UtcTime::epoch();
  std::vector<ChannelReport> channels = {};

  // first_error gives the error of the first channel that has one.
  std::optional<Error> first_error() const;
  json::Value to_json() const;
};

// VerifyOptions says who looks: without devices, a new one of each hardware that a release is for.
struct VerifyOptions {
  metadata::UtcTime now;
  std::vector<SimulatedDevice> devices = {};
};

// verify_as_client goes from the embedded root to every byte of every image of every channel and of the bridges to it,
// and decides for each device.
// Errors: those of the refresh; the errors of a channel stand in its report, E_USAGE among them for a device that runs
// a version which there is not.
Result<ClientReport> verify_as_client(const RepositoryView& view, ByteView embedded_root, const VerifyOptions& options,
                                      Progress& progress);

}  // namespace tenon::repo_tools
