// release.json and channel documents, which a device reads: one that is read is written and read again as the same, and
// decide() has an answer about any two of them, for a device that knows everything and for one that knows nothing, and none
// that skips a bridge.
#include <tenon/metadata/check.h>
#include <tenon/policies/device_rules.h>

#include <algorithm>
#include <cstdint>

using tenon::ByteView;
using tenon::ErrorCode;
using tenon::Result;
using tenon::policies::Bridge;
using tenon::policies::Channel;
using tenon::policies::Decision;
using tenon::policies::DeviceFacts;
using tenon::policies::Release;
using tenon::policies::Sequence;
using tenon::policies::Verdict;

namespace {

template <class Document>
Result<Document> read(ByteView file) {
  Result<Document> document = Document::parse(file);
  if (!document) {
    TENON_CHECK(document.error().code == ErrorCode::kParse || document.error().code == ErrorCode::kLimit);
    return document;
  }
  const std::string text = tenon::json::to_text(document->to_json());
  const Result<Document> again = Document::parse(tenon::as_bytes(text));
  TENON_CHECK(again && *again == *document);
  return document;
}

// A share that grows is never taken back, and nobody waits longer for knowing the time or having a group.
void check_shares(const Channel& channel) {
  const auto now = channel.rollout.deadline.value_or(tenon::metadata::UtcTime::epoch());
  const auto without = channel.rollout.share_of(std::nullopt, std::nullopt);
  const auto with_time = channel.rollout.share_of(std::nullopt, now);
  TENON_CHECK(with_time >= without);
  TENON_CHECK(channel.rollout.share_of(std::nullopt, now.plus_seconds(3600)) >= with_time);
  for (const auto& [group, share] : channel.rollout.groups) {
    TENON_CHECK(channel.rollout.share_of(group, now) >= with_time && channel.rollout.share_of(group, now) >= share);
  }
}

// A device takes the first bridge that it is below, and none to what it runs or to what is older.
void check_bridges(const Release& release) {
  TENON_CHECK(release.bridge_for(release.sequence) == nullptr);
  TENON_CHECK((release.bridge_for(std::nullopt) == nullptr) == release.bridges.empty());
  for (const Bridge& bridge : release.bridges) {
    for (const std::int64_t running : {bridge.below.value() - 1, bridge.below.value()}) {
      const Bridge* taken = release.bridge_for(*Sequence::create(running));
      TENON_CHECK(taken == nullptr || running < taken->below.value());
      for (const Bridge& other : release.bridges) {
        TENON_CHECK(running >= other.below.value() || (taken != nullptr && taken->below <= other.below));
      }
    }
  }
}

Decision decide(const Channel& channel, const Release& release, const DeviceFacts& facts) {
  return decide(channel, begin_trip(channel, release, facts), facts);
}

void check_decisions(const Channel& channel, const Release& release) {
  DeviceFacts facts{channel.product, release.hardware.front(), channel.channel};
  TENON_CHECK(!decide(channel, release, facts).reason.empty());
  for (const Bridge& bridge : release.bridges) {  // nobody skips one
    facts.running_sequence = *Sequence::create(bridge.below.value() - 1);
    TENON_CHECK(decide(channel, release, facts).verdict == Verdict::kRefuse);
  }
  facts.running_sequence = release.sequence;
  facts.floor.raise(release.sequence, release.floor);
  facts.device_id = "device";
  facts.now = channel.rollout.deadline;
  const auto decision = decide(channel, release, facts);
  if (decision.verdict != Verdict::kInstall) return;
  TENON_CHECK(!channel.rollout.is_paused && !channel.withdraws(release.version));
  TENON_CHECK(release.sequence >= *facts.floor.lowest() && release.product == channel.product);
}

}  // namespace

// The input is a channel document, a zero byte, and a release.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView input(data, size);
  const auto zero = static_cast<std::size_t>(std::find(input.begin(), input.end(), 0) - input.begin());
  const Result<Channel> channel = read<Channel>(input.first(zero));
  const Result<Release> release = read<Release>(input.subspan(zero == size ? size : zero + 1));
  if (channel) check_shares(*channel);
  if (release) check_bridges(*release);
  if (channel && release) check_decisions(*channel, *release);
  return 0;
}
