#include <tenon/metadata/utf8.h>
#include <tenon/repo_tools/s3_address.h>

#include <algorithm>

namespace tenon::repo_tools {
namespace {

constexpr std::string_view kScheme = "s3://";
constexpr std::string_view kUnreserved = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
constexpr std::size_t kMaxTextBytes = 512;
constexpr std::size_t kMinBucketBytes = 3;
constexpr std::size_t kMaxBucketBytes = 63;

bool only(std::string_view text, std::string_view allowed) {
  return !text.empty() && text.find_first_not_of(allowed) == text.npos;
}

std::string encoded(std::string_view path) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string text;
  for (const char c : path) {
    if (c == '/' || kUnreserved.find(c) != kUnreserved.npos) {
      text += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      text += {'%', kDigits[byte >> 4], kDigits[byte & 15]};
    }
  }
  return text;
}

bool is_plain_prefix(std::string_view prefix) {
  if (prefix.empty()) return true;
  if (!only(prefix, std::string(kUnreserved) + "/") || prefix.starts_with('/') || prefix.ends_with('/')) return false;
  const std::string around = "/" + std::string(prefix) + "/";
  return around.find("//") == around.npos && around.find("/./") == around.npos && around.find("/../") == around.npos;
}

Result<std::string> origin_of(std::string_view endpoint, std::string_view region) {
  if (endpoint.empty()) return "https://s3." + std::string(region) + ".amazonaws.com";
  std::string_view host = endpoint;
  for (const std::string_view scheme : {"https://", "http://"}) {
    if (!host.starts_with(scheme)) continue;
    host.remove_prefix(scheme.size());
    if (host.ends_with('/')) host.remove_suffix(1);
    if (only(host, std::string(kUnreserved) + ":[]")) return std::string(scheme) + std::string(host);
  }
  return Error{ErrorCode::kUsage, "the endpoint is not http(s)://HOST[:PORT]",
               "a bucket and a prefix belong to s3://BUCKET/PREFIX"};
}

}  // namespace

Result<S3Address> S3Address::parse(std::string_view address, std::string_view endpoint, std::string_view region) {
  const auto refused = [&](std::string_view why) {
    return Error{ErrorCode::kUsage, printable(address.substr(0, kMaxTextBytes)) + ": " + std::string(why),
                 "s3://BUCKET or s3://BUCKET/PREFIX"};
  };
  if (address.size() > kMaxTextBytes || !address.starts_with(kScheme)) return refused("is no address of a bucket");
  const std::string_view place = address.substr(kScheme.size());
  const std::string_view bucket = place.substr(0, place.find('/'));
  std::string_view prefix = place.substr(std::min(place.size(), bucket.size() + 1));
  if (prefix.ends_with('/')) prefix.remove_suffix(1);
  if (bucket.size() < kMinBucketBytes || bucket.size() > kMaxBucketBytes ||
      !only(bucket, "abcdefghijklmnopqrstuvwxyz0123456789.-_")) {
    return refused("the bucket's name is not 3 to 63 of a-z 0-9 . - _");
  }
  if (!is_plain_prefix(prefix)) return refused("the prefix has something else than A-Z a-z 0-9 . _ ~ - between '/'");
  if (!only(region, kUnreserved)) return Error{ErrorCode::kUsage, "the region is not a name as eu-central-1"};
  TENON_TRY(const std::string origin, origin_of(endpoint, region));
  std::string base = origin + "/" + std::string(bucket) + "/";
  std::string text = std::string(kScheme) + std::string(bucket);
  if (!prefix.empty()) {
    base += std::string(prefix) + "/";
    text += "/" + std::string(prefix);
  }
  return S3Address(std::move(text), std::move(base), std::string(region));
}

std::string S3Address::url(std::string_view name) const {
  return base_ + encoded(name);
}

}  // namespace tenon::repo_tools
