// The four roles and the records kept beside them: a role that is read is written back as what was read, and read again
// as the same role; names never leave their folder.
#include <tenon/metadata/check.h>
#include <tenon/metadata/floors.h>
#include <tenon/metadata/root.h>
#include <tenon/metadata/snapshot.h>
#include <tenon/metadata/targets.h>
#include <tenon/metadata/timestamp.h>

#include <cstdint>

namespace json = tenon::json;
using tenon::metadata::DelegatedRole;

namespace {

template <class Role>
void check(const json::Value& value) {
  const tenon::Result<Role> role = Role::parse(value);
  if (!role) {
    using enum tenon::ErrorCode;  // kPolicy: a weak key
    TENON_CHECK(role.error().code == kParse || role.error().code == kLimit || role.error().code == kPolicy);
    return;
  }
  const tenon::Result<Role> again = Role::parse(role->to_json());
  TENON_CHECK(again && *again == *role);
}

void check_names(const json::Value& value) {
  const tenon::Result<tenon::metadata::Targets> targets = tenon::metadata::Targets::parse(value);
  if (!targets || !targets->delegations) return;
  const tenon::metadata::TargetPath path = *tenon::metadata::TargetPath::parse("dir/app");
  for (const DelegatedRole& role : targets->delegations->roles) {
    const std::string file = role.name.file_name(tenon::metadata::Version::first());
    TENON_CHECK(file.find('/') == file.npos && file.size() <= 255);
    const tenon::Result<bool> contained = role.paths.contains(path);
    TENON_CHECK(contained || contained.error().code == tenon::ErrorCode::kPolicy);
  }
  if (const auto& bins = targets->delegations->bins) {
    const DelegatedRole bin = bins->bin_of(path);
    TENON_CHECK(bin.terminating && *bin.paths.contains(path));
    TENON_CHECK(bin.name.file_name(tenon::metadata::Version::first()).size() <= 255);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const bool kStarted = (tenon::init_crypto(), true);
  (void)kStarted;
  const tenon::Result<json::Value> value = json::parse(tenon::ByteView(data, size));
  if (!value) return 0;
  check<tenon::metadata::Root>(*value);
  check<tenon::metadata::Timestamp>(*value);
  check<tenon::metadata::Snapshot>(*value);
  check<tenon::metadata::Targets>(*value);
  check<tenon::metadata::VersionFloors>(*value);
  check_names(*value);
  return 0;
}
