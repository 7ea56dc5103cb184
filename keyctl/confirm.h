// What a person is asked before something is done in their name.
#pragma once

#include <tenon/metadata/result.h>

#include <functional>
#include <string>

namespace tenon::keyctl {

struct Question {
  std::string verb;     // "sign": what is about to be done
  std::string summary;  // all that it is about
  std::string words;    // what to type to have it done: "acme-fw root 2"
};

// Confirm Errors: E_AUTH if the person did not type the words.
using Confirm = std::function<Result<void>(const Question&)>;

}  // namespace tenon::keyctl
