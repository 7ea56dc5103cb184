#include <tenon/policies/channel.h>

#include <algorithm>

namespace tenon::policies {
namespace {

constexpr std::int64_t kSchema = 1;
constexpr std::size_t kMaxWithdrawn = 1024;

}  // namespace

bool Channel::withdraws(const Label& version) const {
  return std::ranges::find(withdrawn, version) != withdrawn.end();
}

Result<Channel> Channel::parse(ByteView file) {
  TENON_TRY(const json::Value value, json::parse(file, {.max_bytes = kMaxChannelBytes}));
  TENON_TRY(json::Fields fields, json::Fields::of(value, "channel"));
  TENON_TRY(const std::int64_t schema, fields.integer("schema"));
  if (schema != kSchema) return fields.error("schema " + std::to_string(schema) + " is not 1");
  TENON_TRY(const Label product, Label::read(fields, "product"));
  TENON_TRY(const Label name, Label::read(fields, "channel"));
  TENON_TRY(const std::int64_t serial, fields.integer("serial"));
  if (serial < 1) return fields.error("serial " + std::to_string(serial) + " is below 1");
  TENON_TRY(const Label release, Label::read(fields, "release"));
  TENON_TRY(const std::string hex, fields.string("sha256"));
  TENON_TRY(const Sha256 release_sha256, Sha256::parse(hex).with_context("channel"));
  TENON_TRY(const json::Array* entries, fields.array("withdrawn"));
  if (entries->size() > kMaxWithdrawn) return Error{ErrorCode::kLimit, "channel: more than 1024 withdrawn versions"};
  std::vector<Label> withdrawn;
  for (const json::Value& entry : *entries) {
    if (entry.string() == nullptr) return fields.error("a withdrawn version is " + std::string(entry.kind()));
    TENON_TRY(Label version, Label::parse(*entry.string()).with_context("channel.withdrawn"));
    withdrawn.push_back(std::move(version));
  }
  TENON_TRY(Rollout rollout, Rollout::read(fields));
  return Channel{product, name, serial, release, release_sha256, std::move(withdrawn), std::move(rollout)};
}

json::Value Channel::to_json() const {
  json::Array versions;
  for (const Label& version : withdrawn) versions.push_back(version.text());
  json::Object object;
  object.set("schema", kSchema);
  object.set("product", product.text());
  object.set("channel", channel.text());
  object.set("serial", serial);
  object.set("release", release.text());
  object.set("sha256", release_sha256.hex());
  object.set("withdrawn", std::move(versions));
  rollout.write(object);
  return object;
}

}  // namespace tenon::policies
