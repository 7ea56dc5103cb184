// Progress: where long work says how far it is.
// Thread: one call at a time.
#pragma once

#include <cstdint>
#include <string_view>

namespace tenon::repo_tools {

class Progress {
 public:
  virtual ~Progress() = default;
  // begin starts a piece of work of so many bytes; what names it for people: "rootfs: compress".
  virtual void begin(std::string_view what, std::uint64_t total_bytes) = 0;
  virtual void advance(std::uint64_t done_bytes) = 0;
  virtual void end() = 0;
};

// Less is done before anybody looks.
inline constexpr std::uint64_t kBytesWorthShowing = 4u << 20;

class NoProgress final : public Progress {
 public:
  void begin(std::string_view, std::uint64_t) override {}
  void advance(std::uint64_t) override {}
  void end() override {}
};

// if_worth_showing gives the progress for much work, and silence for little.
inline Progress& if_worth_showing(Progress& progress, std::uint64_t total_bytes) {
  static NoProgress silence;
  return total_bytes < kBytesWorthShowing ? silence : progress;
}

}  // namespace tenon::repo_tools
