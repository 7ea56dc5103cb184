// MutationTrial: what becomes of a device when one file of a repository, or of its own store, is changed by a byte.
// A repository of all four roles, two roots, and delegations two deep. Each of its files is a subject, once where the
// device is given it by the network (or is made with it: the first root), once where it is read from the store.
// The promise, statement MUT-01 of the test book: a changed file is refused, or what it says and who counts as its
// signer are the same, since formatting is not signed; where its digest is pinned it is refused without exception. A
// changed stored file is as if it were absent, or means the same, and the device gets to the same end.
// Thread: a trial is immutable; a MutationJudge belongs to one thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <tests/support/byte_mutations.h>
#include <tests/support/repository_simulator.h>

namespace tenon::tests {

enum class MutantVerdict { kRefused, kSameMeaning, kWrong };

class MutationJudge {
 public:
  virtual ~MutationJudge() = default;
  virtual MutantVerdict judge(const Bytes& mutant) = 0;
};

class MutationTrial {
 public:
  explicit MutationTrial(RepositoryOptions options = {});
  ~MutationTrial();

  // A file, and where the device meets it.
  struct Subject {
    std::string role;  // "1.root", "2.root", "timestamp", ...
    bool stored = false;
    ByteMutations mutations;
  };
  const std::vector<Subject>& subjects() const { return subjects_; }
  // judge_for Caller must keep the trial alive.
  std::unique_ptr<MutationJudge> judge_for(const Subject& subject) const;

 private:
  struct World;
  template <class Session>
  class SessionJudge;
  class EmbeddedRootJudge;

  std::unique_ptr<const World> world_;
  std::vector<Subject> subjects_;
};

struct MutationTotals {
  std::size_t mutants = 0;
  std::size_t refused = 0;
  std::size_t same_meaning = 0;
  std::vector<std::string> wrong = {};  // described

  MutationTotals& operator+=(const MutationTotals& other);
};

// judge_mutants judges `count` mutants of a subject, in an order that is the same in every run and goes all over the
// file; every mutant comes once if `count` is their number. Those with the numbers from `first` on.
MutationTotals judge_mutants(const MutationTrial::Subject& subject, MutationJudge& judge, std::size_t first,
                             std::size_t count);

}  // namespace tenon::tests
