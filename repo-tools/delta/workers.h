// run_on_workers: pieces of pure computation on a few threads.
#pragma once

#include <cstddef>
#include <functional>

namespace tenon::repo_tools {

// run_on_workers calls work(0) to work(count - 1), each once, begun in that order by as many threads as there are workers.
// An exception in work ends the program: there is none but for a lack of memory.
void run_on_workers(std::size_t count, unsigned workers, const std::function<void(std::size_t)>& work);

}  // namespace tenon::repo_tools
