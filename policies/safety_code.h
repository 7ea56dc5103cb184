// SafetyCode: twelve short words that stand for everything that is about to be signed, for people to compare by voice.
// Both sides compute it. 144 bits, so that nobody can search for two requests with one code.
// Thread: values.
#pragma once

#include <tenon/metadata/digest.h>

#include <array>
#include <span>
#include <string>

namespace tenon::policies {

class SafetyCode {
 public:
  static constexpr std::size_t kWords = 12;

  // of takes the digests of the payloads in the order of the request, and of the policy that judged them.
  static SafetyCode of(std::span<const Sha256> payloads, const Sha256& policy);

  // text gives the words in three lines of four for people; words are four letters, "babo".
  std::string text() const;
  // line gives them in one line, as people type or a script compares.
  std::string line() const;
  bool operator==(const SafetyCode&) const = default;

 private:
  explicit SafetyCode(std::array<std::string, kWords> words) : words_(std::move(words)) {}
  std::array<std::string, kWords> words_;
};

}  // namespace tenon::policies
