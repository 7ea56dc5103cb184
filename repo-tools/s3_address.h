// S3Address: a bucket, and where in it: "s3://updates/prod". With the endpoint, the addresses of its objects.
// Thread: immutable.
#pragma once

#include <tenon/metadata/result.h>

#include <string>
#include <string_view>

namespace tenon::repo_tools {

class S3Address {
 public:
  // parse reads "s3://BUCKET[/PREFIX]", and an endpoint "https://HOST[:PORT]"; an empty one is that of AWS in the region.
  // Errors: E_USAGE.
  static Result<S3Address> parse(std::string_view address, std::string_view endpoint, std::string_view region);

  const std::string& text() const { return text_; }  // "s3://updates/prod"
  const std::string& region() const { return region_; }

  // url is where an object lies, path-style, with each byte encoded that is not unreserved: so it is signed as it is sent.
  // Source: AWS Signature Version 4, canonical URI; RFC 3986, 2.3.
  std::string url(std::string_view name) const;

 private:
  S3Address(std::string text, std::string base, std::string region)
      : text_(std::move(text)), base_(std::move(base)), region_(std::move(region)) {}
  std::string text_;
  std::string base_;  // of the urls, ends with '/'
  std::string region_;
};

}  // namespace tenon::repo_tools
