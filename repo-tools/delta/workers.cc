#include <tenon/repo_tools/delta/workers.h>

#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

namespace tenon::repo_tools {

void run_on_workers(std::size_t count, unsigned workers, const std::function<void(std::size_t)>& work) {
  std::atomic<std::size_t> next{0};
  const auto run = [&] {
    for (std::size_t at = next++; at < count; at = next++) work(at);
  };
  std::vector<std::jthread> threads;
  for (std::size_t i = 1; i < std::min<std::size_t>(workers, count); ++i) threads.emplace_back(run);
  run();
}

}  // namespace tenon::repo_tools
