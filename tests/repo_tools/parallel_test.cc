#include <tenon/repo_tools/parallel.h>

#include <atomic>
#include <mutex>
#include <set>

#include <gtest/gtest.h>

namespace tenon::repo_tools {
namespace {

TEST(InParallel, DoesEachPieceOnce) {
  std::mutex mutex;
  std::multiset<std::size_t> done;
  const auto work = [&](std::size_t i) -> Result<void> {
    const std::lock_guard lock(mutex);
    done.insert(i);
    return {};
  };
  ASSERT_TRUE(in_parallel(100, 8, work));
  EXPECT_EQ(done.size(), 100u);
  EXPECT_EQ(std::set<std::size_t>(done.begin(), done.end()).size(), 100u);
  ASSERT_TRUE(in_parallel(0, 8, work));
  ASSERT_TRUE(in_parallel(1, 0, work));
  EXPECT_EQ(done.size(), 101u);
}

TEST(InParallel, BeginsNoMoreAfterAnError) {
  std::atomic<std::size_t> begun{0};
  const Result<void> done = in_parallel(100'000, 4, [&](std::size_t i) -> Result<void> {
    ++begun;
    if (i == 10) return Error{ErrorCode::kNet, "the tenth"};
    return {};
  });
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().message, "the tenth");
  EXPECT_LT(begun, 100'000u);
}

}  // namespace
}  // namespace tenon::repo_tools
