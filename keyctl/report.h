// Report: what a command has to say, for people and for scripts. main() prints one of the two.
#pragma once

#include <tenon/metadata/error.h>
#include <tenon/metadata/json.h>

#include <string>
#include <vector>

namespace tenon::keyctl {

struct Report {
  std::string text;                        // whole lines; safe for a terminal
  json::Object data;                       // what --json prints
  std::vector<std::string> warnings = {};  // what a person should think about; nothing was refused for it
  ExitStatus status = ExitStatus::kOk;     // what the program exits with, for reports that are a verdict
};

}  // namespace tenon::keyctl
