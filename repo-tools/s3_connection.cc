#include <tenon/metadata/utf8.h>
#include <tenon/repo_tools/file_streams.h>
#include <tenon/repo_tools/s3_connection.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <span>

#include <curl/curl.h>

namespace tenon::repo_tools {
namespace {

constexpr std::size_t kMaxErrorBytes = 16 * 1024;  // of an error document
constexpr std::size_t kMaxHeaderBytes = 4096;
constexpr long kConnectSeconds = 15;
constexpr long kStallSeconds = 30;
constexpr long kStallBytesPerSecond = 1024;
constexpr long kHttpOk = 200;

struct FreeCurl {
  void operator()(CURL* curl) const { curl_easy_cleanup(curl); }
};
struct FreeList {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};

// A C string of a secret with something in front, for as long as curl is told it; curl keeps a copy of its own.
hsm::SecretBytes header_of(std::string_view name, const hsm::SecretBytes& secret) {
  hsm::SecretBytes text(name.size() + secret.size() + 1);
  const auto begin = text.writable(hsm::RevealSecret()).begin();
  std::ranges::copy(as_bytes(name), begin);
  std::ranges::copy(secret.bytes(hsm::RevealSecret()), begin + static_cast<std::ptrdiff_t>(name.size()));
  return text;
}
const char* c_str(const hsm::SecretBytes& text) {
  return text.text(hsm::RevealSecret()).data();
}

// The value of a header line if it has that name, in any case.
std::optional<std::string> value_of(std::string_view line, std::string_view name) {
  if (line.size() <= name.size() || line[name.size()] != ':') return std::nullopt;
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; };
  if (!std::ranges::equal(line.substr(0, name.size()), name, {}, lower)) return std::nullopt;
  line.remove_prefix(name.size() + 1);
  const std::size_t begin = line.find_first_not_of(" \t");
  const std::size_t end = line.find_last_not_of(" \t\r\n");
  return begin == line.npos || end < begin ? std::string() : std::string(line.substr(begin, end - begin + 1));
}

std::string code_in(std::string_view document) {
  constexpr std::string_view kOpen = "<Code>";
  const std::size_t begin = document.find(kOpen);
  const std::size_t end = document.find("</Code>");
  if (begin == document.npos || end == document.npos || end < begin) return {};
  return printable(document.substr(begin + kOpen.size(), end - begin - kOpen.size()), 64);
}

// Transfer is one request under way. An error of ours ends it; curl then only knows that a callback failed.
struct Transfer {
  const S3Request* request = nullptr;
  S3Reply reply = {};
  std::string error_document = {};
  std::optional<InputFile> file = {};
  ByteView left = {};
  std::optional<Error> error = {};

  Result<void> rewind() {
    if (const auto* bytes = std::get_if<ByteView>(&request->body)) {
      left = *bytes;
      return {};
    }
    const auto& path = std::get<std::filesystem::path>(request->body);
    TENON_TRY(InputFile opened, InputFile::open(path));
    if (opened.size() != request->body_length) {
      return Error{ErrorCode::kMismatch, printable(path.native()) + ": has " + std::to_string(opened.size()) +
                                             " bytes, listed are " + std::to_string(request->body_length)};
    }
    file.emplace(std::move(opened));
    return {};
  }

  Result<std::size_t> read(std::span<std::uint8_t> into) {
    if (file) return file->read(into);
    const std::size_t size = std::min(into.size(), left.size());
    std::ranges::copy(left.first(size), into.begin());
    left = left.subspan(size);
    return size;
  }

  void take_header(std::string_view line) {
    if (line.starts_with("HTTP/")) {
      reply = {};  // of a hop before, as 100 Continue
      error_document.clear();
      const std::size_t space = line.find(' ');
      if (space != line.npos) std::from_chars(line.data() + space + 1, line.data() + line.size(), reply.status);
      return;
    }
    if (auto tag = value_of(line, "etag")) reply.tag = *std::move(tag);
    if (auto label = value_of(line, "x-amz-meta-sha256")) reply.label_sha256 = *std::move(label);
    if (auto region = value_of(line, "x-amz-bucket-region")) reply.bucket_region = printable(*region, 64);
    if (const auto length = value_of(line, "content-length")) {
      std::uint64_t number = 0;
      const char* const end = length->data() + length->size();
      const auto [at, failed] = std::from_chars(length->data(), end, number);
      if (failed == std::errc() && at == end) reply.length = number;
    }
  }

  Result<void> take_body(ByteView piece) {
    if (reply.status == kHttpOk && request->take) return request->take(piece);
    const std::size_t room = kMaxErrorBytes - std::min(kMaxErrorBytes, error_document.size());
    error_document += as_text(piece.first(std::min(room, piece.size())));
    return {};
  }
};

std::size_t on_read(char* data, std::size_t, std::size_t size, void* transfer) noexcept {
  auto& self = *static_cast<Transfer*>(transfer);
  Result<std::size_t> got = self.read({reinterpret_cast<std::uint8_t*>(data), size});
  if (got) return *got;
  self.error = std::move(got).error();
  return CURL_READFUNC_ABORT;
}

int on_seek(void* transfer, curl_off_t offset, int origin) noexcept {
  auto& self = *static_cast<Transfer*>(transfer);
  if (offset != 0 || origin != SEEK_SET) return CURL_SEEKFUNC_CANTSEEK;
  return self.rewind() ? CURL_SEEKFUNC_OK : CURL_SEEKFUNC_FAIL;
}

std::size_t on_header(char* data, std::size_t, std::size_t size, void* transfer) noexcept {
  if (size > kMaxHeaderBytes) return 0;
  static_cast<Transfer*>(transfer)->take_header({data, size});
  return size;
}

std::size_t on_body(char* data, std::size_t, std::size_t size, void* transfer) noexcept {
  auto& self = *static_cast<Transfer*>(transfer);
  Result<void> taken = self.take_body(as_bytes(std::string_view(data, size)));
  if (taken) return size;
  self.error = std::move(taken).error();
  return size == 0 ? 1 : 0;
}

}  // namespace

Result<S3Key> S3Key::parse(const hsm::SecretBytes& line) {
  const std::string_view text = line.text(hsm::RevealSecret());
  std::vector<std::string_view> words;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find_first_of(" \t\r\n", at), text.size());
    if (end > at) words.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  if (words.size() != 2 && words.size() != 3) {
    return Error{ErrorCode::kUsage, "the key of the store is not one line KEY_ID SECRET [SESSION_TOKEN]"};
  }
  S3Key key{std::string(words[0]), hsm::SecretBytes::copy_of(as_bytes(words[1]))};
  if (words.size() == 3) key.session_token = hsm::SecretBytes::copy_of(as_bytes(words[2]));
  return key;
}

class S3Connection::Handle {
 public:
  explicit Handle(CURL* curl) : curl_(curl) {}

  Result<S3Reply> exchange(const S3Request& request, const S3Key& key, const std::string& region,
                           const std::string& ca_file) {
    curl_easy_reset(curl_.get());
    refused_ = CURLE_OK;
    Transfer transfer{&request};
    TENON_TRY_VOID(transfer.rewind());
    set_transport(ca_file);
    set_signature(key, region);
    const std::unique_ptr<curl_slist, FreeList> headers = headers_of(request, key);
    set(CURLOPT_URL, request.url.c_str());
    set(CURLOPT_HTTPHEADER, headers.get());
    set(CURLOPT_HEADERDATA, &transfer);
    set(CURLOPT_WRITEDATA, &transfer);
    if (request.method == S3Request::Method::kHead) set(CURLOPT_NOBODY, 1L);
    if (request.method == S3Request::Method::kPut) {
      set(CURLOPT_UPLOAD, 1L);
      set(CURLOPT_READDATA, &transfer);
      set(CURLOPT_SEEKDATA, &transfer);
      set(CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(request.body_length));
    }
    if (refused_ != CURLE_OK || headers == nullptr) {
      return Error{ErrorCode::kNet, std::string("curl refuses an option: ") + curl_easy_strerror(refused_),
                   "7.88 or newer is needed, with TLS"};
    }
    message_.front() = '\0';
    const CURLcode code = curl_easy_perform(curl_.get());
    if (transfer.error) return *std::move(transfer.error);
    if (code != CURLE_OK) {
      return Error{ErrorCode::kNet, printable(message_.front() != '\0' ? message_.data() : curl_easy_strerror(code))};
    }
    transfer.reply.error_code = code_in(transfer.error_document);
    return std::move(transfer.reply);
  }

 private:
  template <class Value>
  void set(CURLoption option, Value value) {
    const CURLcode code = curl_easy_setopt(curl_.get(), option, value);
    if (code != CURLE_OK) refused_ = code;
  }

  void set_transport(const std::string& ca_file) {
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_ERRORBUFFER, message_.data());
    set(CURLOPT_PROTOCOLS_STR, "http,https");
    set(CURLOPT_FOLLOWLOCATION, 0L);
    set(CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
    set(CURLOPT_PROXY, "");
    set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    set(CURLOPT_USERAGENT, "tenon-repo");
    set(CURLOPT_TCP_KEEPALIVE, 1L);
    set(CURLOPT_CONNECTTIMEOUT, kConnectSeconds);
    set(CURLOPT_LOW_SPEED_LIMIT, kStallBytesPerSecond);
    set(CURLOPT_LOW_SPEED_TIME, kStallSeconds);
    set(CURLOPT_HEADERFUNCTION, &on_header);
    set(CURLOPT_WRITEFUNCTION, &on_body);
    set(CURLOPT_READFUNCTION, &on_read);
    set(CURLOPT_SEEKFUNCTION, &on_seek);
    if (!ca_file.empty()) set(CURLOPT_CAINFO, ca_file.c_str());
  }

  // Name and secret apart: an id may have a colon.
  void set_signature(const S3Key& key, const std::string& region) {
    const std::string scheme = "aws:amz:" + region + ":s3";
    const hsm::SecretBytes secret = header_of("", key.secret);
    set(CURLOPT_AWS_SIGV4, scheme.c_str());
    set(CURLOPT_USERNAME, key.id.c_str());
    set(CURLOPT_PASSWORD, c_str(secret));
  }

  std::unique_ptr<curl_slist, FreeList> headers_of(const S3Request& request, const S3Key& key) {
    std::unique_ptr<curl_slist, FreeList> list;
    const auto add = [&](const char* line) {
      curl_slist* const longer = curl_slist_append(list.get(), line);
      if (longer == nullptr) refused_ = CURLE_OUT_OF_MEMORY;
      if (longer != nullptr && list.get() == nullptr) list.reset(longer);
    };
    add(("x-amz-content-sha256: " + request.payload_sha256).c_str());  // curl of itself sends none, and S3 wants it
    for (const std::string& header : request.headers) add(header.c_str());
    if (!key.session_token.empty()) {
      add(c_str(header_of("x-amz-security-token: ", key.session_token)));
    }
    return list;
  }

  std::unique_ptr<CURL, FreeCurl> curl_;
  CURLcode refused_ = CURLE_OK;
  std::array<char, CURL_ERROR_SIZE> message_ = {};
};

Result<S3Connection> S3Connection::open() {
  static const CURLcode started = curl_global_init(CURL_GLOBAL_DEFAULT);
  CURL* const curl = started == CURLE_OK ? curl_easy_init() : nullptr;
  if (curl == nullptr) return Error{ErrorCode::kNet, "curl does not start"};
  return S3Connection(std::make_unique<Handle>(curl));
}

S3Connection::S3Connection(std::unique_ptr<Handle> handle) : handle_(std::move(handle)) {}
S3Connection::S3Connection(S3Connection&&) noexcept = default;
S3Connection::~S3Connection() = default;

Result<S3Reply> S3Connection::exchange(const S3Request& request, const S3Key& key, const std::string& region,
                                       const std::string& ca_file) {
  return handle_->exchange(request, key, region, ca_file);
}

}  // namespace tenon::repo_tools
