// S3Connection: one signed request after the other over one curl handle, which keeps its connection.
// Thread: one at a time.
#pragma once

#include <tenon/hsm/secret_bytes.h>
#include <tenon/metadata/bytes.h>
#include <tenon/metadata/result.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace tenon::repo_tools {

// S3Key is what an account signs with.
struct S3Key {
  std::string id;
  hsm::SecretBytes secret;
  hsm::SecretBytes session_token = {};  // empty: none

  // parse reads one line: KEY_ID SECRET [SESSION_TOKEN]. Errors: E_USAGE, which repeats nothing of it.
  static Result<S3Key> parse(const hsm::SecretBytes& line);
};

struct S3Request {
  enum class Method { kGet, kHead, kPut };
  Method method = Method::kGet;
  std::string url = {};
  std::string payload_sha256;             // hex; of nothing for a request without a body
  std::vector<std::string> headers = {};  // "Name: value"
  std::variant<ByteView, std::filesystem::path> body = ByteView();
  std::uint64_t body_length = 0;
  std::function<Result<void>(ByteView)> take = {};  // gets the body of a 200
};

struct S3Reply {
  int status = 0;
  std::string tag = {};           // ETag, as it was sent
  std::string label_sha256 = {};  // what create() has labelled the object with
  std::optional<std::uint64_t> length = {};
  std::string error_code = {};  // <Code> of the error document
  std::string bucket_region = {};
};

class S3Connection {
 public:
  // open Errors: E_NET when curl does not start.
  static Result<S3Connection> open();
  S3Connection(S3Connection&&) noexcept;
  S3Connection& operator=(S3Connection&&) = delete;
  ~S3Connection();

  // exchange runs one request to its end. Errors: E_NET when no whole reply came; E_STORAGE for a body that cannot be
  // read, E_MISMATCH for one of another length; what take returned.
  Result<S3Reply> exchange(const S3Request& request, const S3Key& key, const std::string& region,
                           const std::string& ca_file);

 private:
  class Handle;
  explicit S3Connection(std::unique_ptr<Handle> handle);
  std::unique_ptr<Handle> handle_;
};

}  // namespace tenon::repo_tools
