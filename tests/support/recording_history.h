// RecordingHistory: keeps every event.
#pragma once

#include <tenon/client/ports/history.h>

#include <string>
#include <vector>

namespace tenon::tests {

class RecordingHistory final : public client::History {
 public:
  void record(const client::Event& event) override { events.push_back(event); }
  // kinds in their order, those with a reason as "kind reason".
  std::vector<std::string> kinds() const {
    std::vector<std::string> names;
    for (const client::Event& event : events) {
      names.push_back(std::string(to_string(event.kind)) + (event.reason.empty() ? "" : " " + event.reason));
    }
    return names;
  }

  std::vector<client::Event> events;
};

}  // namespace tenon::tests
