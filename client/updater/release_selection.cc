#include <tenon/client/updater/release_selection.h>

#include <algorithm>

namespace tenon::client {
namespace {

// A release.json as it was found and checked.
struct FoundRelease {
  policies::Release release;
  Sha256 digest;
  metadata::UtcTime valid_until;
};

Result<FoundRelease> find_release(RepositoryClient& client, const TrustedRepository& repository,
                                  const policies::Label& product, const policies::Label& version,
                                  const metadata::Rules& rules) {
  const metadata::TargetPath path = policies::release_path(product, version);
  TENON_TRY(const metadata::VerifiedTarget target, client.find(repository, path.text(), rules));
  TENON_TRY(const Bytes file, client.fetch(repository, target, policies::kMaxReleaseBytes));
  TENON_TRY(policies::Release release, policies::Release::parse(file));
  return FoundRelease{std::move(release), Sha256::of(file), target.valid_until()};
}

}  // namespace

Result<Selection> select_release(RepositoryClient& client, const TrustedRepository& repository,
                                 const policies::DeviceFacts& facts, const metadata::Rules& rules) {
  const metadata::TargetPath channel_path = policies::channel_path(facts.product, facts.channel);
  TENON_TRY(const metadata::VerifiedTarget channel_target, client.find(repository, channel_path.text(), rules));
  TENON_TRY(const Bytes channel_file, client.fetch(repository, channel_target, policies::kMaxChannelBytes));
  TENON_TRY(policies::Channel channel, policies::Channel::parse(channel_file));
  TENON_TRY_VOID(policies::check_channel(channel, facts));

  TENON_TRY(FoundRelease next, find_release(client, repository, facts.product, channel.release, rules));
  if (next.digest != channel.release_sha256) {
    return Error{ErrorCode::kMismatch, policies::release_path(facts.product, channel.release).text() + ": sha256 " +
                                           next.digest.hex() + ", the channel names " + channel.release_sha256.hex()};
  }
  metadata::UtcTime valid_until = std::min(channel_target.valid_until(), next.valid_until);
  policies::Trip trip = policies::begin_trip(channel, std::move(next.release), facts);
  while (const policies::Bridge* bridge = trip.wanted()) {
    const std::string where = "bridge " + bridge->via.text() + " to " + trip.next().title();
    TENON_TRY(next, find_release(client, repository, facts.product, bridge->via, rules).with_context(where));
    TENON_TRY_VOID(trip.add(std::move(next.release)));
    valid_until = std::min(valid_until, next.valid_until);
  }
  policies::Decision decision = policies::decide(channel, trip, facts);
  return Selection{std::move(channel), trip.next(), next.digest, std::move(decision), valid_until};
}

}  // namespace tenon::client
