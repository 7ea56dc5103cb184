// Sources: the places where the repository can be read, in the order of the configuration. They are trusted alike, that is,
// not at all: when one fails or brings what does not verify, the next is asked for the same thing.
// Thread: one.
#pragma once

#include <tenon/client/ports/fetcher.h>
#include <tenon/client/ports/reporter.h>

#include <vector>

namespace tenon::client {

class Sources {
 public:
  // Pre: there is one at least. Caller must keep them alive.
  Sources(std::vector<Fetcher*> fetchers, Reporter& reporter);

  // attempt runs `ask` with each source until it succeeds; those that failed less often lately come first. What is no
  // fault of a source (storage, for example) ends it at once.
  // Errors: the one source's error; of several, E_NET with all reasons, or the code on which all agree.
  template <class Ask>
  auto attempt(Ask ask) -> decltype(ask(std::declval<Fetcher&>())) {
    std::vector<Error> errors;
    for (const std::size_t index : order()) {
      auto result = ask(*fetchers_[index]);
      if (result) {
        failures_[index] = 0;
        return result;
      }
      if (!blame(index, result.error())) return result.error();
      errors.push_back(result.error());
    }
    return all_failed(errors);
  }

 private:
  std::vector<std::size_t> order() const;
  // blame notes that a source failed. False when it was not its fault.
  bool blame(std::size_t index, const Error& error);
  Error all_failed(const std::vector<Error>& errors) const;

  std::vector<Fetcher*> fetchers_;
  std::vector<unsigned> failures_;
  Reporter* reporter_;
};

}  // namespace tenon::client
