#include <tenon/repo_tools/catalog.h>
#include <tenon/repo_tools/channel_editor.h>

#include <algorithm>

namespace tenon::repo_tools {
namespace {

using policies::Channel;

bool names(const std::vector<policies::Label>& versions, const policies::Label& version) {
  return std::ranges::find(versions, version) != versions.end();
}

// Allowed, since no device goes back: those that run the newer one stay there, all others get the older one.
Result<std::string> note_on(const Repository& repository, const std::optional<Channel>& before,
                            const ListedRelease& wanted) {
  if (!before) return std::string();
  TENON_TRY(const ListedRelease current, find_release(repository, before->product, before->release));
  if (wanted.release.sequence >= current.release.sequence) return std::string();
  return "devices that confirmed " + current.release.version.text() +
         " stay there; to take them back, add the old images as a new release with a higher sequence";
}

}  // namespace

Result<ChannelSet> set_channel(const Repository& repository, FileWriter& writer, const ChannelRequest& request,
                               metadata::UtcTime now) {
  TENON_TRY(const ListedRelease listed, find_release(repository, request.product, request.release));
  TENON_TRY(const std::optional<Channel> before, listed_channel(repository, request.product, request.channel));
  Channel channel{request.product, request.channel, 1, request.release, listed.sha256, {}};
  if (before) {
    channel.serial = before->serial;
    channel.withdrawn = before->withdrawn;
  }
  for (const policies::Label& version : request.withdraw) {
    TENON_TRY_VOID(find_release(repository, request.product, version));
    if (!channel.withdraws(version)) channel.withdrawn.push_back(version);
  }
  if (channel.withdraws(channel.release) && !names(request.withdraw, channel.release)) {
    return Error{ErrorCode::kPolicy, "release " + channel.release.text() + " is withdrawn"}.with_hint(
        "set the channel to another release");
  }
  if (before == channel) return ChannelSet{channel};
  TENON_TRY(std::string note, note_on(repository, before, listed));
  if (before) {
    TENON_TRY(const metadata::Version serial, metadata::Version::create(before->serial));
    TENON_TRY(const metadata::Version next, serial.next());
    channel.serial = next.value();
  }
  const RoleId role = rollout_role_of(request.product);
  TENON_TRY(metadata::Targets targets, repository.newest_targets(role));
  const std::string text = json::to_text(channel.to_json(), 1) + "\n";
  TENON_TRY_VOID(stage_target(repository, writer, policies::channel_path(request.product, request.channel),
                              as_bytes(text), targets));
  TENON_TRY(const Draft draft, write_draft(repository, writer, role, std::move(targets),
                                           repository.settings().expiry.of(role).after(now)));
  return ChannelSet{std::move(channel), draft, std::move(note)};
}

}  // namespace tenon::repo_tools
