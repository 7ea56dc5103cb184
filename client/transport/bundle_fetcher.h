// BundleFetcher: brings files out of a bundle, in place of a server. What it brings is trusted as little.
// Thread: one call at a time.
#pragma once

#include <tenon/client/bundle/bundle_file.h>
#include <tenon/client/ports/fetcher.h>

namespace tenon::client {

class BundleFetcher final : public Fetcher {
 public:
  explicit BundleFetcher(BundleFile bundle) : bundle_(std::move(bundle)) {}

  std::string name() const override;

  // fetch Errors: as Fetcher says; E_NET for an offset behind the end of what is asked for.
  Result<FetchOutcome> fetch(const FetchRequest& request, ByteSink& sink) override;

 private:
  BundleFile bundle_;
};

// member_name gives the member that a request's path names. The name of a file of metadata is one percent-encoded component
// in a folder as in a URL (RoleName::file_name); a target's name is encoded for the URL alone.
// Errors: E_NET for a '%' without two digits behind it.
Result<std::string> member_name(std::string_view path);

}  // namespace tenon::client
