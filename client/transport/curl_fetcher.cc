#include <tenon/client/transport/curl_fetcher.h>
#include <tenon/client/transport/http_reply.h>
#include <tenon/client/transport/http_url.h>
#include <tenon/metadata/utf8.h>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include <curl/curl.h>

namespace tenon::client {
namespace {

constexpr int kMaxRedirects = 5;  // curl 7.88 has no limit of its own

struct CurlDeleter {
  void operator()(CURL* curl) const { curl_easy_cleanup(curl); }
};
using UniqueCurl = std::unique_ptr<CURL, CurlDeleter>;

using Deadline = std::chrono::steady_clock::time_point;

// Hop is one request and its reply. An error of ours ends the transfer; curl then only knows that a callback failed.
struct Hop {
  HttpReply reply;
  std::optional<Error> error = {};

  // A callback that takes less than it was given ends the transfer.
  std::size_t taken(Result<void> result, std::size_t size) {
    if (result) return size;
    error = std::move(result).error();
    return size == 0 ? 1 : 0;
  }
};

std::size_t on_header(char* data, std::size_t, std::size_t size, void* hop) noexcept {
  auto& self = *static_cast<Hop*>(hop);
  return self.taken(self.reply.take_header({data, size}), size);
}

std::size_t on_body(char* data, std::size_t, std::size_t size, void* hop) noexcept {
  auto& self = *static_cast<Hop*>(hop);
  return self.taken(self.reply.take_body(as_bytes({data, size})), size);
}

bool is_redirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

std::string_view hint_for(CURLcode code) {
  switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST: return "check the name in the repository's address, and the device's DNS";
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_PROXY: return "check the proxy in the configuration";
    case CURLE_COULDNT_CONNECT: return "check the network and that the server is up";
    case CURLE_OPERATION_TIMEDOUT: return "the link or the server is too slow or gone: try again later";
    case CURLE_PEER_FAILED_VERIFICATION: return "check the device's clock and the certificate authorities it trusts";
    case CURLE_SSL_CACERT_BADFILE: return "check the file of certificate authorities in the configuration";
    default: return "try again later";  // a library's enum: most of its codes are none of ours
  }
}

// Bounded, so that a length that somebody claims does not overflow a clock.
std::chrono::seconds longest_time(const FetchOptions& options, std::uint64_t length) {
  constexpr std::uint64_t kMaxSeconds = 365 * 86'400;
  const std::uint64_t at_slowest = length / std::max<std::uint64_t>(options.slowest_bytes_per_second, 1);
  return options.connect_timeout + options.stall_time +
         std::chrono::seconds(static_cast<std::int64_t>(std::min(at_slowest, kMaxSeconds)));
}

}  // namespace

// Handle is the one curl handle, with which its connections and its DNS answers are kept.
class CurlFetcher::Handle {
 public:
  explicit Handle(UniqueCurl curl) : curl_(std::move(curl)) {}

  // prepare sets what is the same for every request. reset() keeps the connections and nothing else.
  Result<void> prepare(const FetchOptions& options, const std::string& user_agent) {
    curl_easy_reset(curl_.get());
    refused_ = CURLE_OK;
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_BUFFERSIZE, 102'400L);  // what the curl tool takes: with 16 KiB the calls cost more than the copying
    set(CURLOPT_ERRORBUFFER, message_.data());
    set(CURLOPT_PROTOCOLS_STR, "http,https");
    set(CURLOPT_FOLLOWLOCATION, 0L);  // redirects are followed here, where every hop is looked at
    set(CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
    set(CURLOPT_PROXY, options.proxy.c_str());  // "" also hides http_proxy and its like from curl
    set(CURLOPT_NOPROXY, "");
    set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    set(CURLOPT_SSL_VERIFYPEER, 1L);
    set(CURLOPT_SSL_VERIFYHOST, 2L);
    if (!options.ca_file.empty()) set(CURLOPT_CAINFO, options.ca_file.c_str());
    set(CURLOPT_USERAGENT, user_agent.c_str());
    set(CURLOPT_TCP_KEEPALIVE, 1L);
    set(CURLOPT_CONNECTTIMEOUT, static_cast<long>(options.connect_timeout.count()));
    set(CURLOPT_LOW_SPEED_LIMIT, static_cast<long>(options.stall_bytes_per_second));
    set(CURLOPT_LOW_SPEED_TIME, static_cast<long>(options.stall_time.count()));
    set(CURLOPT_HEADERFUNCTION, &on_header);
    set(CURLOPT_WRITEFUNCTION, &on_body);
    return checked();
  }

  // get runs one request to its end. Errors: E_NET, and those of Hop.
  Result<void> get(const std::string& url, std::uint64_t offset, const Deadline& deadline, Hop& hop) {
    const std::string range = std::to_string(offset) + "-";
    set(CURLOPT_URL, url.c_str());
    set(CURLOPT_RANGE, offset == 0 ? nullptr : range.c_str());
    set(CURLOPT_HEADERDATA, &hop);
    set(CURLOPT_WRITEDATA, &hop);
    set(CURLOPT_TIMEOUT_MS, milliseconds_until(deadline));
    TENON_TRY_VOID(checked());
    message_.front() = '\0';
    const CURLcode code = curl_easy_perform(curl_.get());
    if (hop.error) return *std::move(hop.error);
    if (code != CURLE_OK) return failure(code);
    return {};
  }

  // redirect_target is where the reply sends us, an absolute URL; nothing when it names no place.
  std::optional<std::string> redirect_target() const {
    const char* url = nullptr;
    if (curl_easy_getinfo(curl_.get(), CURLINFO_REDIRECT_URL, &url) != CURLE_OK || url == nullptr) return std::nullopt;
    return url;
  }

  // refuse_foreign_credentials is for hops whose URL the server chose: it must not choose whom we log in as.
  void refuse_foreign_credentials() { set(CURLOPT_DISALLOW_USERNAME_IN_URL, 1L); }

 private:
  template <class Value>
  void set(CURLoption option, Value value) {
    const CURLcode code = curl_easy_setopt(curl_.get(), option, value);
    if (code != CURLE_OK) refused_ = code;
  }

  // An option that this curl does not know would leave a protection off: then nothing is fetched.
  Result<void> checked() const {
    if (refused_ == CURLE_OK) return {};
    return Error{ErrorCode::kNet, std::string("curl refuses an option: ") + curl_easy_strerror(refused_),
                 "this libcurl is too old or was built without TLS; 7.88 or newer is needed"};
  }

  Error failure(CURLcode code) const {
    const std::string_view detail = message_.front() != '\0' ? message_.data() : curl_easy_strerror(code);
    return Error{ErrorCode::kNet, printable(detail), std::string(hint_for(code))};
  }

  // At least 1: for curl 0 means for ever.
  static long milliseconds_until(std::chrono::steady_clock::time_point deadline) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    return static_cast<long>(std::max<std::chrono::milliseconds::rep>(left.count(), 1));
  }

  UniqueCurl curl_;
  CURLcode refused_ = CURLE_OK;
  std::array<char, CURL_ERROR_SIZE> message_ = {};
};

Result<std::unique_ptr<CurlFetcher>> CurlFetcher::create(std::string_view base_url, std::string user_agent,
                                                         FetchOptions options) {
  TENON_TRY(std::string base, parse_base_url(base_url));
  UniqueCurl curl(curl_easy_init());
  if (!curl) return Error{ErrorCode::kNet, "curl does not start", "the device is probably out of memory"};
  auto handle = std::make_unique<Handle>(std::move(curl));
  return std::unique_ptr<CurlFetcher>(
      new CurlFetcher(std::move(base), std::move(user_agent), std::move(options), std::move(handle)));
}

CurlFetcher::CurlFetcher(std::string base_url, std::string user_agent, FetchOptions options,
                         std::unique_ptr<Handle> handle)
    : base_url_(std::move(base_url)),
      user_agent_(std::move(user_agent)),
      options_(std::move(options)),
      handle_(std::move(handle)) {}

CurlFetcher::~CurlFetcher() = default;

std::string CurlFetcher::name() const {
  return shown_url(base_url_);
}

Result<FetchOutcome> CurlFetcher::fetch(const FetchRequest& request, ByteSink& sink) {
  TENON_TRY(std::string url, url_below(base_url_, request.path));
  TENON_TRY_VOID(handle_->prepare(options_, user_agent_));
  const Deadline deadline = std::chrono::steady_clock::now() + longest_time(options_, request.max_length);

  for (int redirects = 0;; ++redirects) {
    Hop hop{HttpReply(request, sink)};
    if (auto done = handle_->get(url, request.offset, deadline, hop); !done) {
      return hop.reply.sink_refused() ? done.error() : std::move(done).error().context(shown_url(url));
    }
    const int status = hop.reply.status();
    const auto target = is_redirect(status) ? handle_->redirect_target() : std::nullopt;
    if (!target) {
      if (std::ranges::count(options_.not_found_statuses, status) != 0) return FetchOutcome::kNotFound;
      TENON_TRY_VOID(hop.reply.finish().with_context(shown_url(url)));
      return FetchOutcome::kComplete;
    }
    if (redirects == kMaxRedirects) {
      return Error{ErrorCode::kNet, shown_url(url) + ": more than " + std::to_string(kMaxRedirects) + " redirects",
                   "check the repository's address; a login page of the network does this too"};
    }
    if (!may_redirect(url, *target)) {
      return Error{ErrorCode::kNet, shown_url(url) + " redirects to " + shown_url(*target) + ", which is not followed",
                   "use the address that the files really have"};
    }
    url = *target;
    handle_->refuse_foreign_credentials();
  }
}

}  // namespace tenon::client
