#include <tenon/client/control/answer_fields.h>
#include <tenon/client/control/event_hub.h>
#include <tenon/metadata/utf8.h>

#include <algorithm>
#include <limits>

namespace tenon::client {
namespace {

constexpr std::size_t kMostTextBytes = 1000;

std::string event(json::Object parameters) {
  return write_message(VarlinkReply{.parameters = std::move(parameters), .continues = true});
}

std::string text_event(const char* kind, std::string_view text) {
  json::Object parameters;
  parameters.set(kind, printable(text, kMostTextBytes));
  return event(std::move(parameters));
}

std::int64_t bytes(std::uint64_t value) {
  return static_cast<std::int64_t>(
      std::min<std::uint64_t>(value, static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())));
}

std::string progress_event(std::string_view step, std::uint64_t done, std::uint64_t total) {
  json::Object progress;
  progress.set("step", std::string(step));
  progress.set("done", bytes(done));
  progress.set("total", bytes(total));
  json::Object parameters;
  parameters.set("progress", std::move(progress));
  return event(std::move(parameters));
}

}  // namespace

void EventHub::offer(const std::string& message) {
  for (ControlStream* watcher : watchers_) watcher->offer(message);
}

void EventHub::note(std::string_view text) {
  const std::lock_guard lock(mutex_);
  log_.note(text);
  offer(text_event("note", text));
}

void EventHub::warn(std::string_view text) {
  const std::lock_guard lock(mutex_);
  log_.warn(text);
  offer(text_event("warning", text));
}

void EventHub::progress(std::string_view step, std::uint64_t done, std::uint64_t total) {
  const std::lock_guard lock(mutex_);
  log_.progress(step, done, total);
  if (!watchers_.empty()) offer(progress_event(step, done, total));
}

void EventHub::subscribe(ControlStream& stream) {
  const std::lock_guard lock(mutex_);
  watchers_.insert(&stream);
}

void EventHub::unsubscribe(ControlStream& stream) {
  const std::lock_guard lock(mutex_);
  watchers_.erase(&stream);
}

void CallReporter::note(std::string_view text) {
  if (hub_ != nullptr) hub_->note(text);
  if (caller_ != nullptr) caller_->offer(text_event("note", text));
}

void CallReporter::warn(std::string_view text) {
  if (hub_ != nullptr) hub_->warn(text);
  if (caller_ != nullptr) caller_->offer(text_event("warning", text));
}

void CallReporter::progress(std::string_view step, std::uint64_t done, std::uint64_t total) {
  if (hub_ != nullptr) hub_->progress(step, done, total);
  if (caller_ != nullptr) caller_->offer(progress_event(step, done, total));
}

void replay(const json::Object& parameters, Reporter& reporter) {
  if (parameters.find("note") != nullptr) reporter.note(string_in(parameters, "note"));
  if (parameters.find("warning") != nullptr) reporter.warn(string_in(parameters, "warning"));
  const json::Object& progress = object_in(parameters, "progress");
  if (progress.empty()) return;
  const auto bytes_in = [&](const char* name) {
    return static_cast<std::uint64_t>(std::max<std::int64_t>(number_in(progress, name), 0));
  };
  reporter.progress(string_in(progress, "step"), std::min(bytes_in("done"), bytes_in("total")), bytes_in("total"));
}

}  // namespace tenon::client
