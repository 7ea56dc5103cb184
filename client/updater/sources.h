// Sources: the places where the repository can be read, in the order of the configuration. They are trusted alike, that is,
// not at all: when one fails or brings what does not verify, the next is asked for the same thing. When all of them have
// failed and one of them for the network's sake, they are asked again after a pause, which doubles and is left to chance.
// A source that asks to be left alone is, for minutes at the most.
// Thread: one.
#pragma once

#include <tenon/client/ports/clock.h>
#include <tenon/client/ports/fetcher.h>
#include <tenon/client/ports/reporter.h>

#include <chrono>
#include <cstdint>
#include <vector>

namespace tenon::client {

// Transferred is what came of one thing so far, from whatever source.
struct Transferred {
  std::uint64_t received = 0;  // bytes, those that came again too
  std::uint64_t reached = 0;   // the furthest offset
};

class Sources {
 public:
  // attempts is how often all of them are asked for one thing. What came in between begins the count anew.
  // Pre: there is one source at least, and one attempt. Caller must keep them alive.
  Sources(std::vector<Fetcher*> fetchers, Clock& clock, Reporter& reporter, std::uint32_t attempts);

  // attempt runs `ask` with each source until it succeeds; those that failed less often lately come first. What is no
  // fault of a source (storage, for example) ends it at once. A long transfer that reaches further begins the count of
  // attempts anew, until more than `budget` bytes were received.
  // Errors: the one source's error; of several, E_NET with all reasons, or the code on which all agree.
  template <class Ask>
  auto attempt(Ask ask, const Transferred* transferred = nullptr, std::uint64_t budget = 0)
      -> decltype(ask(std::declval<Fetcher&>())) {
    Attempts attempts{transferred, budget};
    for (;;) {
      std::vector<Error> errors;
      for (const std::size_t index : order()) {
        auto result = ask(*fetchers_[index]);
        note_pause(index);
        if (result) {
          failures_[index] = 0;
          return result;
        }
        if (!blame(index, result.error())) return result.error();
        errors.push_back(result.error());
      }
      if (!wait_for_another(attempts, errors)) return all_failed(errors);
    }
  }

 private:
  struct Attempts {
    const Transferred* transferred;
    std::uint64_t budget;    // bytes
    std::uint64_t seen = 0;  // how far it had reached when the count began
    std::uint32_t made = 0;
  };

  // order is who is asked now: those that are not to be left alone; when all are, the first who no longer is, and that
  // time has passed then.
  std::vector<std::size_t> order();
  void note_pause(std::size_t index);
  // blame notes that a source failed. False when it was not its fault.
  bool blame(std::size_t index, const Error& error);
  // wait_for_another lets the pause pass. False when there is no sense in another attempt.
  bool wait_for_another(Attempts& attempts, const std::vector<Error>& errors);
  void wait(std::chrono::milliseconds least, std::chrono::milliseconds most);
  Error all_failed(const std::vector<Error>& errors) const;

  std::vector<Fetcher*> fetchers_;
  std::vector<unsigned> failures_;
  std::vector<std::chrono::seconds> left_alone_until_;  // by Clock::since_boot()
  Clock* clock_;
  Reporter* reporter_;
  std::uint32_t attempts_;
};

}  // namespace tenon::client
