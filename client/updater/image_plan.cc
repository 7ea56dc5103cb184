#include <tenon/client/updater/image_plan.h>
#include <tenon/client/writing/segment_buffer.h>

#include <algorithm>
#include <map>

namespace tenon::client {
namespace {

using metadata::VerifiedTarget;
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

// Whether a payload is the worse for this error, and no more than that.
bool is_of_one_payload(ErrorCode code) {
  return code == ErrorCode::kPolicy || code == ErrorCode::kNet || code == ErrorCode::kMismatch ||
         code == ErrorCode::kLimit || code == ErrorCode::kParse || code == ErrorCode::kExpired;
}

class Planner {
 public:
  Planner(const policies::Image& image, Slot* running, std::uint64_t memory, ReleaseFiles& files, Reporter& reporter)
      : image_(&image), running_(running), memory_(memory), files_(&files), reporter_(&reporter) {}

  Result<ImagePlan> plan() {
    for (const Payload& payload : image_->payloads) {
      Result<VerifiedTarget> target = files_->find(payload.file);
      if (!target && target.error().code != ErrorCode::kPolicy) return target.error();
      if (target) {
        add(payload, *std::move(target));
      } else {
        pass_over(payload, target.error().message);
      }
    }
    drop_deltas_of_other_bases();
    TENON_TRY_VOID(look_for_local_content());
    std::ranges::stable_sort(plan_.payloads, {}, &PlannedPayload::fetch_bytes);
    return std::move(plan_);
  }

 private:
  void pass_over(const Payload& payload, std::string why) { plan_.passed_over.push_back({payload, std::move(why)}); }

  void add(const Payload& payload, VerifiedTarget target) {
    const std::uint64_t length = target.length();
    if (payload.kind == Payload::kFull) {
      plan_.payloads.push_back({payload, std::move(target), length, 2 * std::min(image_->segment_size, image_->size)});
    } else if (payload.delta) {
      if (!fits(payload, payload.delta->memory)) return;
      if (payload.delta->base_size > running_->size()) {
        return pass_over(payload, "the slot that runs is smaller than its base");
      }
      base_sizes_[payload.delta->base_size];
      plan_.payloads.push_back({payload, std::move(target), length, payload.delta->memory});
    } else if (payload.index) {
      const std::uint64_t memory =
          LocalContent::memory_bytes(image_->size, image_->segment_size, running_ == nullptr ? 0 : running_->size());
      if (fits(payload, memory)) local_.push_back({payload, std::move(target), length, memory});
    } else {
      pass_over(payload, "this version of Tenon does not know its kind");
    }
  }

  // Whether a payload that needs the slot that runs, and so much memory, is of use. If not, it is passed over.
  bool fits(const Payload& payload, std::uint64_t memory) {
    if (memory > memory_) {
      pass_over(payload,
                "it takes " + std::to_string(memory) + " bytes of memory, " + std::to_string(memory_) + " are allowed");
    } else if (running_ == nullptr) {
      pass_over(payload, "the slot that runs cannot be read");
    } else {
      return true;
    }
    return false;
  }

  void drop_deltas_of_other_bases() {
    if (base_sizes_.empty()) return;
    const auto digests = digests_of(*running_, std::move(base_sizes_), *reporter_);
    std::erase_if(plan_.payloads, [&](const PlannedPayload& planned) {
      const auto& delta = planned.payload.delta;
      if (!delta || (digests && digests->at(delta->base_size) == delta->base_sha256)) return false;
      pass_over(planned.payload, digests ? "the slot that runs does not hold its base" : digests.error().message);
      return true;
    });
  }

  // Looking costs a reading of the slot and the index: for nothing, where there is a delta.
  Result<void> look_for_local_content() {
    const bool has_delta =
        std::ranges::any_of(plan_.payloads, [](const auto& one) { return one.payload.delta.has_value(); });
    bool looked_at_one = false;
    for (PlannedPayload& local : local_) {
      if (has_delta || looked_at_one) {
        pass_over(local.payload, has_delta ? "there is a delta" : "there is another one");
        continue;
      }
      looked_at_one = true;
      const Result<void> looked = look(local);
      if (looked) {
        plan_.payloads.push_back(std::move(local));
      } else if (is_of_one_payload(looked.error().code)) {
        pass_over(local.payload, looked.error().message);
      } else {
        return looked;
      }
    }
    return {};
  }

  Result<void> look(PlannedPayload& local) {
    TENON_TRY(const VerifiedTarget target, files_->find(*local.payload.index));
    TENON_TRY(const Bytes file, files_->fetch(target, LocalIndex::max_bytes(image_->size)));
    TENON_TRY(LocalIndex index, LocalIndex::read(file, image_->size));
    local.content = std::make_shared<const LocalContent>(LocalContent::look(
        std::move(index), running_->size(),
        [this](std::uint64_t offset, std::span<std::uint8_t> into) { return running_->read_at(offset, into); },
        [this](std::uint64_t bytes) { reporter_->progress("look", bytes, running_->size()); }));
    local.fetch_bytes = local.content->fetch_bytes();
    return {};
  }

  const policies::Image* image_;
  Slot* running_;
  std::uint64_t memory_;
  ReleaseFiles* files_;
  Reporter* reporter_;
  std::map<std::uint64_t, Sha256Hasher> base_sizes_;  // of the deltas that may be of use
  std::vector<PlannedPayload> local_;
  ImagePlan plan_;
};

}  // namespace

Result<ImagePlan> plan_image(const policies::Image& image, Slot* running, std::uint64_t memory, ReleaseFiles& files,
                             Reporter& reporter) {
  TENON_TRY(ImagePlan plan, Planner(image, running, memory, files, reporter).plan());
  if (!plan.payloads.empty()) return plan;
  std::string reasons;
  for (const PassedOver& one : plan.passed_over) reasons += "; " + one.payload.file.text() + ": " + one.why;
  return Error{ErrorCode::kPolicy, "the release has no payload that this device can use" + reasons}.with_hint(
      "publish a payload of kind \"full\"");
}

}  // namespace tenon::client
