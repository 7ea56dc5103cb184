#include <tenon/metadata/check.h>
#include <tenon/policies/trip.h>

namespace tenon::policies {

Trip::Trip(Release destination, std::optional<Sequence> running) : running_(running) {
  stops_.push_back(std::move(destination));
}

const Bridge* Trip::wanted() const {
  return next().bridge_for(running_);
}

Result<void> Trip::add(Release bridge) {
  const Bridge* expected = wanted();
  TENON_CHECK(expected != nullptr);
  TENON_TRY_VOID(next().check_bridge(*expected, bridge));
  if (stops_.size() > kMaxBridges) {
    return Error{ErrorCode::kLimit, "the way to " + destination().title() + " is over more than " +
                                        std::to_string(kMaxBridges) + " bridges, the last of them " + bridge.title()}
        .with_hint("release a bridge that older devices may take straight");
  }
  stops_.push_back(std::move(bridge));
  return {};
}

}  // namespace tenon::policies
