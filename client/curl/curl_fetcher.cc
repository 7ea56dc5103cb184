#include <tenon/client/curl/curl_fetcher.h>
#include <tenon/client/transport/http_reply.h>
#include <tenon/client/transport/http_url.h>
#include <tenon/client/transport/socket_reach.h>
#include <tenon/metadata/utf8.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>
#include <optional>
#include <sstream>
#include <thread>
#include <utility>

#include <curl/curl.h>
#include <sys/socket.h>

namespace tenon::client {
namespace {

constexpr int kMaxRedirects = 5;      // curl 7.88 has no limit of its own
constexpr int kMaxStartsOver = 4;     // how often one file's beginning may come again from a server without ranges
constexpr std::uint64_t kBreaks = 3;  // a fetch goes on after so many broken connections, and after one more ...
constexpr std::uint64_t kFairGain = 65'536;  // ... for each such piece that came: a bad link ends, a hostile server too
constexpr long kBufferBytes = 102'400;  // what the curl tool takes: with 16 KiB the calls cost more than the copying
constexpr long kSmallestBuffer = 1024;  // curl takes no smaller one

struct CurlDeleter {
  void operator()(CURL* curl) const { curl_easy_cleanup(curl); }
};
using UniqueCurl = std::unique_ptr<CURL, CurlDeleter>;

struct HeadersDeleter {
  void operator()(curl_slist* headers) const { curl_slist_free_all(headers); }
};
using UniqueHeaders = std::unique_ptr<curl_slist, HeadersDeleter>;

using Deadline = std::chrono::steady_clock::time_point;

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

// "100-199" for a part, "100-" for the rest; "" for all of a file.
std::string range_of(const FetchRequest& request) {
  const std::string first = std::to_string(request.offset) + "-";
  if (request.is_part) return first + std::to_string(request.offset + request.max_length - 1);
  return request.offset == 0 ? "" : first;
}

// "" for a file that cannot be read, or is longer than any list of authorities.
std::string content_of(const std::string& path) {
  constexpr std::size_t kMostBytes = 4u << 20;
  std::ifstream file(path, std::ios::binary);
  std::ostringstream content;
  content << file.rdbuf();  // which, unlike an iterator, throws nothing when the file is a folder
  return file.bad() || content.str().size() > kMostBytes ? "" : content.str();
}

}  // namespace

// Pace keeps the bytes that come to a rate. curl 7.88 has a limit of its own, which takes seconds to notice a fast server.
class CurlFetcher::Pace {
 public:
  explicit Pace(std::uint64_t bytes_per_second) : bytes_per_second_(bytes_per_second) {}

  // What curl does not read stays with the server: the window of the connection is full.
  void wait_after(std::size_t bytes) {
    if (bytes_per_second_ == 0) return;
    const std::chrono::nanoseconds takes(static_cast<std::int64_t>(bytes * kNanoseconds / bytes_per_second_));
    next_ = std::max(next_, std::chrono::steady_clock::now()) + takes;
    std::this_thread::sleep_until(next_);
  }

 private:
  static constexpr std::uint64_t kNanoseconds = 1'000'000'000;  // of a second; a buffer's times that fits easily

  std::uint64_t bytes_per_second_;
  std::chrono::steady_clock::time_point next_{};
};

// Transfer is one fetch: the part that is still wanted, and the reply to the last request for it. An error of ours ends a
// request; curl then only knows that a callback failed.
struct CurlFetcher::Transfer {
  FetchRequest rest;
  ByteSink& sink;
  Deadline deadline;
  Pace& pace;
  ReplyRules rules = {};
  std::optional<HttpReply> reply = {};
  std::optional<Error> error = {};
  bool broke_off = false;  // the connection ended before the reply did
  std::uint64_t breaks = 0;
  std::uint64_t received = 0;

  void begin_request() {
    reply.emplace(rest, sink, rules);
    error.reset();
    broke_off = false;
  }

  // go_on moves to what is missing after an error. False when that cannot be asked for, or was asked for often enough.
  bool go_on() {
    const FileVersion version = reply->version();
    const std::uint64_t gained = reply->delivered();
    if (!broke_off || gained == 0 || gained == rest.max_length || !version.tag) return false;
    rest.offset += gained;
    rest.max_length -= gained;
    received += gained;
    rules.continued = version;
    return breaks++ < kBreaks + received / kFairGain;
  }

  // A callback that takes less than it was given ends the transfer.
  std::size_t taken(Result<void> result, std::size_t size) {
    if (result) return size;
    error = std::move(result).error();
    return size == 0 ? 1 : 0;
  }

  static std::size_t on_header(char* data, std::size_t, std::size_t size, void* transfer) noexcept {
    auto& self = *static_cast<Transfer*>(transfer);
    return self.taken(self.reply->take_header({data, size}), size);
  }

  static std::size_t on_body(char* data, std::size_t, std::size_t size, void* transfer) noexcept {
    auto& self = *static_cast<Transfer*>(transfer);
    self.pace.wait_after(size);
    const std::size_t taken = self.taken(self.reply->take_body(as_bytes({data, size})), size);
    return self.reply->sends_on() ? 0 : taken;
  }
};

// Handle is one curl handle, with which its connections are kept: it speaks to one origin alone, so that nothing of one
// server's reaches another.
class CurlFetcher::Handle {
 public:
  static Result<std::unique_ptr<Handle>> create() {
    auto handle = std::make_unique<Handle>();
    TENON_TRY_VOID(handle->begin_anew());
    return handle;
  }

  // prepare sets what is the same for every request. reset() keeps the connections and nothing else; after a failure not
  // even those are kept: curl 7.88 holds on to the buffer of a transfer that found no address, takes no other size for it,
  // and after reset() believes in one that it does not have.
  Result<void> prepare(const FetchOptions& options, const std::string& authorities, const std::string& user_agent) {
    if (failed_) TENON_TRY_VOID(begin_anew());
    curl_easy_reset(curl_.get());
    refused_ = CURLE_OK;
    led_from_.reset();
    const auto most = static_cast<long>(options.most_bytes_per_second);
    set(CURLOPT_NOSIGNAL, 1L);
    // A buffer of more than a second's bytes would make the pauses between two look like a stall.
    set(CURLOPT_BUFFERSIZE, most == 0 ? kBufferBytes : std::clamp(most, kSmallestBuffer, kBufferBytes));
    set(CURLOPT_ERRORBUFFER, message_.data());
    set(CURLOPT_PROTOCOLS_STR, "http,https");
    set(CURLOPT_FOLLOWLOCATION, 0L);  // redirects are followed here, where every hop is looked at
    set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
    set(CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
    set(CURLOPT_HTTPAUTH, static_cast<long>(CURLAUTH_BASIC));
    set(CURLOPT_PROXYAUTH, static_cast<long>(CURLAUTH_BASIC));
    set(CURLOPT_PROXY, options.proxy.c_str());  // "" also hides http_proxy and its like from curl
    set(CURLOPT_NOPROXY, "");
    set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    set(CURLOPT_SSL_VERIFYPEER, 1L);
    set(CURLOPT_SSL_VERIFYHOST, 2L);
    if (!options.ca_file.empty()) {
      set_authorities(CURLOPT_CAINFO, CURLOPT_CAINFO_BLOB, options.ca_file, authorities);
      set(CURLOPT_CAPATH, nullptr);  // else the folder of the system's authorities counts as well
    }
    set_proxy_tls(options, authorities);
    set(CURLOPT_USERAGENT, user_agent.c_str());
    set(CURLOPT_TCP_KEEPALIVE, 1L);
    set(CURLOPT_DNS_CACHE_TIMEOUT, 0L);  // who asks again after a failure must see that the address has changed
    set(CURLOPT_CONNECTTIMEOUT, static_cast<long>(options.connect_timeout.count()));
    set(CURLOPT_LOW_SPEED_LIMIT, static_cast<long>(options.stall_bytes_per_second));
    set(CURLOPT_LOW_SPEED_TIME, static_cast<long>(options.stall_time.count()));
    set(CURLOPT_HEADERFUNCTION, &Transfer::on_header);
    set(CURLOPT_WRITEFUNCTION, &Transfer::on_body);
    if (options.proxy.empty()) {  // a proxy connects from elsewhere: what is near to it is its own to guard
      set(CURLOPT_OPENSOCKETFUNCTION, &on_socket);
      set(CURLOPT_OPENSOCKETDATA, this);
    }
    return checked();
  }

  // lead_from is for hops whose URL a server chose: it must choose neither whom we log in as, nor an address that is near
  // to us and far from it.
  Result<void> lead_from(Reach server) {
    led_from_ = server;
    set(CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
    return checked();
  }

  // get runs one request to its end. Errors: E_NET, and those of HttpReply.
  Result<void> get(const std::string& url, Transfer& transfer) {
    transfer.begin_request();
    const std::string range = range_of(transfer.rest);
    const UniqueHeaders headers = headers_of(transfer);
    set(CURLOPT_URL, url.c_str());
    set(CURLOPT_RANGE, range.empty() ? nullptr : range.c_str());
    set(CURLOPT_HTTPHEADER, headers.get());
    set(CURLOPT_HEADERDATA, &transfer);
    set(CURLOPT_WRITEDATA, &transfer);
    set(CURLOPT_TIMEOUT_MS, milliseconds_until(transfer.deadline));
    TENON_TRY_VOID(checked());
    message_.front() = '\0';
    near_refused_ = false;
    const CURLcode code = curl_easy_perform(curl_.get());
    set(CURLOPT_HTTPHEADER, nullptr);  // they end with this function
    failed_ = code != CURLE_OK;
    if (transfer.error) return *transfer.error;
    if (failed_ && transfer.reply->sends_on()) return {};
    if (failed_ && near_refused_) return Error{ErrorCode::kNet, "a redirect leads to this machine or link"};
    transfer.broke_off = code == CURLE_PARTIAL_FILE || code == CURLE_RECV_ERROR;
    if (code != CURLE_OK) return failure(code);
    return {};
  }

  // redirect_target is where the reply sends us, an absolute URL; nothing when it names no place.
  std::optional<std::string> redirect_target() const {
    const char* url = nullptr;
    if (curl_easy_getinfo(curl_.get(), CURLINFO_REDIRECT_URL, &url) != CURLE_OK || url == nullptr) return std::nullopt;
    return url;
  }

  // reach is that of the address which was connected last.
  Reach reach() const { return reach_; }

 private:
  Result<void> begin_anew() {
    curl_.reset(curl_easy_init());
    failed_ = !curl_;
    if (failed_) return Error{ErrorCode::kNet, "curl does not start", "the device is probably out of memory"};
    return {};
  }

  // Every address of a name comes by here, before a packet is sent to it: also one that another DNS answer names later.
  static curl_socket_t on_socket(void* handle, curlsocktype, curl_sockaddr* address) noexcept {
    auto& self = *static_cast<Handle*>(handle);
    self.reach_ = reach_of(address->addr);
    self.near_refused_ = self.led_from_ && !may_lead_to(*self.led_from_, self.reach_);
    if (self.near_refused_) return CURL_SOCKET_BAD;
    return ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
  }

  template <class Value>
  void set(CURLoption option, Value value) {
    const CURLcode code = curl_easy_setopt(curl_.get(), option, value);
    if (code != CURLE_OK) refused_ = code;
  }

  // A file that could not be read is for curl to complain of, when it is needed. Caller must: keep the authorities alive.
  void set_authorities(CURLoption file, CURLoption content, const std::string& ca_file,
                       const std::string& authorities) {
    curl_blob blob{const_cast<char*>(authorities.data()), authorities.size(), CURL_BLOB_NOCOPY};
    authorities.empty() ? set(file, ca_file.c_str()) : set(content, &blob);
  }

  void set_proxy_tls(const FetchOptions& options, const std::string& authorities) {
    set(CURLOPT_PROXY_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    set(CURLOPT_PROXY_SSL_VERIFYPEER, 1L);
    set(CURLOPT_PROXY_SSL_VERIFYHOST, 2L);
    if (!options.ca_file.empty()) {
      set_authorities(CURLOPT_PROXY_CAINFO, CURLOPT_PROXY_CAINFO_BLOB, options.ca_file, authorities);
      set(CURLOPT_PROXY_CAPATH, nullptr);
    }
  }

  // Nothing is asked for compressed: what comes is counted and hashed as it comes.
  static UniqueHeaders headers_of(const Transfer& transfer) {
    UniqueHeaders headers(curl_slist_append(nullptr, "Accept-Encoding: identity"));
    if (const auto& version = transfer.rules.continued) {
      curl_slist_append(headers.get(), ("If-Range: " + *version->tag).c_str());
    }
    return headers;
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
  static long milliseconds_until(const Deadline& deadline) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    return static_cast<long>(std::max<std::chrono::milliseconds::rep>(left.count(), 1));
  }

  UniqueCurl curl_;
  bool failed_ = false;  // the last transfer did
  CURLcode refused_ = CURLE_OK;
  Reach reach_ = Reach::kFurther;
  std::optional<Reach> led_from_ = {};  // the server whose redirect is being followed
  bool near_refused_ = false;
  std::array<char, CURL_ERROR_SIZE> message_ = {};
};

Result<std::unique_ptr<CurlFetcher>> CurlFetcher::create(std::string_view base_url, std::string user_agent,
                                                         FetchOptions options) {
  TENON_TRY(std::string base, parse_base_url(base_url));
  if (!options.proxy.empty()) {
    TENON_TRY(options.proxy, parse_proxy_url(options.proxy));
  }
  std::string authorities = content_of(options.ca_file);
  TENON_TRY(std::unique_ptr<Handle> home, Handle::create());
  return std::unique_ptr<CurlFetcher>(new CurlFetcher(std::move(base), std::move(user_agent), std::move(options),
                                                      std::move(authorities), std::move(home)));
}

CurlFetcher::CurlFetcher(std::string base_url, std::string user_agent, FetchOptions options, std::string authorities,
                         std::unique_ptr<Handle> home)
    : base_url_(std::move(base_url)),
      user_agent_(std::move(user_agent)),
      options_(std::move(options)),
      authorities_(std::move(authorities)),
      pace_(std::make_unique<Pace>(options_.most_bytes_per_second)),
      home_(std::move(home)) {}

CurlFetcher::~CurlFetcher() = default;

std::string CurlFetcher::name() const {
  return shown_url(base_url_);
}

Result<FetchOutcome> CurlFetcher::fetch(const FetchRequest& request, ByteSink& sink) {
  TENON_TRY(const std::string url, url_below(base_url_, request.path));
  if (started_over_path_ != request.path) started_over_ = 0;
  started_over_path_ = request.path;
  Transfer transfer{request, sink, std::chrono::steady_clock::now() + longest_time(options_, request.max_length),
                    *pace_};
  for (;;) {
    transfer.rules.may_start_over = started_over_ < kMaxStartsOver;
    Result<FetchOutcome> outcome = get(url, transfer);
    asked_pause_ = transfer.reply ? transfer.reply->asked_pause() : std::chrono::seconds::zero();
    if (transfer.reply && transfer.reply->starts_over()) ++started_over_;
    if (outcome || !transfer.reply || !transfer.go_on()) return outcome;
  }
}

Result<FetchOutcome> CurlFetcher::get(std::string url, Transfer& transfer) {
  Handle* handle = home_.get();
  TENON_TRY_VOID(handle->prepare(options_, authorities_, user_agent_));
  for (int redirects = 0;; ++redirects) {
    if (const auto done = handle->get(url, transfer); !done) {
      Error error = done.error();
      return transfer.reply->sink_refused() ? error : std::move(error).context(shown_url(url));
    }
    const int status = transfer.reply->status();
    const auto target = is_redirect(status) ? handle->redirect_target() : std::nullopt;
    if (!target) {
      const bool missing = std::ranges::count(options_.not_found_statuses, status) != 0;
      if (missing && !transfer.rules.continued) return FetchOutcome::kNotFound;
      TENON_TRY_VOID(transfer.reply->finish().with_context(shown_url(url)));
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
    TENON_TRY(handle, handle_for(url));
    TENON_TRY_VOID(handle->lead_from(home_->reach()));
  }
}

Result<CurlFetcher::Handle*> CurlFetcher::handle_for(const std::string& url) {
  const std::string origin = origin_of(url);
  if (origin == origin_of(base_url_)) return home_.get();
  if (!away_ || away_origin_ != origin) {
    TENON_TRY(away_, Handle::create());
    away_origin_ = origin;
  }
  TENON_TRY_VOID(away_->prepare(options_, authorities_, user_agent_));
  return away_.get();
}

}  // namespace tenon::client
