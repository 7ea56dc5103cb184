#include <tenon/client/daemon/plan_report.h>
#include <tenon/metadata/utf8.h>

#include <cstdio>

namespace tenon::client {
namespace {

std::string shown_size(std::uint64_t bytes) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f MiB", static_cast<double>(bytes) / (1u << 20));
  return text;
}

std::uint64_t seconds_to_fetch(const PlannedPayload& planned, std::uint64_t bytes_per_second) {
  return (planned.fetch_bytes + bytes_per_second - 1) / bytes_per_second;
}

json::Value image_json(const PlannedImage& image, std::uint64_t bytes_per_second) {
  json::Array payloads;
  for (const PlannedPayload& planned : image.plan.payloads) {
    json::Object object;
    object.set("kind", planned.payload.kind);
    object.set("file", planned.payload.file.text());
    object.set("fetch_bytes", static_cast<std::int64_t>(planned.fetch_bytes));
    object.set("memory_bytes", static_cast<std::int64_t>(planned.memory));
    object.set("fetch_seconds", static_cast<std::int64_t>(seconds_to_fetch(planned, bytes_per_second)));
    payloads.push_back(std::move(object));
  }
  json::Array passed_over;
  for (const PassedOver& one : image.plan.passed_over) {
    json::Object object;
    object.set("kind", one.payload.kind);
    object.set("file", one.payload.file.text());
    object.set("why", one.why);
    passed_over.push_back(std::move(object));
  }
  json::Object object;
  object.set("slot", image.slot.text());
  object.set("bytes", static_cast<std::int64_t>(image.size));
  object.set("write_bytes", static_cast<std::int64_t>(image.missing));
  object.set("payloads", std::move(payloads));
  object.set("passed_over", std::move(passed_over));
  return object;
}

std::string image_text(const PlannedImage& image, std::uint64_t bytes_per_second) {
  std::string text = image.slot.text() + ": " + shown_size(image.size) + ", ";
  text += image.missing == 0 ? "all of it is in the slot\n" : shown_size(image.missing) + " to write\n";
  for (std::size_t i = 0; i < image.plan.payloads.size(); ++i) {
    const PlannedPayload& planned = image.plan.payloads[i];
    text += i == 0 ? "  take   " : "  or     ";
    text += planned.payload.kind + " " + planned.payload.file.text() + ": " + shown_size(planned.fetch_bytes) +
            " to fetch, " + std::to_string(seconds_to_fetch(planned, bytes_per_second)) + " s at " +
            shown_size(bytes_per_second) + "/s, " + shown_size(planned.memory) + " of memory\n";
  }
  for (const PassedOver& one : image.plan.passed_over) {
    text +=
        "  not    " + printable(one.payload.kind) + " " + one.payload.file.text() + ": " + printable(one.why) + "\n";
  }
  return text;
}

}  // namespace

json::Object plan_json(const InstallPlan& plan, std::uint64_t bytes_per_second) {
  json::Array images;
  for (const PlannedImage& image : plan.images) images.push_back(image_json(image, bytes_per_second));
  json::Object object;
  object.set("group", std::string(to_string(plan.target)));
  object.set("bytes_per_second", static_cast<std::int64_t>(bytes_per_second));
  object.set("images", std::move(images));
  return object;
}

std::string plan_text(const InstallPlan& plan, std::uint64_t bytes_per_second) {
  std::string text = printable(plan.selection.decision.text) + "\n";
  if (plan.images.empty()) return text;
  text += plan.selection.release.title() + " into slot group " + std::string(to_string(plan.target)) + "\n";
  for (const PlannedImage& image : plan.images) text += image_text(image, bytes_per_second);
  return text;
}

}  // namespace tenon::client
