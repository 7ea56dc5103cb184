// EventHub: what a device tells while it works, to its log and to everybody who watches. Who does not keep up misses lines; nobody
// holds the work up.
// Thread: any.
#pragma once

#include <tenon/client/control/control_stream.h>
#include <tenon/client/ports/reporter.h>

#include <mutex>
#include <set>

namespace tenon::client {

class EventHub final : public Reporter {
 public:
  // Caller must keep the log alive.
  explicit EventHub(Reporter& log) : log_(log) {}

  void note(std::string_view text) override;
  void warn(std::string_view text) override;
  void progress(std::string_view step, std::uint64_t done, std::uint64_t total) override;

  // Between subscribe and unsubscribe the stream gets replies that continue. Caller must keep it alive.
  void subscribe(ControlStream& stream);
  void unsubscribe(ControlStream& stream);

 private:
  void offer(const std::string& message);

  std::mutex mutex_;
  Reporter& log_;
  std::set<ControlStream*> watchers_;
};

// CallReporter tells the hub, and the one caller for whom the work is done; null: not that one.
class CallReporter final : public Reporter {
 public:
  // Caller must keep both alive.
  CallReporter(Reporter* hub, ControlStream* caller) : hub_(hub), caller_(caller) {}

  void note(std::string_view text) override;
  void warn(std::string_view text) override;
  void progress(std::string_view step, std::uint64_t done, std::uint64_t total) override;

 private:
  Reporter* hub_;
  ControlStream* caller_;
};

// replay tells a reporter what such a reply that continues says.
void replay(const json::Object& parameters, Reporter& reporter);

}  // namespace tenon::client
