// CurlFetcher: brings files from an HTTP or HTTPS server with libcurl.
// It asks for what the request names and nothing more: no proxy of the environment, no netrc, no cookies, no
// compression, no scheme but http and https, and at most five redirects, none from https to http. What the reply is
// worth, HttpReply decides.
// Thread: one call at a time; connections are reused from call to call.
#pragma once

#include <tenon/client/ports/fetcher.h>

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace tenon::client {

struct FetchOptions {
  std::chrono::seconds connect_timeout{30};   // name, connection and TLS together
  std::uint64_t stall_bytes_per_second = 16;  // slower than this ...
  std::chrono::seconds stall_time{60};        // ... for so long is a stall
  // A fetch, redirects included, ends after the time of a connection and a stall and what its bytes take at this rate;
  // what was written before is not lost. A source that drips is left in the end.
  std::uint64_t slowest_bytes_per_second = 256;
  std::string proxy = {};                       // "" is none, whatever the environment says
  std::string ca_file = {};                     // "" are the certificate authorities of the system
  std::vector<int> not_found_statuses = {404};  // an S3 bucket that cannot be listed says 403
};

class CurlFetcher final : public Fetcher {
 public:
  // create Errors: E_USAGE for an address that is no http or https URL; E_NET when curl cannot start.
  // Caller must: have called init_crypto(), so that curl's OpenSSL reads no openssl.cnf.
  static Result<std::unique_ptr<CurlFetcher>> create(std::string_view base_url, std::string user_agent,
                                                     FetchOptions options = {});
  ~CurlFetcher() override;

  std::string name() const override;

  // fetch Errors: as Fetcher says; a message names the URL, without credentials and query.
  Result<FetchOutcome> fetch(const FetchRequest& request, ByteSink& sink) override;

 private:
  class Handle;
  CurlFetcher(std::string base_url, std::string user_agent, FetchOptions options, std::unique_ptr<Handle> handle);

  std::string base_url_;
  std::string user_agent_;
  FetchOptions options_;
  std::unique_ptr<Handle> handle_;
};

}  // namespace tenon::client
