// RecordingReporter: keeps everything that people would have been told.
#pragma once

#include <tenon/client/ports/reporter.h>

#include <string>
#include <vector>

namespace tenon::tests {

class RecordingReporter final : public client::Reporter {
 public:
  struct Progress {
    std::string step;
    std::uint64_t done;
    std::uint64_t total;
  };

  void note(std::string_view text) override { notes.emplace_back(text); }
  void warn(std::string_view text) override { warnings.emplace_back(text); }
  void progress(std::string_view step, std::uint64_t done, std::uint64_t total) override {
    steps.push_back({std::string(step), done, total});
  }

  std::vector<std::string> notes;
  std::vector<std::string> warnings;
  std::vector<Progress> steps;
};

}  // namespace tenon::tests
