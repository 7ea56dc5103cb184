#include <tenon/repo_tools/delta/byte_compare.h>
#include <tenon/repo_tools/delta/resemblance.h>

#include <algorithm>

namespace tenon::repo_tools {
namespace {

// An equal run of this many bytes is believed without a search: what matches elsewhere is hardly longer.
constexpr std::size_t kBelievedRun = 32;
// After so many bytes without a run that is believed, the next one begins a stretch of its own; a run of this length always.
constexpr std::size_t kForgotten = 64;
constexpr std::size_t kAnewRun = 256;
// A stretch ends for good when this much worse than at its best: rights less wrongs.
constexpr std::ptrdiff_t kHopeless = 1024;

// A stretch grows while more bytes are right than wrong.
constexpr std::ptrdiff_t kRight = 1;
constexpr std::ptrdiff_t kWrong = -1;

class Scan {
 public:
  Scan(ByteView base, const SuffixIndex& base_index, ByteView text, std::size_t threshold)
      : base_(base), base_index_(base_index), text_(text), threshold_(threshold) {}

  std::vector<Resemblance> run() {
    std::size_t at = 0;
    while (at < text_.size()) {
      if (const std::size_t run = equal_run(at); run >= kBelievedRun) {
        // A stretch that had ended may go on far behind, and what lies between may be nothing of it.
        if (at - confirmed_ > kForgotten || run >= kAnewRun) switch_to(at, aligned(at));
        at += run;
        confirmed_ = at;
        continue;
      }
      const SuffixIndex::Match match = base_index_.longest_match(text_.subspan(at));
      const std::size_t score = aligned_score(at, match.length);
      if (match.length > score + threshold_) {
        switch_to(at, match.position);
        at += match.length;
        confirmed_ = at;
      } else {
        at += score == match.length ? std::max<std::size_t>(score, 1) : 1;
      }
    }
    finish_stretch(forward_reach(text_.size()));
    return std::move(found_);
  }

 private:
  // Where the current alignment puts a byte of the text; behind the base if nowhere.
  std::size_t aligned(std::size_t at) const {
    return started_ ? stretch_.base_offset + (at - stretch_.offset) : base_.size();
  }

  std::size_t equal_run(std::size_t at) const {
    const std::size_t from = aligned(at);
    return from >= base_.size() ? 0 : common_length(base_.subspan(from), text_.subspan(at));
  }

  std::size_t aligned_score(std::size_t at, std::size_t length) const {
    const std::size_t from = aligned(at);
    if (from >= base_.size()) return 0;
    const std::size_t limit = std::min(length, base_.size() - from);
    std::size_t score = 0;
    for (std::size_t i = 0; i < limit; ++i) score += base_[from + i] == text_[at + i] ? 1 : 0;
    return score;
  }

  // How far the current stretch reaches at best, up to end.
  std::size_t forward_reach(std::size_t end) const {
    if (!started_) return 0;
    const std::size_t limit = std::min(end - stretch_.offset, base_.size() - stretch_.base_offset);
    std::ptrdiff_t score = 0;
    std::ptrdiff_t best = 0;
    std::size_t reach = 0;
    for (std::size_t i = 0; i < limit && score > best - kHopeless; ++i) {
      score += base_[stretch_.base_offset + i] == text_[stretch_.offset + i] ? kRight : kWrong;
      if (score <= best) continue;
      best = score;
      reach = i + 1;
    }
    return reach;
  }

  // How far a match reaches backwards at best, down to where the current stretch begins.
  std::size_t backward_reach(std::size_t at, std::size_t base_at) const {
    const std::size_t limit = std::min(at - (started_ ? stretch_.offset : 0), base_at);
    std::ptrdiff_t score = 0;
    std::ptrdiff_t best = 0;
    std::size_t reach = 0;
    for (std::size_t i = 1; i <= limit && score > best - kHopeless; ++i) {
      score += base_[base_at - i] == text_[at - i] ? kRight : kWrong;
      if (score <= best) continue;
      best = score;
      reach = i;
    }
    return reach;
  }

  void switch_to(std::size_t at, std::size_t base_at) {
    std::size_t reach = forward_reach(at);
    std::size_t back = backward_reach(at, base_at);
    const std::size_t stretch_end = stretch_.offset + reach;
    if (started_ && stretch_end > at - back) {
      // Both want the bytes between: the old one keeps as many as it has more right.
      const std::size_t overlap = stretch_end - (at - back);
      const std::size_t old_from = stretch_.base_offset + reach - overlap;
      const std::size_t new_from = base_at - back;
      std::ptrdiff_t score = 0;
      std::ptrdiff_t best = 0;
      std::size_t kept = 0;
      for (std::size_t i = 0; i < overlap; ++i) {
        const std::uint8_t byte = text_[at - back + i];
        score += (base_[old_from + i] == byte ? 1 : 0) - (base_[new_from + i] == byte ? 1 : 0);
        if (score <= best) continue;
        best = score;
        kept = i + 1;
      }
      reach -= overlap - kept;
      back -= kept;
    }
    finish_stretch(reach);
    started_ = true;
    stretch_ = {at - back, 0, base_at - back};
  }

  void finish_stretch(std::size_t length) {
    if (length > 0) found_.push_back({stretch_.offset, length, stretch_.base_offset});
  }

  ByteView base_;
  const SuffixIndex& base_index_;
  ByteView text_;
  std::size_t threshold_;
  bool started_ = false;
  std::size_t confirmed_ = 0;  // end of the last run that was believed
  Resemblance stretch_;        // where the current alignment began
  std::vector<Resemblance> found_;
};

}  // namespace

std::vector<Resemblance> find_resemblances(ByteView base, const SuffixIndex& base_index, ByteView text,
                                           std::size_t threshold) {
  return Scan(base, base_index, text, threshold).run();
}

}  // namespace tenon::repo_tools
