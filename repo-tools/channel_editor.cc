#include <tenon/repo_tools/catalog.h>
#include <tenon/repo_tools/channel_editor.h>

#include <algorithm>
#include <set>

namespace tenon::repo_tools {
namespace {

using policies::Channel;
using policies::Label;
using policies::Release;
using policies::Rollout;
using policies::Share;

// Allowed, since no device goes back: those that run the newer one stay there, all others get the older one.
Result<std::string> note_on_going_back(const Repository& repository, const std::optional<Channel>& before,
                                       const Release& wanted) {
  if (!before) return std::string();
  TENON_TRY(const ListedRelease current, find_release(repository, before->product, before->release));
  if (wanted.sequence >= current.release.sequence) return std::string();
  return "devices that confirmed " + current.release.version.text() +
         " stay there; to take them back, add the old images as a new release with a higher sequence";
}

// A release on the way to another one, and the first sequence that does not go over it.
struct Leg {
  const Release* release;
  std::optional<policies::Sequence> below = {};  // absent: of the last, which all go to
};

// Allowed, since a bridge may be what is wrong: those who need it wait, all others go on.
std::string note_on_bridges(const Channel& channel, const Release& wanted, const std::vector<ListedRelease>& listed) {
  std::string note;
  std::vector<Leg> legs{{&wanted}};
  std::set<Label> noted;
  for (std::size_t i = 0; i < legs.size(); ++i) {
    const Leg leg = legs[i];  // the list grows below
    for (const policies::Bridge& bridge : leg.release->bridges) {
      if (!noted.insert(bridge.via).second) continue;
      const policies::Sequence below = std::min(bridge.below, leg.below.value_or(bridge.below));
      if (channel.withdraws(bridge.via)) {
        note += (note.empty() ? "" : "; ") + std::string("devices below sequence ") + std::to_string(below.value()) +
                " wait: " + bridge.via.text() + ", over which they go, is withdrawn";
      }
      const auto is_via = [&](const ListedRelease& one) { return one.release.version == bridge.via; };
      if (const auto via = std::ranges::find_if(listed, is_via); via != listed.end()) {
        legs.push_back({&via->release, below});
      }
    }
  }
  return note;
}

Result<void> check_not_falling(const std::string& whose, Share before, Share after) {
  if (after >= before) return {};
  return Error{ErrorCode::kPolicy, whose + " falls from " + before.percent() + " to " + after.percent() +
                                       ": devices that have the release keep it"}
      .with_hint("to stop, tenon-repo channel pause, or channel withdraw");
}

Result<Rollout> changed(const Rollout& before, const RolloutChange& change, metadata::UtcTime now) {
  Rollout rollout = before;
  rollout.is_paused = change.is_paused.value_or(rollout.is_paused);
  if (change.share) {
    TENON_TRY_VOID(check_not_falling("the share", rollout.share, *change.share));
    rollout.share = *change.share;
  }
  for (const auto& [group, share] : change.groups) {
    const auto old = rollout.groups.find(group);
    if (old != rollout.groups.end()) {
      TENON_TRY_VOID(check_not_falling("the share of group " + group.text(), old->second, share));
    }
    rollout.groups.insert_or_assign(group, share);
  }
  if (change.ramp) {
    rollout.ramp = change.ramp;
    TENON_TRY_VOID(check_not_falling("the share that the ramp has reached", before.share_of(std::nullopt, now),
                                     rollout.share_of(std::nullopt, now)));
  }
  if (change.urgent_below) rollout.urgent_below = change.urgent_below;
  if (change.deadline) rollout.deadline = change.deadline;
  return rollout;
}

// A rollout that begins has no share that could fall: with a share, a ramp or a group it is for those alone.
Rollout begun(const RolloutChange& change) {
  Rollout rollout;
  if (change.share || change.ramp || !change.groups.empty()) rollout.share = Share::none();
  return rollout;
}

Result<Channel> wanted_channel(const Repository& repository, const std::optional<Channel>& before,
                               const ChannelRequest& request, const ListedRelease& listed, metadata::UtcTime now) {
  const bool same_release = before && before->release_sha256 == listed.sha256;
  Channel channel{request.product,        request.channel, before ? before->serial : 1,
                  listed.release.version, listed.sha256,   before ? before->withdrawn : std::vector<Label>()};
  TENON_TRY(channel.rollout, changed(same_release ? before->rollout : begun(request.rollout), request.rollout, now));
  for (const Label& version : request.withdraw) {
    TENON_TRY_VOID(find_release(repository, request.product, version));
    if (!channel.withdraws(version)) channel.withdrawn.push_back(version);
  }
  const bool is_withdrawn_now = std::ranges::find(request.withdraw, channel.release) != request.withdraw.end();
  if (request.release && channel.withdraws(channel.release) && !is_withdrawn_now) {
    return Error{ErrorCode::kPolicy, "release " + channel.release.text() + " is withdrawn"}.with_hint(
        "set the channel to another release");
  }
  return channel;
}

}  // namespace

Result<ChannelEdited> edit_channel(const Repository& repository, FileWriter& writer, const ChannelRequest& request,
                                   metadata::UtcTime now) {
  TENON_TRY(const std::optional<Channel> before, listed_channel(repository, request.product, request.channel));
  if (!request.release && !before) {
    return Error{ErrorCode::kUsage,
                 "channel " + request.channel.text() + " of " + request.product.text() + " was never set"}
        .with_hint("tenon-repo channel set --release VERSION");
  }
  const Label& version = request.release ? *request.release : before->release;
  TENON_TRY(const ListedRelease listed, find_release(repository, request.product, version));
  TENON_TRY(Channel channel, wanted_channel(repository, before, request, listed, now));
  if (before == channel) return ChannelEdited{std::move(channel)};
  TENON_TRY(std::string note, note_on_going_back(repository, before, listed.release));
  TENON_TRY(const std::vector<ListedRelease> releases, listed_releases(repository, request.product));
  const std::string more = note_on_bridges(channel, listed.release, releases);
  if (!more.empty()) note += (note.empty() ? "" : "; ") + more;
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
  return ChannelEdited{std::move(channel), draft, std::move(note)};
}

}  // namespace tenon::repo_tools
