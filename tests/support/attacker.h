// Attacker: somebody with a set of stolen keys, the server, the network and all that was ever published. He makes
// repositories, each of its own kind by its number: old and new files together, forged roles signed by what he has,
// versions that fall or leap, roles and targets added, removed and exchanged, files damaged.
// Thread: one.
#pragma once

#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <vector>

#include <tests/support/product_history.h>

namespace tenon::tests {

// Keys by the role that they sign.
using StolenKeys = std::map<std::string, std::vector<TestKey>>;

// The version of the releases that an attacker makes.
inline constexpr const char* kForeignVersion = "6.6.6";
// What his images for board-b say that they are.
inline constexpr const char* kForeignImageForOthers = "6.6.6-b";

class Attacker {
 public:
  // What was published up to now; he learns nothing of what follows.
  Attacker(const ProductHistory& history, StolenKeys stolen);

  // forge makes the repository of that number. served_before: so many of his were offered already, so that his new
  // versions are above those.
  RepositorySimulator forge(std::uint32_t number, std::int64_t served_before = 0) const;
  // fast_forward gives every role that he can sign the version 2^63-1, with the newest content, and a channel the
  // serial 2^63-1. issued: when the timestamp says that it was made.
  RepositorySimulator fast_forward(metadata::UtcTime issued = test_now()) const;

 private:
  class Work;

  std::vector<RepositorySimulator> published_;
  StolenKeys stolen_;
  TestKey own_key_{666'666};
};

// keys_of gives the first `count` keys of the roles that a history lists, all of them without a count.
StolenKeys keys_of(const ProductHistory& history, const std::vector<std::string>& roles, std::size_t count = 100);

}  // namespace tenon::tests
