#include <tenon/client/updater/image_plan.h>
#include <tenon/client/writing/segment_buffer.h>

#include <algorithm>
#include <map>

namespace tenon::client {
namespace {

using policies::Payload;

constexpr std::size_t kPieceBytes = 1u << 20;

// The digests of the first so many bytes of a slot, which is read once.
Result<std::map<std::uint64_t, Sha256>> digests_of(Slot& slot, std::map<std::uint64_t, Sha256Hasher> by_size,
                                                   Reporter& reporter) {
  SegmentBuffer buffer(kPieceBytes);
  const std::uint64_t end = by_size.rbegin()->first;
  for (std::uint64_t offset = 0; offset < end;) {
    const auto piece = buffer.first(static_cast<std::size_t>(std::min<std::uint64_t>(kPieceBytes, end - offset)));
    TENON_TRY_VOID(slot.read_at(offset, piece));
    for (auto& [size, hasher] : by_size) {
      if (size <= offset) continue;
      hasher.update(piece.first(static_cast<std::size_t>(std::min<std::uint64_t>(piece.size(), size - offset))));
    }
    offset += piece.size();
    reporter.progress("compare", offset, end);
  }
  std::map<std::uint64_t, Sha256> digests;
  for (auto& [size, hasher] : by_size) digests.emplace(size, hasher.finish());
  return digests;
}

class Planner {
 public:
  Planner(const policies::Image& image, Slot* base, std::uint64_t memory, Reporter& reporter)
      : image_(&image), base_(base), memory_(memory), reporter_(&reporter) {}

  // add takes a payload that a trusted role lists, if it is of a kind that we know.
  void add(const Payload& payload, metadata::VerifiedTarget target) {
    if (payload.kind == Payload::kFull) {
      plan_.payloads.push_back({payload, std::move(target), 2 * std::min(image_->segment_size, image_->size)});
    } else if (payload.delta) {
      add_delta(payload, std::move(target));
    } else {
      pass_over(payload, "this version of Tenon does not know its kind");
    }
  }

  void pass_over(const Payload& payload, std::string why) { plan_.passed_over.push_back({payload, std::move(why)}); }

  ImagePlan finish() {
    drop_deltas_of_other_bases();
    std::ranges::stable_sort(plan_.payloads, {}, [](const PlannedPayload& one) { return one.target.length(); });
    return std::move(plan_);
  }

 private:
  void add_delta(const Payload& payload, metadata::VerifiedTarget target) {
    const Payload::Delta& delta = *payload.delta;
    if (delta.memory > memory_) {
      pass_over(payload, "decoding takes " + std::to_string(delta.memory) + " bytes of memory, " +
                             std::to_string(memory_) + " are allowed");
    } else if (base_ == nullptr) {
      pass_over(payload, "the slot that runs cannot be read");
    } else if (delta.base_size > base_->size()) {
      pass_over(payload, "the slot that runs is smaller than its base");
    } else {
      base_sizes_[delta.base_size];
      plan_.payloads.push_back({payload, std::move(target), delta.memory});
    }
  }

  void drop_deltas_of_other_bases() {
    if (base_sizes_.empty()) return;
    const auto digests = digests_of(*base_, std::move(base_sizes_), *reporter_);
    std::erase_if(plan_.payloads, [&](const PlannedPayload& planned) {
      const auto& delta = planned.payload.delta;
      if (!delta || (digests && digests->at(delta->base_size) == delta->base_sha256)) return false;
      pass_over(planned.payload, digests ? "the slot that runs does not hold its base" : digests.error().message);
      return true;
    });
  }

  const policies::Image* image_;
  Slot* base_;
  std::uint64_t memory_;
  Reporter* reporter_;
  std::map<std::uint64_t, Sha256Hasher> base_sizes_;
  ImagePlan plan_;
};

}  // namespace

Result<ImagePlan> plan_image(const policies::Image& image, Slot* base, std::uint64_t memory, const FindPayload& find,
                             Reporter& reporter) {
  Planner planner(image, base, memory, reporter);
  for (const Payload& payload : image.payloads) {
    Result<metadata::VerifiedTarget> target = find(payload.file);
    if (target) {
      planner.add(payload, *std::move(target));
    } else if (target.error().code == ErrorCode::kPolicy) {
      planner.pass_over(payload, target.error().message);
    } else {
      return target.error();
    }
  }
  ImagePlan plan = planner.finish();
  if (!plan.payloads.empty()) return plan;
  std::string reasons;
  for (const PassedOver& one : plan.passed_over) reasons += "; " + one.payload.file.text() + ": " + one.why;
  return Error{ErrorCode::kPolicy, "the release has no payload that this device can use" + reasons}.with_hint(
      "publish a payload of kind \"full\"");
}

}  // namespace tenon::client
