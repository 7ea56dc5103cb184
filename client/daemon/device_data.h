// DeviceData: the editions of the application's data on a real device, changed by the command of the image that runs.
// Thread: one.
#pragma once

#include <tenon/client/config/app_data_config.h>
#include <tenon/client/ports/app_data.h>
#include <tenon/client/ports/reporter.h>
#include <tenon/client/store/app_data_folder.h>

namespace tenon::client {

class DeviceData final : public AppData {
 public:
  // Caller must keep the reporter alive.
  DeviceData(AppDataConfig config, Reporter& reporter) : config_(std::move(config)), reporter_(reporter) {}

  // settle runs the command without a shell, with PATH and
  //   TENON_DATA       the path of the copy, which is what it may change
  //   TENON_SEQUENCE   of the release that runs, whose edition it will be
  //   TENON_DATA_FROM  the sequence of the edition that was copied; empty when there was none, and the copy is an empty folder
  Result<std::string> settle(const AppDataOwner& owner) override;
  Result<bool> is_settled(const AppDataOwner& owner) override;

 private:
  // The edition that the owner's programs are to find, whether it is there or not. Errors: E_STORAGE when all are of later releases.
  Result<std::int64_t> wanted(const Editions& editions, const AppDataOwner& owner) const;
  Result<void> make(const AppDataFolder& folder, std::int64_t edition, std::optional<std::int64_t> from) const;
  void tidy(const AppDataFolder& folder, const Editions& editions, const AppDataOwner& owner, std::int64_t used);

  AppDataConfig config_;
  Reporter& reporter_;
};

}  // namespace tenon::client
