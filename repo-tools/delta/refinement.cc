#include <tenon/repo_tools/delta/byte_compare.h>
#include <tenon/repo_tools/delta/refinement.h>

#include <algorithm>
#include <array>
#include <cstdint>

namespace tenon::repo_tools {
namespace {

// What things cost once they are coded, as measured with the coder of deltas. Units: 1/16 bit.
constexpr std::int32_t kRightByte = 1;
constexpr std::int32_t kWrongByte = 144;
constexpr std::int32_t kLiteralStart = 160;
constexpr std::int32_t kJump = 560;        // to an alignment
constexpr std::int32_t kRecentJump = 320;  // to one that was used a little before
constexpr std::int32_t kReturn = 220;      // from a literal to the alignment before it
constexpr std::int32_t kImpossible = 1 << 28;

constexpr std::size_t kAround = 4;  // alignments of so many stretches before and behind are tried
constexpr std::size_t kMaxLabels = 2 * kAround;
constexpr std::size_t kMaxStates = 2 * kMaxLabels + 1;
constexpr std::size_t kSettledRun = 96;    // bytes; what goes on for so long is not doubted in the middle
constexpr std::size_t kDoubtfulEdge = 32;  // bytes
constexpr std::size_t kMaxTrail = 8192;    // bytes; then the best so far is taken

// The alignments that are tried at a byte.
struct Labels {
  std::size_t count = 0;
  std::array<std::ptrdiff_t, kMaxLabels> shift = {};  // base offset less offset
  std::array<bool, kMaxLabels> recent = {};

  std::size_t find(std::ptrdiff_t wanted) const {
    return static_cast<std::size_t>(
        std::find(shift.begin(), shift.begin() + static_cast<std::ptrdiff_t>(count), wanted) - shift.begin());
  }
  void add(std::ptrdiff_t wanted, bool is_recent) {
    if (find(wanted) != count) return;
    shift[count] = wanted;
    recent[count] = is_recent;
    ++count;
  }
};

std::ptrdiff_t shift_of(const Resemblance& stretch) {
  return static_cast<std::ptrdiff_t>(stretch.base_offset) - static_cast<std::ptrdiff_t>(stretch.offset);
}

// State 2 * l: resembling by label l. State 2 * l + 1: literal, label l before it. Last state: literal, whatever was before.
class Refinement {
 public:
  Refinement(ByteView base, ByteView text, const std::vector<Resemblance>& found, std::int32_t literal_price)
      : base_(base), text_(text), found_(found), literal_price_(literal_price) {
    cost_.fill(kImpossible);
    cost_[0] = 0;
  }

  std::vector<Resemblance> run() {
    for (std::size_t i = 0; i < found_.size(); ++i) {
      go_to(labels_around(i), found_[i].offset);
      go_along(labels_around(i), found_[i]);
    }
    go_to(labels_around(found_.size()), text_.size());
    settle(best_state());
    return std::move(refined_);
  }

 private:
  Labels labels_around(std::size_t i) const {
    Labels labels;
    for (std::size_t k = i - std::min(i, kAround); k < std::min(found_.size(), i + kAround); ++k) {
      labels.add(shift_of(found_[k]), k < i);
    }
    return labels;
  }

  // Bytes that no stretch has.
  void go_to(const Labels& labels, std::size_t end) {
    while (at_ < end) {
      if (end - at_ > kSettledRun) {
        for (std::size_t i = 0; i < kDoubtfulEdge; ++i) step(labels);
        settle(best_literal());
        at_ = end - kDoubtfulEdge;
        block_begin_ = at_;
      } else {
        step(labels);
      }
    }
  }

  // The bytes of a stretch.
  void go_along(const Labels& labels, const Resemblance& stretch) {
    const std::size_t end = stretch.offset + stretch.length;
    const std::size_t own = labels.find(shift_of(stretch));
    while (at_ < end) {
      const std::size_t from = stretch.base_offset + (at_ - stretch.offset);
      const std::size_t run = common_length(base_.subspan(from, end - at_), text_.subspan(at_));
      if (run > kSettledRun) {
        for (std::size_t i = 0; i < kDoubtfulEdge; ++i) step(labels);
        settle(2 * own);
        emit(at_, run - 2 * kDoubtfulEdge, labels.shift[own]);
        at_ += run - 2 * kDoubtfulEdge;
        block_begin_ = at_;
        for (std::size_t i = 0; i < kDoubtfulEdge; ++i) step(labels);
      } else {
        for (std::size_t i = 0; i < std::max<std::size_t>(run, 1); ++i) step(labels);
      }
    }
  }

  std::int32_t price(std::ptrdiff_t shift) const {
    const std::ptrdiff_t from = static_cast<std::ptrdiff_t>(at_) + shift;
    if (from < 0 || from >= static_cast<std::ptrdiff_t>(base_.size())) return kImpossible;
    return base_[static_cast<std::size_t>(from)] == text_[at_] ? kRightByte : kWrongByte;
  }

  std::size_t state_count() const { return 2 * labels_.count + 1; }
  std::size_t best_state() const {
    const auto end = cost_.begin() + static_cast<std::ptrdiff_t>(state_count());
    return static_cast<std::size_t>(std::min_element(cost_.begin(), end) - cost_.begin());
  }
  std::size_t best_literal() const {
    std::size_t best = 2 * labels_.count;
    for (std::size_t label = 0; label < labels_.count; ++label) {
      if (cost_[2 * label + 1] <= cost_[best]) best = 2 * label + 1;
    }
    return best;
  }
  bool is_literal(std::size_t state) const { return state % 2 == 1 || state == 2 * labels_.count; }

  // step goes over one byte.
  void step(const Labels& labels) {
    if (trail_.size() >= kMaxTrail) settle(best_state());
    const std::size_t best = best_state();
    const std::int32_t best_cost = cost_[best];
    const std::size_t other = 2 * labels_.count;
    std::array<std::int32_t, kMaxStates> cost;
    Trail trail;
    trail.labels = labels;
    const auto offer = [&](std::size_t to, std::size_t from, std::int32_t price_of_all) {
      if (price_of_all >= cost[to]) return;
      cost[to] = price_of_all;
      trail.from[to] = static_cast<std::uint8_t>(from);
    };
    cost.fill(kImpossible);
    for (std::size_t label = 0; label < labels.count; ++label) {
      const std::size_t before = labels_.find(labels.shift[label]);
      const std::int32_t byte = price(labels.shift[label]);
      if (before != labels_.count) {
        offer(2 * label, 2 * before, cost_[2 * before] + byte);
        offer(2 * label, 2 * before + 1, cost_[2 * before + 1] + kReturn + byte);
        offer(2 * label + 1, 2 * before + 1, cost_[2 * before + 1] + literal_price_);
        offer(2 * label + 1, 2 * before, cost_[2 * before] + kLiteralStart + literal_price_);
      }
      offer(2 * label, best, best_cost + (labels.recent[label] ? kRecentJump : kJump) + byte);
    }
    offer(2 * labels.count, other, cost_[other] + literal_price_);
    offer(2 * labels.count, best, best_cost + (is_literal(best) ? 0 : kLiteralStart) + literal_price_);
    cost_ = cost;
    labels_ = labels;
    trail_.push_back(trail);
    ++at_;
  }

  // settle decides on all bytes since the last time, given the state of the last one.
  void settle(std::size_t state) {
    const std::size_t last = state;
    std::vector<std::size_t> states(trail_.size());
    for (std::size_t i = trail_.size(); i-- > 0;) {
      states[i] = state;
      state = trail_[i].from[state];
    }
    for (std::size_t i = 0; i < trail_.size(); ++i) {
      const Labels& labels = trail_[i].labels;
      if (states[i] % 2 == 0 && states[i] != 2 * labels.count) emit(block_begin_ + i, 1, labels.shift[states[i] / 2]);
    }
    trail_.clear();
    block_begin_ = at_;
    cost_.fill(kImpossible);
    cost_[last] = 0;
  }

  void emit(std::size_t offset, std::size_t length, std::ptrdiff_t shift) {
    if (!refined_.empty() && refined_.back().offset + refined_.back().length == offset &&
        shift_of(refined_.back()) == shift) {
      refined_.back().length += length;
    } else {
      refined_.push_back({offset, length, static_cast<std::size_t>(static_cast<std::ptrdiff_t>(offset) + shift)});
    }
  }

  struct Trail {
    Labels labels;
    std::array<std::uint8_t, kMaxStates> from = {};  // the state before, by state
  };

  ByteView base_;
  ByteView text_;
  const std::vector<Resemblance>& found_;
  std::int32_t literal_price_;
  std::size_t at_ = 0;
  std::size_t block_begin_ = 0;  // of the bytes in the trail
  Labels labels_;                // of the byte before
  std::array<std::int32_t, kMaxStates> cost_ = {};
  std::vector<Trail> trail_;
  std::vector<Resemblance> refined_;
};

}  // namespace

std::vector<Resemblance> refine_resemblances(ByteView base, ByteView text, const std::vector<Resemblance>& found,
                                             std::int32_t literal_price) {
  return Refinement(base, text, found, literal_price).run();
}

}  // namespace tenon::repo_tools
