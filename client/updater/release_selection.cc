#include <tenon/client/updater/release_selection.h>

#include <algorithm>

namespace tenon::client {

Result<Selection> select_release(RepositoryClient& client, const TrustedRepository& repository,
                                 const policies::DeviceFacts& facts, const metadata::Rules& rules) {
  const metadata::TargetPath channel_path = policies::channel_path(facts.product, facts.channel);
  TENON_TRY(const metadata::VerifiedTarget channel_target, client.find(repository, channel_path.text(), rules));
  TENON_TRY(const Bytes channel_file, client.fetch(repository, channel_target, policies::kMaxChannelBytes));
  TENON_TRY(policies::Channel channel, policies::Channel::parse(channel_file));
  TENON_TRY_VOID(policies::check_channel(channel, facts));

  const metadata::TargetPath release_path = policies::release_path(facts.product, channel.release);
  TENON_TRY(const metadata::VerifiedTarget release_target, client.find(repository, release_path.text(), rules));
  TENON_TRY(const Bytes release_file, client.fetch(repository, release_target, policies::kMaxReleaseBytes));
  const Sha256 digest = Sha256::of(release_file);
  if (digest != channel.release_sha256) {
    return Error{ErrorCode::kMismatch, release_path.text() + ": sha256 " + digest.hex() + ", the channel names " +
                                           channel.release_sha256.hex()};
  }
  TENON_TRY(policies::Release release, policies::Release::parse(release_file));
  policies::Decision decision = policies::decide(channel, release, facts);
  return Selection{std::move(channel), std::move(release), digest, std::move(decision),
                   std::min(channel_target.valid_until(), release_target.valid_until())};
}

}  // namespace tenon::client
