#include <tenon/client/slots/partition_name.h>
#include <tenon/metadata/utf8.h>

#include <algorithm>
#include <utility>

namespace tenon::client {
namespace {

constexpr std::string_view kLabel = "PARTLABEL=";
constexpr std::string_view kId = "PARTUUID=";
constexpr std::string_view kGptId = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
constexpr std::string_view kMbrId = "xxxxxxxx-xx";
constexpr std::size_t kMaxLabelBytes = 36 * 3;  // UTF-16 units, each at most three bytes of UTF-8

bool has_form(std::string_view id, std::string_view form) {
  const auto fits = [](char c, char wanted) {
    return wanted == '-' ? c == '-' : (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
  };
  return std::ranges::equal(id, form, fits);
}

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return result;
}

Error refusal(std::string_view place, const std::string& message) {
  return Error{ErrorCode::kUsage, printable(place, 128) + " " + message,
               "write PARTLABEL= and the name that sgdisk -p shows, or PARTUUID= and what lsblk -o PARTUUID shows"};
}

}  // namespace

Result<std::optional<PartitionName>> PartitionName::parse(std::string_view place) {
  if (place.starts_with(kLabel)) {
    const std::string_view label = place.substr(kLabel.size());
    if (label.empty() || label.size() > kMaxLabelBytes || !is_utf8(label) || has_control_characters(label)) {
      return refusal(place, "is no name that a partition can have");
    }
    return std::optional(PartitionName(Kind::kLabel, std::string(label), place));
  }
  if (place.starts_with(kId)) {
    std::string id = lower(place.substr(kId.size()));
    if (!has_form(id, kGptId) && !has_form(id, kMbrId)) return refusal(place, "is no id that a partition can have");
    return std::optional(PartitionName(Kind::kId, std::move(id), place));
  }
  return std::optional<PartitionName>();
}

bool PartitionName::is_of(const TablePartition& partition) const {
  return value_ == (kind_ == Kind::kLabel ? partition.label : partition.id);
}

}  // namespace tenon::client
