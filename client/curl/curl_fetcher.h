// CurlFetcher: brings files from an HTTP or HTTPS server with libcurl.
// It asks for what the request names and nothing more: no proxy of the environment, no netrc, no cookies, no
// compression, no HTTP/2, no scheme but http and https, and at most five redirects, none from https to http and none from
// afar to this machine or link. What the reply is worth, HttpReply decides. When a connection breaks off in the middle of
// a file whose version has a name (a strong entity tag), the fetch goes on with that version; else it ends, and the
// caller goes on from what it could verify.
// Thread: one call at a time; connections are reused from call to call, those of one origin for that origin alone.
#pragma once

#include <tenon/client/ports/fetcher.h>
#include <tenon/client/transport/fetch_options.h>

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

namespace tenon::client {

class CurlFetcher final : public Fetcher {
 public:
  // create reads the file of certificate authorities once: later this process may not be allowed to.
  // Errors: E_USAGE for an address, or a proxy's, that is no http or https URL; E_NET when curl cannot start.
  // Caller must: have called init_crypto(), so that curl's OpenSSL reads no openssl.cnf.
  static Result<std::unique_ptr<CurlFetcher>> create(std::string_view base_url, std::string user_agent,
                                                     FetchOptions options = {});
  ~CurlFetcher() override;

  std::string name() const override;

  // fetch Errors: as Fetcher says; a message names the URL, without credentials and query.
  Result<FetchOutcome> fetch(const FetchRequest& request, ByteSink& sink) override;

  std::chrono::seconds asked_pause() const override { return asked_pause_; }

 private:
  class Handle;
  class Pace;
  struct Transfer;
  CurlFetcher(std::string base_url, std::string user_agent, FetchOptions options, std::string authorities,
              std::unique_ptr<Handle> home);

  // get follows the redirects from a URL to the reply that is none.
  Result<FetchOutcome> get(std::string url, Transfer& transfer);
  // handle_for is what speaks to the origin that a redirect leads to.
  Result<Handle*> handle_for(const std::string& url);

  std::string base_url_;
  std::string user_agent_;
  FetchOptions options_;
  std::string authorities_;  // the file of them; "" when there is none, or it cannot be read
  std::unique_ptr<Pace> pace_;
  std::unique_ptr<Handle> home_;  // the origin of the base
  std::unique_ptr<Handle> away_;  // the origin to which a redirect led last
  std::string away_origin_;
  std::chrono::seconds asked_pause_{0};
  std::string started_over_path_;  // which file the server sent again from its beginning, and how often
  int started_over_ = 0;
};

}  // namespace tenon::client
