#include <tenon/repo_tools/parallel.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

namespace tenon::repo_tools {

Result<void> in_parallel(std::size_t count, unsigned workers, const std::function<Result<void>(std::size_t)>& work) {
  std::atomic<std::size_t> next{0};
  std::mutex mutex;
  std::optional<Error> first;
  const auto run = [&] {
    for (std::size_t at = next++; at < count; at = next++) {
      Result<void> done = work(at);
      if (done) continue;
      next = count;
      const std::lock_guard lock(mutex);
      if (!first) first = std::move(done).error();
    }
  };
  {
    std::vector<std::jthread> threads;
    const std::size_t more = std::min<std::size_t>(workers, count);
    for (std::size_t i = 1; i < more; ++i) threads.emplace_back(run);
    run();
  }
  return first ? Result<void>(*std::move(first)) : Result<void>();
}

}  // namespace tenon::repo_tools
