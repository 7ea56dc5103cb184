// ProgressMeter shows progress to people: on a terminal one line that is drawn again, with rate and time left;
// otherwise one line for every 10 %. Thread: one.
#pragma once

#include <tenon/repo_tools/progress.h>

#include <cstdio>
#include <functional>
#include <string>

namespace tenon::repo_tools {

class ProgressMeter final : public Progress {
 public:
  // seconds gives a time that never goes back; out is where to write, usually stderr.
  ProgressMeter(std::FILE* out, bool is_terminal, std::function<double()> seconds)
      : out_(out), is_terminal_(is_terminal), seconds_(std::move(seconds)) {}

  void begin(std::string_view what, std::uint64_t total_bytes) override;
  void advance(std::uint64_t done_bytes) override;
  void end() override;

 private:
  void draw_bar(double elapsed);
  void write_line(double elapsed);

  std::FILE* out_;
  bool is_terminal_;
  std::function<double()> seconds_;
  std::string what_;
  std::uint64_t total_ = 0;
  std::uint64_t done_ = 0;
  double began_ = 0;
  double drawn_ = 0;
  std::uint64_t tenths_ = 0;  // lines written
};

// size_text writes a number of bytes for people: "38.2 MiB".
std::string size_text(std::uint64_t bytes);

}  // namespace tenon::repo_tools
