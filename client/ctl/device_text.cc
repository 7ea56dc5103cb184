#include <tenon/client/control/answer_fields.h>
#include <tenon/client/ctl/device_text.h>
#include <tenon/metadata/utf8.h>

#include <cstdio>

namespace tenon::client {
namespace {

std::string shown(const json::Object& object, std::string_view name) {
  return printable(string_in(object, name));
}

std::string size_text(std::int64_t bytes) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f MiB", static_cast<double>(bytes) / (1u << 20));
  return text;
}

std::string group_line(const json::Object& status, std::string_view group) {
  const json::Object& of = object_in(object_in(status, "groups"), group);
  std::string line = "group " + std::string(group) + "    " + shown(of, "state");
  if (string_in(of, "state") == "trial") line += ", " + std::to_string(number_in(of, "tries_left")) + " tries left";
  if (!string_in(of, "version").empty()) line += ", " + shown(of, "version");
  const bool runs = string_in(status, "running") == group;
  if (runs) line += "  <- running";
  if (!runs && string_in(status, "next_boot") == group) line += "  <- next boot";
  return line + "\n";
}

std::string floor_line(const json::Object& status) {
  const json::Value* floors = status.find("floors");
  if (floors == nullptr || floors->object() == nullptr) return "floor      cannot be read\n";
  const std::int64_t lowest =
      std::max(number_in(*floors->object(), "confirmed_sequence"), number_in(*floors->object(), "signed_floor"));
  return "floor      sequence " + (lowest > 0 ? std::to_string(lowest) : std::string("none yet")) + "\n";
}

// What holds updates back, by the wishes of people.
std::string wish_lines(const json::Object& status) {
  std::string text;
  if (const std::string until = shown(status, "deferred_until"); !until.empty())
    text += "deferred   until " + until + "\n";
  const json::Object& window = object_in(status, "window");
  if (window.empty()) return text;
  const std::string opens = shown(window, "opens");
  text += "window     " + shown(window, "daily") + " UTC, ";
  if (true_in(window, "is_open")) return text + "open now\n";
  return text + (opens.empty() ? "closed: the clock is not to be trusted" : "opens " + opens) + "\n";
}

std::string image_text(const json::Object& image, std::int64_t bytes_per_second) {
  const std::int64_t missing = number_in(image, "write_bytes");
  std::string text = shown(image, "slot") + ": " + size_text(number_in(image, "bytes")) + ", ";
  text += missing == 0 ? "all of it is in the slot\n" : size_text(missing) + " to write\n";
  std::string_view choice = "  take   ";
  for (const json::Object* payload : objects_in(image, "payloads")) {
    text += std::string(choice) + shown(*payload, "kind") + " " + shown(*payload, "file") + ": " +
            size_text(number_in(*payload, "fetch_bytes")) + " to fetch, " +
            std::to_string(number_in(*payload, "fetch_seconds")) + " s at " + size_text(bytes_per_second) + "/s, " +
            size_text(number_in(*payload, "memory_bytes")) + " of memory\n";
    choice = "  or     ";
  }
  for (const json::Object* one : objects_in(image, "passed_over")) {
    text += "  not    " + shown(*one, "kind") + " " + shown(*one, "file") + ": " + shown(*one, "why") + "\n";
  }
  return text;
}

// "2026-11-30T12:00:00Z  rolled_back  1.2.0  boot.health: ..."
std::string event_line(const json::Object& event) {
  std::string line = shown(event, "at") + "  " + shown(event, "kind");
  if (!string_in(event, "version").empty()) line += "  " + shown(event, "version");
  if (!string_in(event, "reason").empty()) line += "  " + shown(event, "reason");
  return line + ": " + printable(string_in(event, "text"), 1000) + "\n";
}

std::string explained(std::string_view what, const json::Object& event) {
  if (event.empty()) return "";
  std::string text = std::string(what) + "  " + event_line(event);
  if (!string_in(event, "explanation").empty()) text += "          why: " + shown(event, "explanation") + "\n";
  if (!string_in(event, "advice").empty()) text += "          what to do: " + shown(event, "advice") + "\n";
  return text;
}

}  // namespace

std::string status_text(const json::Object& answer) {
  const json::Object& device = object_in(answer, "device");
  const json::Object& update = object_in(answer, "update");
  std::string text = shown(device, "product") + ", hardware " + shown(device, "hardware") + ", channel " +
                     shown(device, "channel") + "\n";
  text += group_line(answer, "A");
  text += group_line(answer, "B");
  text += "update     " + shown(update, "state");
  if (!string_in(update, "version").empty()) text += ", " + shown(update, "version");
  text += "\n";
  if (!string_in(answer, "last_result").empty()) text += "last       " + shown(answer, "last_result") + "\n";
  for (const json::Object* entry : objects_in(answer, "quarantine")) {
    text += "quarantine " + shown(*entry, "version") + ": " + shown(*entry, "reason") + "\n";
  }
  return text + wish_lines(answer) + floor_line(answer);
}

std::string plan_text(const json::Object& answer) {
  const json::Object& plan = object_in(answer, "plan");
  std::string text = shown(answer, "text") + "\n";
  const std::vector<const json::Object*> images = objects_in(plan, "images");
  if (images.empty()) return text;
  text += shown(answer, "version") + " (sequence " + std::to_string(number_in(answer, "sequence")) +
          ") into slot group " + shown(plan, "group") + "\n";
  for (const json::Object* image : images) text += image_text(*image, number_in(plan, "bytes_per_second"));
  return text;
}

std::string defer_text(const json::Object& answer) {
  const std::string until = shown(answer, "until");
  if (until.empty()) return "updates wait for nobody any more\n";
  const std::string armed = shown(answer, "armed");
  std::string text = "updates wait until " + until + ", unless the channel says that they are urgent\n";
  if (!armed.empty())
    text += armed + " is armed and stays so: any reboot tries it, unless you take it back: tenon rollback\n";
  return text;
}

std::string explain_text(const json::Object& answer) {
  return printable(string_in(answer, "text"), 1000) + "\n" + explained("decision", object_in(answer, "decision")) +
         explained("failure ", object_in(answer, "failure")) + explained("result  ", object_in(answer, "result"));
}

// "problem  boot_record: neither copy is whole", and below it what to do.
std::string doctor_text(const json::Object& answer) {
  std::string text;
  for (const json::Object* one : objects_in(answer, "checks")) {
    std::string grade = shown(*one, "grade");
    grade.resize(std::max<std::size_t>(grade.size(), 7), ' ');
    text += grade + "  " + shown(*one, "check") + ": " + printable(string_in(*one, "text"), 1000) + "\n";
    if (!string_in(*one, "advice").empty()) {
      text += "         what to do: " + printable(string_in(*one, "advice"), 1000) + "\n";
    }
  }
  return text + "problems: " + std::to_string(number_in(answer, "problems")) +
         ", warnings: " + std::to_string(number_in(answer, "warnings")) + "\n";
}

std::string history_text(const json::Object& answer) {
  std::string text;
  for (const json::Object* event : objects_in(answer, "events")) text += event_line(*event);
  return text.empty() ? "nothing has happened yet\n" : text;
}

}  // namespace tenon::client
