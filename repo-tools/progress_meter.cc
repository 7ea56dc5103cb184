#include <tenon/repo_tools/progress_meter.h>

#include <algorithm>

namespace tenon::repo_tools {
namespace {

constexpr double kSecondsBetweenDrawings = 0.1;
constexpr std::size_t kBarCells = 24;

std::string decimal(double value, int digits) {
  char text[32];
  std::snprintf(text, sizeof text, "%.*f", digits, value);
  return text;
}

std::string rate_text(std::uint64_t bytes, double seconds) {
  return seconds > 0 ? size_text(static_cast<std::uint64_t>(static_cast<double>(bytes) / seconds)) + "/s" : "";
}

std::uint64_t share_of(std::uint64_t done, std::uint64_t total, std::uint64_t whole) {
  return total == 0 ? whole
                    : static_cast<std::uint64_t>(static_cast<double>(done) / static_cast<double>(total) *
                                                 static_cast<double>(whole));
}

}  // namespace

std::string size_text(std::uint64_t bytes) {
  constexpr std::string_view kUnits[] = {"KiB", "MiB", "GiB", "TiB"};
  if (bytes < 1024) return std::to_string(bytes) + " B";
  double value = static_cast<double>(bytes) / 1024;
  std::size_t unit = 0;
  while (value >= 1024 && unit + 1 < std::size(kUnits)) {
    value /= 1024;
    ++unit;
  }
  return decimal(value, 1) + " " + std::string(kUnits[unit]);
}

void ProgressMeter::begin(std::string_view what, std::uint64_t total_bytes) {
  what_ = what;
  total_ = total_bytes;
  done_ = 0;
  tenths_ = 0;
  began_ = drawn_ = seconds_();
}

void ProgressMeter::advance(std::uint64_t done_bytes) {
  done_ = done_bytes;
  const double now = seconds_();
  if (is_terminal_ && now - drawn_ >= kSecondsBetweenDrawings) {
    drawn_ = now;
    draw_bar(now - began_);
  } else if (!is_terminal_ && share_of(done_, total_, 10) > tenths_) {
    tenths_ = share_of(done_, total_, 10);
    write_line(now - began_);
  }
}

void ProgressMeter::draw_bar(double elapsed) {
  const std::size_t filled = std::min<std::size_t>(kBarCells, share_of(done_, total_, kBarCells));
  std::string bar;
  for (std::size_t i = 0; i < kBarCells; ++i) bar += i < filled ? "█" : "░";
  std::string left;
  if (done_ > 0 && elapsed > 1) {
    const double seconds =
        elapsed * (static_cast<double>(total_) - static_cast<double>(done_)) / static_cast<double>(done_);
    left = "  " + decimal(std::max(0.0, seconds), 0) + " s left";
  }
  std::fprintf(out_, "\r\033[K%s %s %3u %%  %s%s", what_.c_str(), bar.c_str(),
               static_cast<unsigned>(share_of(done_, total_, 100)), rate_text(done_, elapsed).c_str(), left.c_str());
  std::fflush(out_);
}

void ProgressMeter::write_line(double elapsed) {
  std::fprintf(out_, "%s %u %%  %s\n", what_.c_str(), static_cast<unsigned>(tenths_ * 10),
               rate_text(done_, elapsed).c_str());
}

void ProgressMeter::end() {
  if (!is_terminal_) return;
  std::fprintf(out_, "\r\033[K%s  %s  %s\n", what_.c_str(), size_text(total_).c_str(),
               rate_text(total_, seconds_() - began_).c_str());
  std::fflush(out_);
}

}  // namespace tenon::repo_tools
