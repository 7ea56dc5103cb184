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
constexpr std::size_t kMaxReplacedBytes = 1u << 20;

constexpr int kOk = 200;
constexpr int kUnauthorized = 401;
constexpr int kForbidden = 403;
constexpr int kNotFound = 404;
constexpr int kConflict = 409;  // two conditional writes at once
constexpr int kPreconditionFailed = 412;
constexpr int kTooManyRequests = 429;
constexpr int kNotImplemented = 501;

constexpr std::string_view kLabel = "x-amz-meta-sha256";
constexpr std::string_view kForEver = "Cache-Control: public, max-age=31536000, immutable";
constexpr std::string_view kAskEachTime = "Cache-Control: no-cache";

// Codes of a 400 that are about the key, as S3 has them.
constexpr std::string_view kKeyCodes[] = {"AuthorizationHeaderMalformed", "ExpiredToken", "InvalidAccessKeyId",
                                          "InvalidToken"};

bool is_done(const S3Reply& reply) {
  return reply.status >= 200 && reply.status < 300;
}

bool is_passing(const S3Reply& reply) {
  return reply.status == kConflict || reply.status == kTooManyRequests || reply.error_code == "RequestTimeout" ||
         (reply.status >= 500 && reply.status != kNotImplemented);
}

bool may_pass(const Result<S3Reply>& reply) {
  return reply ? is_passing(*reply) : reply.error().code == ErrorCode::kNet;
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

// RFC 9110, 8.8.3: a weak tag says nothing about bytes.
bool is_strong(std::string_view tag) {
  return tag.size() > 2 && tag.starts_with('"') && tag.ends_with('"');
}

S3Request put_request(const std::string& name, const ObjectStore::Content& content, std::vector<std::string> headers) {
  const std::string digest = content.identity.sha256.hex();
  headers.emplace_back(content_type(name));
  headers.push_back(std::string(kLabel) + ": " + digest);
  S3Request request{.method = Method::kPut, .payload_sha256 = digest, .headers = std::move(headers)};
  request.body_length = content.identity.length;
  if (const auto* bytes = std::get_if<Bytes>(&content.from)) {
    request.body = ByteView(*bytes);
  } else {
    request.body = std::get<std::filesystem::path>(content.from);
  }
  return request;
}

}  // namespace

// Connections is the open ones, each lent to one call at a time, and what a reply means.
class S3Store::Connections {
 public:
  Connections(S3Address place, S3Key account, S3Options with)
      : address(std::move(place)), key(std::move(account)), options(std::move(with)) {}

  // The reply to a request that may be repeated as it is, made anew for each try. Errors: of the last try.
  Result<S3Reply> exchange(const std::string& name, const std::function<S3Request()>& make) {
    for (std::size_t tries = 0;; ++tries) {
      Result<S3Reply> reply = exchange_once(name, make());
      if (!may_pass(reply) || tries == kPauses.size()) return reply;
      options.pause(kPauses.at(tries));
    }
  }

  // What a write needs: ask, then try, as long as it may pass. ask gives nothing when the write is to be tried.
  Result<bool> write(const std::string& name, const ObjectStore::Content& content,
                     const std::function<Result<std::optional<bool>>(std::vector<std::string>& headers)>& ask) {
    for (std::size_t tries = 0;;) {
      std::vector<std::string> headers;
      TENON_TRY(const std::optional<bool> answer, ask(headers));
      if (answer) return *answer;
      if (!knows_conditions) std::erase_if(headers, is_condition);
      const bool is_conditional = std::ranges::any_of(headers, is_condition);
      const Result<S3Reply> reply = exchange_once(name, put_request(name, content, headers));
      if (reply && is_done(*reply)) return true;
      if (reply && is_conditional && reply->status == kNotImplemented) {
        knows_conditions = false;
        continue;
      }
      const bool has_changed = reply && is_conditional && reply->status == kPreconditionFailed;
      if ((!has_changed && !may_pass(reply)) || tries == kPauses.size()) {
        return reply ? refusal(name, *reply) : reply.error();
      }
      options.pause(kPauses.at(tries++));
    }
  }

  // A GET whose body goes to take, from the front again for each try. Nothing: there is no such object.
  Result<std::optional<S3Reply>> get(const std::string& name, const std::function<void()>& begin,
                                     const std::function<Result<void>(ByteView)>& take) {
    const auto make = [&] {
      begin();
      return S3Request{.method = Method::kGet, .payload_sha256 = hex_of_nothing(), .take = take};
    };
    TENON_TRY(S3Reply reply, exchange(name, make));
    if (is_absent(reply)) return std::optional<S3Reply>();
    if (reply.status != kOk) return refusal(name, reply);
    return std::optional(std::move(reply));
  }

  // A whole object. Nothing: there is none. Errors: E_LIMIT.
  struct Object {
    Bytes content;
    std::string tag;
  };
  Result<std::optional<Object>> read(const std::string& name, std::size_t max_bytes) {
    Bytes content;
    const auto take = [&](ByteView piece) -> Result<void> {
      if (piece.size() > max_bytes - content.size()) {
        return Error{ErrorCode::kLimit, "larger than " + std::to_string(max_bytes) + " bytes"};
      }
      content.insert(content.end(), piece.begin(), piece.end());
      return {};
    };
    TENON_TRY(std::optional<S3Reply> reply, get(
                                                name, [&] { content.clear(); }, take));
    if (!reply) return std::optional<Object>();
    return std::optional(Object{std::move(content), std::move(reply->tag)});
  }

  // refusal is the error that a reply which is none of the expected ones stands for.
  Error refusal(const std::string& name, const S3Reply& reply) const {
    std::string text = shown(name) + ": the store answers " + std::to_string(reply.status);
    if (!reply.error_code.empty()) text += " " + reply.error_code;
    if (reply.error_code == "RequestTimeTooSkewed") return Error{ErrorCode::kAuth, text, "set this machine's clock"};
    if (reply.status == kUnauthorized || reply.status == kForbidden ||
        std::ranges::count(kKeyCodes, reply.error_code) > 0) {
      return Error{ErrorCode::kAuth, text,
                   "check the key, its secret and the region; it must be allowed to get, put and list objects"};
    }
    if (reply.status / 100 == 3) {
      const bool names_it = !reply.bucket_region.empty();
      return Error{ErrorCode::kUsage, text,
                   names_it ? "the bucket lives in another region: --s3-region " + reply.bucket_region
                            : "the bucket lives at another endpoint: --s3-endpoint, --s3-region"};
    }
    if (reply.error_code == "NoSuchBucket") return Error{ErrorCode::kUsage, text, "make the bucket first"};
    if (reply.error_code == "BadDigest" || reply.error_code == "XAmzContentSHA256Mismatch") {
      return Error{ErrorCode::kMismatch, text, "the file changed while it was sent: run it again"};
    }
    if (reply.status / 100 == 4 && !is_passing(reply)) {
      return Error{ErrorCode::kUsage, text, "is that the endpoint of an S3 store? --s3-endpoint"};
    }
    return Error{ErrorCode::kNet, text, "try again later: what was done is not done again"};
  }

  std::string shown(const std::string& name) const { return address.text() + "/" + printable(name); }

  const S3Address address;
  const S3Key key;
  const S3Options options;

 private:
  static bool is_condition(const std::string& header) { return header.starts_with("If-"); }

  Result<S3Reply> exchange_once(const std::string& name, S3Request request) {
    request.url = address.url(name);
    TENON_TRY(S3Connection connection, borrow());
    Result<S3Reply> reply = connection.exchange(request, key, address.region(), options.ca_file);
    const std::lock_guard lock(mutex_);
    idle_.push_back(std::move(connection));
    return std::move(reply).with_context(shown(name));
  }

  Result<S3Connection> borrow() {
    const std::lock_guard lock(mutex_);
    if (idle_.empty()) return S3Connection::open();
    S3Connection connection = std::move(idle_.back());
    idle_.pop_back();
    return connection;
  }

  std::atomic<bool> knows_conditions{true};  // until it says that it does not
  std::mutex mutex_;
  std::vector<S3Connection> idle_;
};

S3Store::S3Store(S3Address address, S3Key key, S3Options options)
    : connections_(std::make_unique<Connections>(std::move(address), std::move(key), std::move(options))) {}
S3Store::~S3Store() = default;

std::string S3Store::address() const {
  return connections_->address.text();
}

Result<std::optional<Bytes>> S3Store::read(const std::string& name, std::size_t max_bytes) {
  TENON_TRY(std::optional<Connections::Object> object, connections_->read(name, max_bytes));
  return object ? std::optional(std::move(object->content)) : std::nullopt;
}

Result<ObjectStore::Presence> S3Store::compare(const std::string& name, const FileIdentity& identity) {
  TENON_TRY(const S3Reply head, connections_->exchange(name, [] {
    return S3Request{.method = Method::kHead, .payload_sha256 = hex_of_nothing()};
  }));
  if (head.status == kNotFound) return Presence::kAbsent;
  if (head.status != kOk) return connections_->refusal(name, head);
  if (head.length && *head.length != identity.length) return Presence::kOther;
  const Result<Sha256> label = Sha256::parse(head.label_sha256);
  if (label && head.length) return *label == identity.sha256 ? Presence::kSame : Presence::kOther;

  Sha256Hasher hasher;  // somebody else wrote it
  std::uint64_t length = 0;
  const auto begin = [&] {
    hasher = Sha256Hasher();
    length = 0;
  };
  const auto take = [&](ByteView piece) -> Result<void> {
    hasher.update(piece);
    length += piece.size();
    if (length <= identity.length) return {};
    return Error{ErrorCode::kLimit, "is longer than it may be"};
  };
  const Result<std::optional<S3Reply>> reply = connections_->get(name, begin, take);
  if (!reply) return length > identity.length ? Result<Presence>(Presence::kOther) : reply.error();
  if (!*reply) return Presence::kAbsent;
  return length == identity.length && hasher.finish() == identity.sha256 ? Presence::kSame : Presence::kOther;
}

Result<bool> S3Store::create(const std::string& name, const Content& content) {
  if (content.identity.length > kMaxObjectBytes) {
    return Error{ErrorCode::kLimit, connections_->shown(name) + ": larger than 5 GiB, the most that S3 takes at once"};
  }
  const auto ask = [&](std::vector<std::string>& headers) -> Result<std::optional<bool>> {
    TENON_TRY(const Presence there, compare(name, content.identity));
    if (there != Presence::kAbsent) return std::optional(false);
    headers = {std::string(kForEver), "If-None-Match: *"};
    return std::optional<bool>();
  };
  return connections_->write(name, content, ask);
}

Result<bool> S3Store::replace(const std::string& name, const Bytes& content, const std::optional<Bytes>& old) {
  const auto ask = [&](std::vector<std::string>& headers) -> Result<std::optional<bool>> {
    TENON_TRY(const std::optional<Connections::Object> there, connections_->read(name, kMaxReplacedBytes));
    if (there && there->content == content) return std::optional(true);  // a try whose answer was lost
    if ((there ? std::optional(there->content) : std::nullopt) != old) return std::optional(false);
    headers = {std::string(kAskEachTime)};
    if (!there) headers.emplace_back("If-None-Match: *");
    if (there && is_strong(there->tag)) headers.push_back("If-Match: " + there->tag);
    return std::optional<bool>();
  };
  return connections_->write(name, {content, FileIdentity::of(content)}, ask);
}

}  // namespace tenon::repo_tools
