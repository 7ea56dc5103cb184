// CourierFetcher: brings files through the courier, the process that has the network. What the courier says is believed
// as little as what a server says: one that lies, stalls or sends too much is a bad source.
// Thread: one call at a time. Each has a connection of its own, so that two sources never meet in one process of the
// courier.
#pragma once

#include <tenon/client/errands/courier_link.h>
#include <tenon/client/ports/fetcher.h>
#include <tenon/client/transport/fetch_options.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace tenon::client {

class CourierFetcher final : public Fetcher {
 public:
  // source is which of the courier's sources this is, name its address for people. The courier keeps the time limits of
  // the options for its servers; here they bound the courier itself. Caller must: keep the link alive.
  CourierFetcher(CourierLink& link, std::uint16_t source, std::string name, const FetchOptions& options);

  std::string name() const override { return name_; }

  // fetch Errors: as Fetcher says; E_NET for a courier that cannot be reached, ends early, says what it must not, or
  // says nothing for as long as a connection and a stall may take.
  Result<FetchOutcome> fetch(const FetchRequest& request, ByteSink& sink) override;

  std::chrono::seconds asked_pause() const override { return asked_pause_; }

 private:
  CourierLink& link_;
  std::uint16_t source_;
  std::string name_;
  FetchOptions options_;
  std::optional<ErrandSocket> connection_ = {};
  Bytes buffer_ = {};
  std::chrono::seconds asked_pause_{0};
};

}  // namespace tenon::client
