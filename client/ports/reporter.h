// Reporter: what people are told while an update goes on. It never fails and never decides.
#pragma once

#include <cstdint>
#include <string_view>

namespace tenon::client {

class Reporter {
 public:
  virtual ~Reporter() = default;

  // note tells of one thing that happened: a line of a log.
  virtual void note(std::string_view text) = 0;
  // warn tells of something that somebody should look at.
  virtual void warn(std::string_view text) = 0;
  // progress tells how far a long step is. Units: bytes of the image.
  virtual void progress(std::string_view step, std::uint64_t done, std::uint64_t total) = 0;
};

}  // namespace tenon::client
