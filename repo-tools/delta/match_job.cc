#include <tenon/repo_tools/delta/match_job.h>
#include <tenon/repo_tools/delta/refinement.h>
#include <tenon/repo_tools/delta/resemblance.h>
#include <tenon/repo_tools/delta/workers.h>

#include <algorithm>
#include <iterator>
#include <utility>

namespace tenon::repo_tools {
namespace {

using Done = std::function<void(std::uint64_t)>;

// Jobs up to this much base run side by side; those above share all workers, one job after the other.
constexpr std::uint64_t kSmallBase = 4u << 20;  // bytes
// So much of a text is scanned at once. Borders depend on nothing but the text, and so does what is found.
constexpr std::uint64_t kTextChunk = 4u << 20;  // bytes
// What one window left over and is shorter than this is not shown to the next.
constexpr std::uint64_t kWorthAnotherLook = 256;  // bytes
// A resemblance shorter than this may be chance, and cut what a later window holds as a whole into pieces.
constexpr std::uint64_t kSureResemblance = 128;  // bytes

void add_gap(std::uint64_t from, std::uint64_t to, std::vector<Piece>& pieces) {
  if (from < to) pieces.push_back({PieceKind::kLiteral, from, to - from, 0});
}

// Pieces between the texts: of one chunk of the image's, against one window of the base's.
std::vector<Piece> scan_chunk(ByteView image, const MatchJob& job, std::uint64_t chunk, ByteView window,
                              std::uint64_t window_offset, const SuffixIndex& index) {
  const std::uint64_t offset = chunk * kTextChunk;
  const Bytes text = job.image.gather(image, offset, std::min(kTextChunk, job.image.size() - offset));
  std::vector<Piece> pieces;
  std::uint64_t at = 0;
  const std::vector<Resemblance> rough = find_resemblances(window, index, text, job.threshold);
  for (const Resemblance& found : refine_resemblances(window, text, rough, job.literal_price)) {
    add_gap(offset + at, offset + found.offset, pieces);
    pieces.push_back({PieceKind::kAdd, offset + found.offset, found.length, window_offset + found.base_offset});
    at = found.offset + found.length;
  }
  add_gap(offset + at, offset + text.size(), pieces);
  return pieces;
}

// One window of a job's base; gives pieces between the texts, in order.
std::vector<Piece> scan_window(ByteView base, ByteView image, const MatchJob& job, std::uint64_t window_offset,
                               std::uint64_t length, unsigned workers) {
  const Bytes window = job.base.gather(base, window_offset, length);
  const SuffixIndex index(window, job.threshold + 1, workers);
  const std::uint64_t chunks = (job.image.size() + kTextChunk - 1) / kTextChunk;
  std::vector<std::vector<Piece>> found(chunks);
  run_on_workers(chunks, workers, [&](std::size_t chunk) {
    found[chunk] = scan_chunk(image, job, chunk, window, window_offset, index);
  });
  std::vector<Piece> pieces;
  for (const std::vector<Piece>& part : found) pieces.insert(pieces.end(), part.begin(), part.end());
  return pieces;
}

bool by_offset(const Piece& one, const Piece& other) {
  return one.offset < other.offset;
}

// What no window resembles after all gets back the doubtful resemblances that lie wholly in it; of those that overlap, the first.
std::vector<Piece> fill_literals(const std::vector<Piece>& pieces, std::vector<Piece> doubtful) {
  std::stable_sort(doubtful.begin(), doubtful.end(), by_offset);
  std::vector<Piece> filled;
  for (const Piece& piece : pieces) {
    if (piece.kind != PieceKind::kLiteral) {
      filled.push_back(piece);
      continue;
    }
    const std::uint64_t end = piece.offset + piece.length;
    std::uint64_t at = piece.offset;
    for (auto next = std::lower_bound(doubtful.begin(), doubtful.end(), piece, by_offset);
         next != doubtful.end() && next->offset < end; ++next) {
      if (next->offset < at || next->offset + next->length > end) continue;
      add_gap(at, next->offset, filled);
      filled.push_back(*next);
      at = next->offset + next->length;
    }
    add_gap(at, end, filled);
  }
  return filled;
}

// settle takes what a window resembles for sure. Gives what the next one is to look at; doubtful: what it may get back from this one.
ByteRanges settle(const std::vector<Piece>& found, const MatchJob& job, std::vector<Piece>& pieces,
                  std::vector<Piece>& doubtful) {
  ByteRanges open;
  for (const Piece& piece : found) {
    if (piece.kind == PieceKind::kAdd && piece.length >= kSureResemblance) {
      place_piece(job.base, job.image, piece, pieces);
      continue;
    }
    std::vector<Piece> parts;
    place_piece(job.base, job.image, piece, parts);
    for (const Piece& part : parts) {
      append_range(open, {part.offset, part.length});
      if (part.kind == PieceKind::kAdd) doubtful.push_back(part);
    }
  }
  ByteRanges left;
  for (const ByteRange& range : open) {
    if (range.length < kWorthAnotherLook) {
      add_gap(range.offset, range.end(), pieces);
    } else {
      left.push_back(range);
    }
  }
  return left;
}

std::vector<Piece> run_job(ByteView base, ByteView image, MatchJob job, unsigned workers) {
  std::vector<Piece> pieces;
  std::vector<Piece> doubtful;
  for (std::uint64_t offset = 0;; offset += kBaseWindow) {
    const std::uint64_t length = std::min(kBaseWindow, job.base.size() - offset);
    const std::vector<Piece> found = scan_window(base, image, job, offset, length, workers);
    if (offset + length == job.base.size()) {
      for (const Piece& piece : found) place_piece(job.base, job.image, piece, pieces);
      break;
    }
    ByteRanges left = settle(found, job, pieces, doubtful);
    if (left.empty()) break;
    job.image = RangedText(std::move(left));
  }
  return fill_literals(pieces, std::move(doubtful));
}

}  // namespace

std::uint64_t job_work(const MatchJob& job) {
  return job.base.size() + job.image.size();
}

std::vector<Piece> run_match_jobs(ByteView base, ByteView image, std::vector<MatchJob> jobs, unsigned workers,
                                  const Done& done) {
  // The biggest first, so that no worker is left alone with it at the end.
  std::stable_sort(jobs.begin(), jobs.end(),
                   [](const MatchJob& a, const MatchJob& b) { return job_work(a) > job_work(b); });
  const auto small =
      std::stable_partition(jobs.begin(), jobs.end(), [](const MatchJob& job) { return job.base.size() > kSmallBase; });
  std::vector<std::vector<Piece>> found(jobs.size());
  const auto run = [&](std::size_t at, unsigned job_workers) {
    found[at] = run_job(base, image, jobs[at], job_workers);
    done(job_work(jobs[at]));
  };
  const auto large_count = static_cast<std::size_t>(small - jobs.begin());
  for (std::size_t at = 0; at < large_count; ++at) run(at, workers);
  run_on_workers(jobs.size() - large_count, workers, [&](std::size_t at) { run(large_count + at, 1); });
  std::vector<Piece> pieces;
  for (const std::vector<Piece>& part : found) pieces.insert(pieces.end(), part.begin(), part.end());
  return pieces;
}

}  // namespace tenon::repo_tools
