// A sample of what ./dev mutate does with every byte.
#include <set>

#include <gtest/gtest.h>
#include <tests/support/mutation_trial.h>

namespace tenon::tests {
namespace {

constexpr std::size_t kSample = 1000;  // of each file; ./dev mutate takes all

MutationTotals sample(const RepositoryOptions& options, bool stored) {
  const MutationTrial trial(options);
  MutationTotals totals;
  for (const MutationTrial::Subject& subject : trial.subjects()) {
    if (subject.stored != stored) continue;
    const std::unique_ptr<MutationJudge> judge = trial.judge_for(subject);
    totals += judge_mutants(subject, *judge, 0, kSample);
  }
  return totals;
}

void expect_none_wrong(const MutationTotals& totals) {
  EXPECT_TRUE(totals.wrong.empty()) << totals.wrong.size() << " wrong, the first: " << totals.wrong.front();
  EXPECT_EQ(totals.refused + totals.same_meaning + totals.wrong.size(), totals.mutants);
  EXPECT_GT(totals.refused, totals.mutants / 2);
  EXPECT_GT(totals.same_meaning, 0U) << "formatting is not signed: the sample should show it";
}

// Book: MUT-01, JSON-18
TEST(ByteMutations, OfAServedFileAreRefusedOrMeanTheSame) {
  expect_none_wrong(sample({}, false));
}

// Book: MUT-01, JSON-18
TEST(ByteMutations, OfAServedFileAreRefusedOrMeanTheSameWhereOnlyVersionsAreListed) {
  expect_none_wrong(sample({.list_hashes = false}, false));
}

// Book: MUT-01, LOC-04
TEST(ByteMutations, OfAStoredFileAreAsIfItWereAbsentOrMeanTheSame) {
  expect_none_wrong(sample({}, true));
  expect_none_wrong(sample({.list_hashes = false}, true));
}

// Book: MUT-01
TEST(ByteMutations, ComeOnceEachAndDifferFromTheFile) {
  const ByteMutations mutations(to_bytes("{\"signed\": {}, \"signatures\": []}"));
  const std::size_t size = mutations.file().size();
  ASSERT_EQ(mutations.count(), 255 * size + size + 256 * (size + 1) + size + size - 15);
  std::set<Bytes> substituted;
  for (std::size_t i = 0; i < mutations.count(); ++i) {
    const Bytes mutant = mutations.make(i);
    EXPECT_NE(mutant, mutations.file()) << mutations.describe(i);
    EXPECT_TRUE(i >= 255 * size || substituted.insert(mutant).second) << mutations.describe(i);
  }
}

}  // namespace
}  // namespace tenon::tests
