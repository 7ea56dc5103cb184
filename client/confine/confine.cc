#include <tenon/client/confine/call_filter.h>
#include <tenon/client/confine/confine.h>

#include <utility>

#include <linux/capability.h>

namespace tenon::client {
namespace {

void add(Complaints& all, Complaints more) {
  for (std::string& one : more) all.push_back(std::move(one));
}

}  // namespace

Complaints confine_courier(const std::string& user) {
  bound_capabilities({});
  Complaints complaints = become_user(user);
  add(complaints, keep_capabilities({}));
  add(complaints, forbid_inspection());
  add(complaints, allow_calls_of_courier());
  return complaints;
}

Complaints confine_device(Ownership ownership) {
  Rights kept = {CAP_DAC_OVERRIDE, CAP_SYS_BOOT};
  if (ownership == Ownership::kGiven) kept.insert(kept.end(), {CAP_CHOWN, CAP_FOWNER, CAP_FSETID});
  bound_capabilities(kept);
  Complaints complaints = keep_capabilities(kept);
  add(complaints, forbid_calls_to_device());
  return complaints;
}

}  // namespace tenon::client
