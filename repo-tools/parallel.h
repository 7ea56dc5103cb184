// in_parallel: many small pieces of work that wait for a network, a few at once.
#pragma once

#include <tenon/metadata/result.h>

#include <cstddef>
#include <functional>

namespace tenon::repo_tools {

// in_parallel calls work(0) to work(count - 1), from as many threads as there are workers, roughly in that order. After an
// error no more is begun. Errors: the first that work gave.
Result<void> in_parallel(std::size_t count, unsigned workers, const std::function<Result<void>(std::size_t)>& work);

}  // namespace tenon::repo_tools
