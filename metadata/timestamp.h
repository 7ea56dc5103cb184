// Timestamp: which snapshot is current. Short-lived, so that a mirror cannot hide news for long.
// Spec: 4.6
#pragma once

#include <tenon/metadata/meta_entry.h>
#include <tenon/metadata/role_header.h>

#include <optional>

namespace tenon::metadata {

struct Timestamp {
  static constexpr std::string_view kType = "timestamp";

  RoleHeader header;
  MetaEntry snapshot;
  // "x-tenon-issued", our own member: when this was signed; a device's clock is never behind it. Others leave it out.
  std::optional<UtcTime> issued = {};
  json::Object extra = {};

  // parse reads the "signed" part. Errors: E_PARSE, when "meta" lists anything but snapshot.json too.
  static Result<Timestamp> parse(const json::Value& value);
  json::Value to_json() const;
  bool operator==(const Timestamp&) const = default;
};

}  // namespace tenon::metadata
