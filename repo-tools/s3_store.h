// S3Store: an ObjectStore over the protocol of Amazon S3, signed by libcurl (AWS Signature Version 4, payloads with their
// SHA-256). Before each write the store is asked what is there, and writes are conditional too (If-None-Match, If-Match):
// not every store knows conditions, and not every one that does not says so. What fails for a while is tried four times. Redirects are not followed, proxies of the environment not used.
// Thread: safe.
#pragma once

#include <tenon/repo_tools/object_store.h>
#include <tenon/repo_tools/s3_address.h>
#include <tenon/repo_tools/s3_connection.h>

#include <chrono>
#include <functional>
#include <memory>

namespace tenon::repo_tools {

struct S3Options {
  std::string ca_file = {};                              // empty: the system's
  std::function<void(std::chrono::milliseconds)> pause;  // between two tries
};

class S3Store final : public ObjectStore {
 public:
  static constexpr std::uint64_t kMaxObjectBytes = std::uint64_t{5} << 30;  // of one PUT, as S3 has it

  S3Store(S3Address address, S3Key key, S3Options options);
  ~S3Store() override;

  std::string address() const override;
  Result<std::optional<Bytes>> read(const std::string& name, std::size_t max_bytes) override;
  Result<Presence> compare(const std::string& name, const metadata::FileIdentity& identity) override;
  Result<bool> create(const std::string& name, const Content& content) override;
  Result<bool> replace(const std::string& name, const Bytes& content, const std::optional<Bytes>& old) override;

 private:
  class Connections;
  std::unique_ptr<Connections> connections_;
};

}  // namespace tenon::repo_tools
