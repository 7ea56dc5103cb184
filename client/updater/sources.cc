#include <tenon/client/updater/sources.h>
#include <tenon/metadata/check.h>

#include <algorithm>
#include <numeric>

namespace tenon::client {
namespace {

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

Sources::Sources(std::vector<Fetcher*> fetchers, Reporter& reporter)
    : fetchers_(std::move(fetchers)), failures_(fetchers_.size()), reporter_(&reporter) {
  TENON_CHECK(!fetchers_.empty());
}

std::vector<std::size_t> Sources::order() const {
  std::vector<std::size_t> indexes(fetchers_.size());
  std::iota(indexes.begin(), indexes.end(), std::size_t{0});
  std::ranges::stable_sort(indexes, {}, [this](std::size_t index) { return failures_[index]; });
  return indexes;
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
