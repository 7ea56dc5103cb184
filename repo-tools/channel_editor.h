// Setting a channel: which signed release is current for those who follow it.
#pragma once

#include <tenon/policies/channel.h>
#include <tenon/repo_tools/drafts.h>

#include <optional>
#include <vector>

namespace tenon::repo_tools {

struct ChannelRequest {
  policies::Label product;
  policies::Label channel;
  policies::Label release;                // the version that becomes current
  std::vector<policies::Label> withdraw;  // versions that nobody shall install any more
};

struct ChannelSet {
  policies::Channel channel;
  std::optional<Draft> draft = {};  // none when the channel says this already
  std::string note = {};            // something that people should know
};

// set_channel Errors: E_USAGE for a release or product that there is not; E_POLICY for a withdrawn release, and for one
// with a lower sequence than the channel's: devices would refuse it. E_STORAGE.
Result<ChannelSet> set_channel(const Repository& repository, FileWriter& writer, const ChannelRequest& request,
                               metadata::UtcTime now);

}  // namespace tenon::repo_tools
