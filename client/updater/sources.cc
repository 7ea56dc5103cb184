#include <tenon/client/updater/sources.h>
#include <tenon/metadata/check.h>

#include <algorithm>
#include <numeric>

namespace tenon::client {
namespace {

constexpr std::uint64_t kProgressBytes = 1u << 20;  // so much of a transfer is worth another count of attempts
constexpr std::chrono::milliseconds kFirstPause{2'000};
constexpr std::chrono::milliseconds kLongestBackOff{300'000};

bool is_fault_of_a_source(ErrorCode code) {
  switch (code) {
    case ErrorCode::kParse:
    case ErrorCode::kSig:
    case ErrorCode::kRollback:
    case ErrorCode::kExpired:
    case ErrorCode::kMismatch:
    case ErrorCode::kLimit:
    case ErrorCode::kPolicy:
    case ErrorCode::kNet: return true;
    case ErrorCode::kStorage:
    case ErrorCode::kBusy:
    case ErrorCode::kHw:
    case ErrorCode::kAuth:
    case ErrorCode::kUsage: return false;
  }
  return false;
}

}  // namespace

Sources::Sources(std::vector<Fetcher*> fetchers, Clock& clock, Reporter& reporter, std::uint32_t attempts)
    : fetchers_(std::move(fetchers)),
      failures_(fetchers_.size()),
      left_alone_until_(fetchers_.size()),
      clock_(&clock),
      reporter_(&reporter),
      attempts_(attempts) {
  TENON_CHECK(attempts_ > 0);
}

std::vector<std::size_t> Sources::order() {
  TENON_CHECK(!fetchers_.empty());
  const std::chrono::seconds next = std::ranges::min(left_alone_until_);
  if (const std::chrono::seconds pause = next - clock_->since_boot(); pause > std::chrono::seconds::zero()) {
    wait(pause, pause + pause / 4);
  }
  std::vector<std::size_t> indexes(fetchers_.size());
  std::iota(indexes.begin(), indexes.end(), std::size_t{0});
  const std::chrono::seconds now = std::max(clock_->since_boot(), next);
  std::erase_if(indexes, [&](std::size_t index) { return left_alone_until_[index] > now; });
  std::ranges::stable_sort(indexes, {}, [this](std::size_t index) { return failures_[index]; });
  return indexes;
}

void Sources::note_pause(std::size_t index) {
  const std::chrono::seconds pause = fetchers_[index]->asked_pause();
  if (pause > std::chrono::seconds::zero()) left_alone_until_[index] = clock_->since_boot() + pause;
}

void Sources::wait(std::chrono::milliseconds least, std::chrono::milliseconds most) {
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(most).count();
  reporter_->note("waiting for up to " + std::to_string(seconds) + " s before asking again");
  clock_->wait(least, most);
}

bool Sources::wait_for_another(Attempts& attempts, const std::vector<Error>& errors) {
  const bool may_pass = std::ranges::any_of(errors, [](const Error& error) { return error.code == ErrorCode::kNet; });
  const Transferred* transferred = attempts.transferred;
  const bool came = transferred != nullptr && transferred->reached >= attempts.seen + kProgressBytes;
  if (came && transferred->received <= attempts.budget) {
    attempts.seen = transferred->reached;
    attempts.made = 0;
  }
  if (!may_pass || ++attempts.made >= attempts_) return false;
  const std::chrono::milliseconds most =
      std::min(kFirstPause * (1u << std::min(attempts.made - 1, 16u)), kLongestBackOff);
  wait(most / 2, most);
  return true;
}

bool Sources::blame(std::size_t index, const Error& error) {
  if (!is_fault_of_a_source(error.code)) return false;
  ++failures_[index];
  if (fetchers_.size() > 1) reporter_->warn(fetchers_[index]->name() + ": " + error.message);
  return true;
}

Error Sources::all_failed(const std::vector<Error>& errors) const {
  if (errors.size() == 1) return errors.front();
  const bool agreed =
      std::ranges::all_of(errors, [&](const Error& error) { return error.code == errors.front().code; });
  std::string reasons;
  for (const Error& error : errors) reasons += (reasons.empty() ? "" : "; ") + error.message;
  return Error{agreed ? errors.front().code : ErrorCode::kNet,
               "none of " + std::to_string(errors.size()) + " sources helps: " + reasons, errors.front().hint};
}

}  // namespace tenon::client
