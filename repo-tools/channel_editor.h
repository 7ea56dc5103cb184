// Editing a channel: which signed release is current for those who follow it, and how far its rollout has got.
#pragma once

#include <tenon/policies/channel.h>
#include <tenon/repo_tools/drafts.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace tenon::repo_tools {

// RolloutChange names what is to be another way; the rest stays.
struct RolloutChange {
  std::optional<bool> is_paused = {};
  std::optional<policies::Share> share = {};
  std::optional<policies::Ramp> ramp = {};
  std::map<policies::Label, policies::Share> groups = {};
  std::optional<policies::Sequence> urgent_below = {};
  std::optional<metadata::UtcTime> deadline = {};

  bool operator==(const RolloutChange&) const = default;
};

struct ChannelRequest {
  policies::Label product;
  policies::Label channel;
  std::optional<policies::Label> release = {};  // the version that becomes current; absent: the one that is
  std::vector<policies::Label> withdraw = {};   // versions that nobody shall install any more
  RolloutChange rollout = {};
};

struct ChannelEdited {
  policies::Channel channel;
  std::optional<Draft> draft = {};  // none when the channel says this already
  std::string note = {};            // something that people should know
};

// edit_channel drafts the channel as requested. Another release begins a rollout of its own, for everybody at once unless
// the request says otherwise.
// Errors: E_USAGE for a release or product that there is not, or a channel that was never set; E_POLICY for a withdrawn
// release, and for a share that falls, also of a group or by another ramp: devices that have the release keep it.
// E_STORAGE.
Result<ChannelEdited> edit_channel(const Repository& repository, FileWriter& writer, const ChannelRequest& request,
                                   metadata::UtcTime now);

}  // namespace tenon::repo_tools
