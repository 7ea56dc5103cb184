#include <tenon/repo_tools/delta/block_index.h>
#include <tenon/repo_tools/delta/byte_compare.h>
#include <tenon/repo_tools/delta/ext4_layout.h>
#include <tenon/repo_tools/delta/file_pairs.h>
#include <tenon/repo_tools/delta/match_job.h>
#include <tenon/repo_tools/delta/piece_finder.h>
#include <tenon/repo_tools/delta/piece_list.h>

#include <algorithm>
#include <mutex>
#include <optional>
#include <utility>

namespace tenon::repo_tools {
namespace {

// The blind match compares what has nothing to do with each other: a short match there is chance.
constexpr std::size_t kBlindThreshold = 8;
constexpr std::size_t kBlindThresholdBesidePairs = 16;
// In 1/16 bit. Beside pairs the blind match sees new files, whose scattered bytes compress badly.
constexpr std::int32_t kBlindLiteralPrice = 90;
constexpr std::int32_t kBlindLiteralPriceBesidePairs = 120;
// What surrounds a block that has gone from the base often belongs to what became of it.
constexpr std::uint64_t kNeighbours = 2;  // blocks

// A base of this size is shown to the blind match as a whole: what stayed may occur a second time, between blocks.
constexpr std::uint64_t kWholeBase = 16u << 20;  // bytes

class Meter {
 public:
  Meter(const MatchProgress& progress, std::uint64_t total) : progress_(progress), total_(total) {}

  void expect(std::uint64_t more) { total_ += more; }
  void advance(std::uint64_t by) {
    const std::lock_guard lock(mutex_);
    done_ += by;
    if (progress_) progress_(done_, total_);
  }

 private:
  const MatchProgress& progress_;
  std::mutex mutex_;
  std::uint64_t done_ = 0;
  std::uint64_t total_ = 0;
};

class Finder {
 public:
  Finder(ByteView base, ByteView image, const MatchOptions& options, const MatchProgress& progress)
      : base_(base),
        image_(image),
        workers_(std::max(1U, options.workers)),
        use_file_system_(options.use_file_system),
        meter_(progress, base.size() + image.size()),
        base_blocks_(base, workers_),
        image_blocks_(image, workers_) {
    meter_.advance(base.size() + image.size());
  }

  std::vector<Piece> run() {
    if (use_file_system_) use_files();
    const ByteRanges left = copy_blocks(gaps_beside({}));
    if (!left.empty()) jobs_.push_back(blind_job(left));
    for (const MatchJob& job : jobs_) meter_.expect(job_work(job));
    std::vector<Piece> found =
        run_match_jobs(base_, image_, std::move(jobs_), workers_, [this](std::uint64_t work) { meter_.advance(work); });
    pieces_.insert(pieces_.end(), found.begin(), found.end());
    return join_pieces(std::move(pieces_), image_);
  }

 private:
  void use_files() {
    const std::optional<Ext4Layout> base_layout = Ext4Layout::read(base_);
    if (!base_layout) return;
    const std::optional<Ext4Layout> image_layout = Ext4Layout::read(image_);
    if (!image_layout) return;
    FilePairs pairs = pair_files(base_, *base_layout, image_, *image_layout);
    pieces_ = std::move(pairs.pieces);
    jobs_ = std::move(pairs.jobs);
    blind_threshold_ = kBlindThresholdBesidePairs;
    blind_literal_price_ = kBlindLiteralPriceBesidePairs;
    keep_places(*image_layout);
  }

  // What belongs to no file (bitmaps, descriptors, the journal) mostly resembles what lies in the same place.
  void keep_places(const Ext4Layout& layout) {
    ByteRanges content;
    for (const Ext4File& file : layout.files()) content.insert(content.end(), file.extents.begin(), file.extents.end());
    for (const ByteRange& gap : gaps_beside(std::move(content))) {
      for (std::uint64_t at = gap.offset; at < gap.end();) {
        const std::uint64_t length = std::min(kMatchBlockSize - at % kMatchBlockSize, gap.end() - at);
        if (resembles_its_place({at, length})) pieces_.push_back({PieceKind::kAdd, at, length, at});
        at += length;
      }
    }
  }

  // What of the image is in no piece, in no job, and not in these ranges.
  ByteRanges gaps_beside(ByteRanges settled) const {
    for (const ByteRange& range : covered_by(pieces_)) settled.push_back(range);
    for (const MatchJob& job : jobs_) {
      settled.insert(settled.end(), job.image.ranges().begin(), job.image.ranges().end());
    }
    return gaps_between(std::move(settled), image_.size());
  }

  bool resembles_its_place(ByteRange range) const {
    if (range.end() > base_.size()) return false;
    std::uint64_t equal = 0;
    for (std::uint64_t at = range.offset; at < range.end(); ++at) equal += base_[at] == image_[at] ? 1 : 0;
    return 2 * equal > range.length && !is_zero(image_.subspan(range.offset, range.length));
  }

  bool same_block(std::uint64_t base_block, std::uint64_t image_block) const {
    return base_block < base_blocks_.block_count() &&
           base_blocks_.hash(base_block) == image_blocks_.hash(image_block) &&
           common_length(base_.subspan(base_block * kMatchBlockSize, kMatchBlockSize),
                         image_.subspan(image_block * kMatchBlockSize, kMatchBlockSize)) == kMatchBlockSize;
  }

  // copy_blocks settles the whole blocks of ranges that are zero or occur in the base, and gives what is left.
  ByteRanges copy_blocks(const ByteRanges& ranges) {
    ByteRanges left;
    std::optional<std::uint64_t> next;  // block of the base that would continue the last copy
    for (const ByteRange& range : ranges) {
      for (std::uint64_t at = range.offset; at < range.end();) {
        const std::uint64_t block = at / kMatchBlockSize;
        const std::uint64_t length = std::min((block + 1) * kMatchBlockSize, range.end()) - at;
        const ByteRange here{at, length};
        at += length;
        if (length < kMatchBlockSize) {
          next.reset();
          append_range(left, here);
        } else if (image_blocks_.is_zero(block)) {
          next.reset();
          pieces_.push_back({PieceKind::kZero, here.offset, length, 0});
        } else if (const auto from = find_block(block, next)) {
          next = *from + 1;
          pieces_.push_back({PieceKind::kAdd, here.offset, length, *from * kMatchBlockSize});
        } else {
          next.reset();
          append_range(left, here);
        }
      }
    }
    return left;
  }

  std::optional<std::uint64_t> find_block(std::uint64_t block, std::optional<std::uint64_t> next) const {
    if (next && same_block(*next, block)) return next;
    const auto first = base_blocks_.first_with(image_blocks_.hash(block));
    return first && same_block(*first, block) ? first : std::nullopt;
  }

  // What is left resembles, if anything, what is no longer there: blocks of the base that do not occur in the image.
  MatchJob blind_job(const ByteRanges& left) const {
    const std::uint64_t count = base_blocks_.block_count();
    std::vector<bool> kept(count, base_.size() <= kWholeBase);
    for (std::uint64_t block = 0; block < count; ++block) {
      if (base_blocks_.is_zero(block) || image_blocks_.first_with(base_blocks_.hash(block))) continue;
      const std::uint64_t last = std::min(block + kNeighbours, count - 1);
      for (std::uint64_t near = block - std::min(block, kNeighbours); near <= last; ++near) kept[near] = true;
    }
    ByteRanges gone;
    for (std::uint64_t block = 0; block < count; ++block) {
      if (kept[block] && !base_blocks_.is_zero(block)) {
        append_range(gone, {block * kMatchBlockSize, kMatchBlockSize});
      }
    }
    append_range(gone, {count * kMatchBlockSize, base_.size() % kMatchBlockSize});
    return {RangedText(std::move(gone)), RangedText(left), blind_threshold_, blind_literal_price_};
  }

  ByteView base_;
  ByteView image_;
  unsigned workers_;
  bool use_file_system_;
  Meter meter_;
  BlockIndex base_blocks_;
  BlockIndex image_blocks_;
  std::size_t blind_threshold_ = kBlindThreshold;
  std::int32_t blind_literal_price_ = kBlindLiteralPrice;
  std::vector<Piece> pieces_;
  std::vector<MatchJob> jobs_;
};

}  // namespace

std::vector<Piece> find_pieces(ByteView base, ByteView image, const MatchOptions& options,
                               const MatchProgress& progress) {
  return Finder(base, image, options, progress).run();
}

}  // namespace tenon::repo_tools
