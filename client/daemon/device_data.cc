#include <tenon/client/daemon/device_data.h>
#include <tenon/client/health/command_outcome.h>

namespace tenon::client {

Result<std::int64_t> DeviceData::wanted(const Editions& editions, const AppDataOwner& owner) const {
  const std::optional<std::int64_t> found = editions.of(owner);
  // On a trial what is left has failed with the release that made it; else it is all there is, and nobody knows better.
  if (!found && !editions.whole.empty() && !owner.confirmed) {
    return Error{ErrorCode::kStorage, config_.folder + ": the oldest data are of sequence " +
                                          std::to_string(*editions.whole.begin()) + ", and " +
                                          std::to_string(owner.sequence) + " runs"}
        .with_hint("nothing is changed: bring data of sequence " + std::to_string(owner.sequence) +
                   " or below back, or move these away");
  }
  return config_.migrate.empty() ? found.value_or(owner.sequence) : owner.sequence;
}

Result<void> DeviceData::make(const AppDataFolder& folder, std::int64_t edition,
                              std::optional<std::int64_t> from) const {
  TENON_TRY_VOID(folder.begin(from, config_.most_bytes));
  if (!config_.migrate.empty()) {
    const auto why = why_failed(config_.migrate, config_.timeout,
                                {"TENON_DATA=" + folder.unfinished_path(), "TENON_SEQUENCE=" + std::to_string(edition),
                                 "TENON_DATA_FROM=" + (from ? std::to_string(*from) : std::string())});
    if (why) {
      return Error{ErrorCode::kHw, config_.migrate.front() + ": " + *why,
                   "the data are as they were; mend the command in the next release"};
    }
  }
  return folder.finish(edition);
}

Result<std::string> DeviceData::settle(const AppDataOwner& owner) {
  TENON_TRY(const AppDataFolder folder, AppDataFolder::open(config_.folder));
  TENON_TRY(Editions editions, folder.look());
  TENON_TRY(const std::int64_t edition, wanted(editions, owner));
  std::string made;
  if (!editions.whole.contains(edition)) {
    const std::optional<std::int64_t> from = editions.of(owner);
    for (const std::int64_t other : std::set(editions.whole)) {  // there are two at the most
      if (other == from) continue;
      if (other == editions.current && from) {  // the link leads to whole data, whatever becomes of the copy
        TENON_TRY_VOID(folder.use(*from));
        editions.current = from;
      }
      TENON_TRY_VOID(folder.remove(other));
      editions.whole.erase(other);
    }
    if (const Result<void> done = make(folder, edition, from); !done) {
      if (const Result<void> gone = folder.discard(); !gone) reporter_.warn(gone.error().message);
      return done.error();
    }
    editions.whole.insert(edition);
    editions.has_unfinished = false;
    made = "edition " + std::to_string(edition) + " of the application's data was made" +
           (from ? " of " + std::to_string(*from) : std::string());
  }
  if (editions.current != edition) TENON_TRY_VOID(folder.use(edition));
  tidy(folder, editions, owner, edition);
  return made;
}

// What is left over costs room and nothing else: the next start, or the next copy, removes it.
void DeviceData::tidy(const AppDataFolder& folder, const Editions& editions, const AppDataOwner& owner,
                      std::int64_t used) {
  const auto tell = [&](const Result<void>& done) {
    if (!done) reporter_.warn(done.error().message);
  };
  if (editions.has_unfinished) tell(folder.discard());
  if (owner.has_fallback) return;
  for (const std::int64_t other : editions.whole) {
    const bool was_left = other > used && owner.left && other <= *owner.left;
    if (other != used && !was_left) tell(folder.remove(other));
  }
}

Result<bool> DeviceData::is_settled(const AppDataOwner& owner) {
  TENON_TRY(const AppDataFolder folder, AppDataFolder::open(config_.folder));
  TENON_TRY(const Editions editions, folder.look());
  TENON_TRY(const std::int64_t edition, wanted(editions, owner));
  return editions.current == edition && editions.whole.contains(edition);
}

}  // namespace tenon::client
