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

Result<FoundChannel> find_channel(RepositoryClient& client, const TrustedRepository& repository,
                                  const policies::DeviceFacts& facts, const metadata::Rules& rules) {
  const metadata::TargetPath path = policies::channel_path(facts.product, facts.channel);
  TENON_TRY(const metadata::VerifiedTarget target, client.find(repository, path.text(), rules));
  TENON_TRY(const Bytes file, client.fetch(repository, target, policies::kMaxChannelBytes));
  TENON_TRY(policies::Channel channel, policies::Channel::parse(file));
  TENON_TRY_VOID(policies::check_channel(channel, facts));
  return FoundChannel{std::move(channel), target.valid_until()};
}

Result<Selection> select_release(RepositoryClient& client, const TrustedRepository& repository, FoundChannel found,
                                 const policies::DeviceFacts& facts, const metadata::Rules& rules,
                                 const std::optional<Sha256>& written) {
  auto& [channel, valid_until] = found;
  TENON_TRY(FoundRelease named, find_release(client, repository, facts.product, channel.release, rules));
  if (named.digest != channel.release_sha256) {
    return Error{ErrorCode::kMismatch, policies::release_path(facts.product, channel.release).text() + ": sha256 " +
                                           named.digest.hex() + ", the channel names " + channel.release_sha256.hex()};
  }
  metadata::UtcTime ends = std::min(valid_until, named.valid_until);
  Sha256 digest = named.digest;
  policies::Trip trip = policies::begin_trip(channel, std::move(named.release), facts);
  const auto find_bridge = [&](const policies::Bridge& bridge) -> Result<policies::Release> {
    TENON_TRY(FoundRelease via, find_release(client, repository, facts.product, bridge.via, rules));
    digest = via.digest;
    ends = std::min(ends, via.valid_until);
    return std::move(via.release);
  };
  TENON_TRY_VOID(policies::complete_trip(trip, find_bridge));
  policies::Decision wanted = policies::decide(channel, trip, without_wishes(facts));
  policies::Decision decision = policies::decide(channel, trip, for_arming(facts));
  bool may_write = false;
  if (written != digest) {
    policies::Decision writing = policies::decide(channel, trip, for_writing(facts));
    may_write = writing.verdict == policies::Verdict::kInstall;
    if (!may_write) decision = std::move(writing);
  }
  const policies::Release& next = trip.next();
  return Selection{std::move(channel), trip, next, digest, std::move(wanted), std::move(decision), may_write, ends};
}

}  // namespace tenon::client
