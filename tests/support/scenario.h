// Scenario: a repository, a device that trusts it, and the promises that hold after every refusal, written once:
//   O1   floors never fall (unless keys were rotated)            O11  the store is byte-identical, but for roles
//   accepted first O3   a healthy repository afterwards is accepted             O12  asking again gives the same
//   verdict
// The bytes stored are the bytes served.
//
//   Scenario scenario;
//   scenario.settle();                                             // the device trusts what is published
//   scenario.repository.replace("metadata/timestamp.json", old);   // the attack
//   scenario.expect_refused(ErrorCode::kRollback);
#pragma once

#include <functional>
#include <set>
#include <string>

#include <tests/support/in_memory_store.h>
#include <tests/support/repository_simulator.h>
#include <tests/support/session_runner.h>

namespace tenon::tests {

struct Refusal {
  std::set<std::string> accepted = {};  // stored files that were legitimately accepted earlier in the same cycle
  std::string target = {};              // when given, the cycle ends with a search for it
  bool floors_may_fall = false;         // keys were rotated in the attack
  std::function<void()> heal = {};      // makes the repository healthy; else what settle() saw, at higher versions
};

class Scenario {
 public:
  explicit Scenario(RepositoryOptions options = {}) : repository(options), device(repository, store) {}
  Scenario(const Scenario&) = delete;

  // settle lets the device accept what is published. The repository as it is now counts as healthy.
  void settle();
  // settle_with also finds the target, so that delegated roles are in the store.
  void settle_with(const std::string& target);

  void expect_refused(ErrorCode code, const Refusal& refusal = {});
  // expect_accepted also wants the target to be found when it is given.
  void expect_accepted(const std::string& target = {});

  RepositorySimulator repository;
  InMemoryStore store;
  SessionRunner device;

 private:
  Result<void> cycle(const std::string& target);
  void heal();

  std::optional<RepositorySimulator> healthy_;
};

// not_lower tells whether no floor fell.
bool not_lower(const metadata::VersionFloors& before, const metadata::VersionFloors& after);

// A chain of delegations targets -> d1 -> d2 -> d3, each for "*", where d3 has the target kDeepTarget. Every role can
// be attacked in the same way: "timestamp", "snapshot", "targets", "d1", "d2", "d3".
inline constexpr const char* kDeepTarget = "deep.bin";
void add_delegation_chain(RepositorySimulator& repository);

// code_of gives the code of a refusal as text, "accepted" for a value.
template <class T>
std::string code_of(const Result<T>& result) {
  return result ? "accepted" : std::string(to_string(result.error().code));
}

}  // namespace tenon::tests
