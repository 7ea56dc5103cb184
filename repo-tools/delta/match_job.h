// MatchJob: ranges of an image that may resemble ranges of a base; run_match_jobs: all of them, in bounded memory.
#pragma once

#include <tenon/metadata/bytes.h>
#include <tenon/repo_tools/delta/piece.h>
#include <tenon/repo_tools/delta/ranged_text.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

namespace tenon::repo_tools {

struct MatchJob {
  RangedText base;
  RangedText image;
  std::size_t threshold = 0;       // see find_resemblances
  std::int32_t literal_price = 0;  // see refine_resemblances
};

// A job looks at this much of its base at once: up to 7 bytes of memory each. Where there is more, one window follows the other,
// and each sees what no window before it resembled.
inline constexpr std::uint64_t kBaseWindow = 96u << 20;  // bytes

// run_match_jobs gives pieces for all ranges of the image that a job names, in no order that means something.
// done: hears of work that is done, from any thread; as much in all as job_work of all jobs.
// Memory: 7 times kBaseWindow, or 40 MiB for each worker, whichever is more.
std::vector<Piece> run_match_jobs(ByteView base, ByteView image, std::vector<MatchJob> jobs, unsigned workers,
                                  const std::function<void(std::uint64_t)>& done);

// job_work is how much a job asks for. Units: much like bytes.
std::uint64_t job_work(const MatchJob& job);

}  // namespace tenon::repo_tools
