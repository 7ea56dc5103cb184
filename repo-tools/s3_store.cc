#include <tenon/metadata/utf8.h>
#include <tenon/repo_tools/s3_store.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <mutex>
#include <vector>

namespace tenon::repo_tools {
namespace {

using metadata::FileIdentity;
using Method = S3Request::Method;
using Milliseconds = std::chrono::milliseconds;

// Waits before the second try and the later ones.
constexpr std::array kPauses = {Milliseconds(200), Milliseconds(800), Milliseconds(3200)};
constexpr std::size_t kAskFirstBytes = 1u << 20;  // a larger object is not sent in vain when its name is taken

constexpr int kOk = 200;
constexpr int kNotFound = 404;
constexpr int kConflict = 409;  // two conditional writes at once
constexpr int kPreconditionFailed = 412;
constexpr int kNotImplemented = 501;

constexpr std::size_t kMaxReplacedBytes = 1u << 20;

constexpr std::string_view kLabel = "x-amz-meta-sha256";
constexpr std::string_view kForEver = "Cache-Control: public, max-age=31536000, immutable";
constexpr std::string_view kAskEachTime = "Cache-Control: no-cache";

bool is_done(int status) {
  return status >= 200 && status < 300;
}

bool is_passing(int status) {
  return status == kConflict || status == 429 || status == 500 || status == 502 || status == 503 || status == 504;
}

bool is_absent(const S3Reply& reply) {
  return reply.status == kNotFound && reply.error_code != "NoSuchBucket";
}

std::string hex_of_nothing() {
  return Sha256::of({}).hex();
}

std::string_view content_type(const std::string& name) {
  return name.ends_with(".json") ? "Content-Type: application/json" : "Content-Type: application/octet-stream";
}

}  // namespace

// Connections is the open ones, each lent to one call at a time, and what a reply means.
class S3Store::Connections {
 public:
  Connections(S3Address place, S3Key account, S3Options with)
      : address(std::move(place)), key(std::move(account)), options(std::move(with)) {}

  // The reply to a request that is made anew for each try. Errors: of the connection, after the last try.
  Result<S3Reply> exchange(const std::string& name, const std::function<S3Request()>& make) {
    for (std::size_t tries = 0;; ++tries) {
      S3Request request = make();
      request.url = address.url(name);
      Result<S3Reply> reply = exchange_once(request);
      const bool may_pass = reply ? is_passing(reply->status) : reply.error().code == ErrorCode::kNet;
      if (!may_pass || tries == kPauses.size()) return std::move(reply).with_context(shown(name));
      options.pause(kPauses.at(tries));
    }
  }

  // A GET whose body goes to take, from the front again for each try. False: there is no such object.
  Result<std::optional<S3Reply>> get(const std::string& name, const std::function<void()>& begin,
                                     const std::function<Result<void>(ByteView)>& take) {
    TENON_TRY(S3Reply reply, exchange(name, [&] {
                begin();
                return S3Request{.method = Method::kGet, .payload_sha256 = hex_of_nothing(), .take = take};
              }));
    if (is_absent(reply)) return std::optional<S3Reply>();
    if (reply.status != kOk) return refusal(name, reply);
    return std::optional(std::move(reply));
  }

  // A PUT. False: a condition does not hold. Nothing: the store does not know conditions.
  Result<std::optional<bool>> put(const std::string& name, const ObjectStore::Content& content,
                                  std::vector<std::string> headers) {
    const std::string digest = content.identity.sha256.hex();
    const bool is_conditional =
        std::ranges::any_of(headers, [](const std::string& header) { return header.starts_with("If-"); });
    headers.emplace_back(content_type(name));
    headers.push_back(std::string(kLabel) + ": " + digest);
    TENON_TRY(const S3Reply reply, exchange(name, [&] {
                S3Request request{.method = Method::kPut, .payload_sha256 = digest, .headers = headers};
                request.body_length = content.identity.length;
                if (const auto* bytes = std::get_if<Bytes>(&content.from)) {
                  request.body = ByteView(*bytes);
                } else {
                  request.body = std::get<std::filesystem::path>(content.from);
                }
                return request;
              }));
    if (is_done(reply.status)) return std::optional(true);
    if (reply.status == kPreconditionFailed || is_absent(reply)) return std::optional(false);
    if (reply.status == kNotImplemented && is_conditional) {
      knows_conditions = false;
      return std::optional<bool>();
    }
    return refusal(name, reply);
  }

  // refusal is the error that a reply which is none of the expected ones stands for.
  Error refusal(const std::string& name, const S3Reply& reply) const {
    std::string text = shown(name) + ": the store answers " + std::to_string(reply.status);
    if (!reply.error_code.empty()) text += " " + reply.error_code;
    if (reply.status == 401 || reply.status == 403) {
      const bool is_clock = reply.error_code == "RequestTimeTooSkewed";
      return Error{ErrorCode::kAuth, text,
                   is_clock
                       ? "set this machine's clock"
                       : "check the key, its secret and the region; it must be allowed to get, put and list objects"};
    }
    if (reply.status == 301 || reply.status == 307) {
      return Error{ErrorCode::kUsage, text,
                   reply.bucket_region.empty()
                       ? "the bucket lives at another endpoint: --s3-endpoint, --s3-region"
                       : "the bucket lives in another region: --s3-region " + reply.bucket_region};
    }
    if (reply.error_code == "NoSuchBucket") return Error{ErrorCode::kUsage, text, "make the bucket first"};
    if (reply.status == 400 && (reply.error_code == "BadDigest" || reply.error_code == "XAmzContentSHA256Mismatch")) {
      return Error{ErrorCode::kMismatch, text, "the file changed while it was sent: run it again"};
    }
    return Error{ErrorCode::kNet, text, "try again later: what was done is not done again"};
  }

  std::string shown(const std::string& name) const { return address.text() + "/" + printable(name); }

  const S3Address address;
  const S3Key key;
  const S3Options options;
  std::atomic<bool> knows_conditions{true};  // until it answers that it does not

 private:
  Result<S3Reply> exchange_once(const S3Request& request) {
    TENON_TRY(S3Connection connection, borrow());
    Result<S3Reply> reply = connection.exchange(request, key, address.region(), options.ca_file);
    const std::lock_guard lock(mutex_);
    idle_.push_back(std::move(connection));
    return reply;
  }

  Result<S3Connection> borrow() {
    const std::lock_guard lock(mutex_);
    if (idle_.empty()) return S3Connection::open();
    S3Connection connection = std::move(idle_.back());
    idle_.pop_back();
    return connection;
  }

  std::mutex mutex_;
  std::vector<S3Connection> idle_;
};

S3Store::S3Store(S3Address address, S3Key key, S3Options options)
    : connections_(std::make_unique<Connections>(std::move(address), std::move(key), std::move(options))) {}
S3Store::~S3Store() = default;

std::string S3Store::address() const {
  return connections_->address.text();
}

Result<std::optional<ObjectStore::Object>> S3Store::read(const std::string& name, std::size_t max_bytes) {
  Bytes content;
  const auto take = [&](ByteView piece) -> Result<void> {
    if (piece.size() > max_bytes - content.size()) {
      return Error{ErrorCode::kLimit, "larger than " + std::to_string(max_bytes) + " bytes"};
    }
    content.insert(content.end(), piece.begin(), piece.end());
    return {};
  };
  TENON_TRY(std::optional<S3Reply> reply, connections_->get(
                                              name, [&] { content.clear(); }, take));
  if (!reply) return std::optional<Object>();
  return std::optional(Object{std::move(content), std::move(reply->tag)});
}

Result<std::optional<FileIdentity>> S3Store::identify(const std::string& name) {
  TENON_TRY(const S3Reply head, connections_->exchange(name, [] {
    return S3Request{.method = Method::kHead, .payload_sha256 = hex_of_nothing()};
  }));
  if (head.status == kNotFound) return std::optional<FileIdentity>();
  if (head.status != kOk) return connections_->refusal(name, head);
  const Result<Sha256> label = Sha256::parse(head.label_sha256);
  if (label && head.length) return std::optional(FileIdentity{*head.length, *label, std::nullopt});

  Sha256Hasher hasher;  // somebody else wrote it
  std::uint64_t length = 0;
  const auto begin = [&] {
    hasher = Sha256Hasher();
    length = 0;
  };
  const auto take = [&](ByteView piece) -> Result<void> {
    hasher.update(piece);
    length += piece.size();
    return {};
  };
  TENON_TRY(const std::optional<S3Reply> reply, connections_->get(name, begin, take));
  if (!reply) return std::optional<FileIdentity>();
  return std::optional(FileIdentity{length, hasher.finish(), std::nullopt});
}

Result<bool> S3Store::create(const std::string& name, const Content& content) {
  if (content.identity.length > kMaxObjectBytes) {
    return Error{ErrorCode::kLimit, connections_->shown(name) + ": larger than 5 GiB, the most that S3 takes at once"};
  }
  std::vector<std::string> headers = {std::string(kForEver)};
  if (connections_->knows_conditions) headers.emplace_back("If-None-Match: *");
  if (!connections_->knows_conditions || content.identity.length >= kAskFirstBytes) {
    TENON_TRY(const std::optional<FileIdentity> there, identify(name));
    if (there) return false;
  }
  TENON_TRY(const std::optional<bool> written, connections_->put(name, content, std::move(headers)));
  return written ? *written : create(name, content);
}

Result<bool> S3Store::replace(const std::string& name, const Bytes& content, const std::optional<std::string>& tag) {
  std::vector<std::string> headers = {std::string(kAskEachTime)};
  if (connections_->knows_conditions) {
    headers.push_back(tag ? "If-Match: " + *tag : std::string("If-None-Match: *"));
  } else {
    TENON_TRY(const std::optional<Object> there, read(name, kMaxReplacedBytes));
    if ((there ? std::optional(there->tag) : std::nullopt) != tag) return false;
  }
  TENON_TRY(const std::optional<bool> written,
            connections_->put(name, {content, FileIdentity::of(content)}, std::move(headers)));
  return written ? *written : replace(name, content, tag);
}

}  // namespace tenon::repo_tools
