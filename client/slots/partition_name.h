// How a slot of the configuration names a partition: PARTLABEL=rootfs-a or PARTUUID=..., as fstab(5) and the kernel's root=
// spell it. Everything else is a path. Pure.
// Thread: any.
#pragma once

#include <tenon/client/slots/partition_table.h>
#include <tenon/metadata/result.h>

#include <optional>
#include <string>
#include <string_view>

namespace tenon::client {

class PartitionName {
 public:
  // parse gives nothing for a path. Errors: E_USAGE for a name that no partition can have.
  static Result<std::optional<PartitionName>> parse(std::string_view place);

  bool is_of(const TablePartition& partition) const;
  const std::string& text() const { return text_; }

 private:
  enum class Kind { kLabel, kId };
  PartitionName(Kind kind, std::string value, std::string_view text)
      : kind_(kind), value_(std::move(value)), text_(text) {}

  Kind kind_;
  std::string value_;
  std::string text_;  // as it was written
};

}  // namespace tenon::client
