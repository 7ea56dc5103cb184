#include <tenon/client/transport/bundle_fetcher.h>
#include <tenon/metadata/utf8.h>

#include <algorithm>
#include <charconv>

namespace tenon::client {
namespace {

constexpr std::size_t kPieceBytes = 65'536;  // what the decoder takes at once, and curl hands over

}  // namespace

Result<std::string> member_name(std::string_view path) {
  if (!path.starts_with("targets/")) return std::string(path);
  std::string decoded;
  for (std::size_t i = 0; i < path.size(); ++i) {
    if (path[i] != '%') {
      decoded += path[i];
      continue;
    }
    const std::string_view digits = path.substr(i + 1, 2);
    unsigned byte = 0;
    const char* const end = digits.data() + digits.size();
    const auto [stop, error] = std::from_chars(digits.data(), end, byte, 16);
    if (error != std::errc() || stop != end || digits.size() != 2) {
      return Error{ErrorCode::kNet, printable(path, 80) + " is not percent-encoded"};
    }
    decoded += static_cast<char>(byte);
    i += 2;
  }
  return decoded;
}

std::string BundleFetcher::name() const {
  return printable(bundle_.path());
}

Result<FetchOutcome> BundleFetcher::fetch(const FetchRequest& request, ByteSink& sink) {
  TENON_TRY(const std::string wanted, member_name(request.path));
  const BundleIndex::Member* member = bundle_.index().find(wanted);
  if (member == nullptr) return FetchOutcome::kNotFound;
  if (request.offset > member->size) {
    return Error{ErrorCode::kNet, printable(wanted) + " has " + std::to_string(member->size) + " bytes, and byte " +
                                      std::to_string(request.offset) + " was asked for"};
  }
  const std::uint64_t rest = member->size - request.offset;
  if (request.is_part && rest < request.max_length) {
    return Error{ErrorCode::kNet, printable(wanted) + " ends " + std::to_string(request.max_length - rest) +
                                      " bytes before the end of what was asked for"};
  }
  const std::uint64_t length = request.is_part ? request.max_length : rest;
  if (length > request.max_length) {
    return Error{ErrorCode::kLimit, printable(wanted) + " has " + std::to_string(length) + " bytes where at most " +
                                        std::to_string(request.max_length) + " were asked for"};
  }
  Bytes piece(std::min<std::uint64_t>(length, kPieceBytes));
  for (std::uint64_t done = 0; done < length;) {
    const std::span<std::uint8_t> part(piece.data(), std::min<std::uint64_t>(length - done, piece.size()));
    TENON_TRY_VOID(bundle_.read(*member, request.offset + done, part));
    TENON_TRY_VOID(sink.accept(part));
    done += part.size();
  }
  return FetchOutcome::kComplete;
}

}  // namespace tenon::client
