#include <tenon/client/daemon/plan_report.h>

namespace tenon::client {
namespace {

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

}  // namespace tenon::client
