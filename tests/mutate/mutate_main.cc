// mutate: changes every byte of every metadata file of a small repository in every way ByteMutations knows, on two
// repositories, of which the second lists versions alone, and says what became of each. Exit 1 if a changed file was
// taken for something else than the original.
//
//   ./dev mutate                 all of it, some minutes
//   ./dev mutate --sample 20000  so many of each file
#include <tenon/metadata/digest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

#include <CLI/CLI.hpp>
#include <tests/support/mutation_trial.h>
#include <unistd.h>

using tenon::tests::judge_mutants;
using tenon::tests::KeyKind;
using tenon::tests::MutationJudge;
using tenon::tests::MutationTotals;
using tenon::tests::MutationTrial;

namespace {

constexpr std::size_t kChunk = 2000;
constexpr std::size_t kMaxShown = 10;

using Clock = std::chrono::steady_clock;

// One file, where a device meets it, and what became of its mutants so far.
struct Job {
  const char* repository;
  const MutationTrial* trial;
  const MutationTrial::Subject* subject;
  std::size_t count;
  MutationTotals totals = {};
};

struct Chunk {
  std::size_t job;
  std::size_t first;
  std::size_t count;
};

class Run {
 public:
  explicit Run(std::vector<Job> jobs) : jobs_(std::move(jobs)) {
    for (std::size_t job = 0; job < jobs_.size(); ++job) {
      for (std::size_t first = 0; first < jobs_[job].count; first += kChunk) {
        chunks_.push_back({job, first, std::min(kChunk, jobs_[job].count - first)});
        all_ += chunks_.back().count;
      }
    }
  }

  void work(unsigned threads) {
    const Clock::time_point start = Clock::now();
    std::vector<std::jthread> workers;
    for (unsigned i = 0; i < threads; ++i) workers.emplace_back([this] { work_off(); });
    while (isatty(STDERR_FILENO) != 0 && done_ < all_) {
      std::this_thread::sleep_for(std::chrono::milliseconds(200));
      show_progress(Clock::now() - start);
    }
    workers.clear();
    seconds_ = std::chrono::duration<double>(Clock::now() - start).count();
  }

  // print gives the exit status.
  int print() const {
    std::printf("\n%-12s %-10s %-7s %7s %10s %10s %13s %6s\n", "repository", "file", "from", "bytes", "mutants",
                "refused", "same meaning", "wrong");
    MutationTotals sum;
    for (const Job& job : jobs_) {
      const char* from = job.subject->role == "1.root" ? "image" : job.subject->stored ? "store" : "network";
      print_row(job.repository, job.subject->role.c_str(), from, job.subject->mutations.file().size(), job.totals);
      sum += job.totals;
    }
    print_row("all", "", "", 0, sum);
    std::printf("%.0f s, %.0f mutants/s\n", seconds_, static_cast<double>(sum.mutants) / std::max(seconds_, 0.001));
    for (std::size_t i = 0; i < std::min(sum.wrong.size(), kMaxShown); ++i)
      std::printf("wrong: %s\n", sum.wrong[i].c_str());
    return sum.wrong.empty() ? 0 : 1;
  }

 private:
  void work_off() {
    std::map<std::size_t, std::unique_ptr<MutationJudge>> judges;
    for (std::size_t at = next_++; at < chunks_.size(); at = next_++) {
      const Chunk& chunk = chunks_[at];
      const Job& job = jobs_[chunk.job];
      std::unique_ptr<MutationJudge>& judge = judges[chunk.job];
      if (judge == nullptr) judge = job.trial->judge_for(*job.subject);
      const MutationTotals totals = judge_mutants(*job.subject, *judge, chunk.first, chunk.count);
      done_ += totals.mutants;
      const std::lock_guard lock(mutex_);
      jobs_[chunk.job].totals += totals;
    }
  }

  void show_progress(Clock::duration passed) const {
    constexpr std::size_t kWidth = 40;
    const double part = static_cast<double>(done_) / static_cast<double>(all_);
    const double seconds = std::chrono::duration<double>(passed).count();
    const double rate = static_cast<double>(done_) / seconds;
    const auto left = static_cast<unsigned>(static_cast<double>(all_ - done_) / std::max(rate, 1.0));
    const auto filled = static_cast<std::size_t>(part * kWidth);
    const std::string bar = std::string(filled, '#') + std::string(kWidth - filled, '.');
    std::fprintf(stderr, "\r[%s] %3.0f %%  %.0f/s  %u:%02u left  ", bar.c_str(), part * 100, rate, left / 60,
                 left % 60);
  }

  static void print_row(const char* repository, const char* file, const char* from, std::size_t bytes,
                        const MutationTotals& totals) {
    std::printf("%-12s %-10s %-7s %7zu %10zu %10zu %13zu %6zu\n", repository, file, from, bytes, totals.mutants,
                totals.refused, totals.same_meaning, totals.wrong.size());
  }

  std::vector<Job> jobs_;
  std::vector<Chunk> chunks_;
  std::size_t all_ = 0;
  std::atomic<std::size_t> next_ = 0;
  std::atomic<std::size_t> done_ = 0;
  std::mutex mutex_;
  double seconds_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  tenon::init_crypto();
  std::size_t sample = 0;
  unsigned threads = std::max(1u, std::thread::hardware_concurrency());
  bool p256 = false;
  CLI::App app("Changes every byte of a repository's metadata; each changed file must be refused or mean the same.");
  app.add_option("--sample", sample, "so many mutants of each file, not all");
  app.add_option("--jobs", threads, "threads")->check(CLI::PositiveNumber);
  app.add_flag("--p256", p256, "sign with ECDSA P-256, not with Ed25519");
  CLI11_PARSE(app, argc, argv);

  const KeyKind kind = p256 ? KeyKind::kP256 : KeyKind::kEd25519;
  const MutationTrial digests({.key_kind = kind});
  const MutationTrial versions({.list_hashes = false, .key_kind = kind});
  std::vector<Job> jobs;
  for (const auto& [name, trial] : {std::pair("digests", &digests), std::pair("versions", &versions)}) {
    for (const MutationTrial::Subject& subject : trial->subjects()) {
      const std::size_t all = subject.mutations.count();
      jobs.push_back({name, trial, &subject, sample == 0 ? all : std::min(sample, all)});
    }
  }
  Run run(std::move(jobs));
  run.work(threads);
  return run.print();
}
