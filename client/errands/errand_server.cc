#include <tenon/client/errands/errand_server.h>
#include <tenon/client/errands/errand_wire.h>

#include <algorithm>
#include <array>
#include <string>

namespace tenon::client {
namespace {

class PeerSink final : public ByteSink {
 public:
  explicit PeerSink(const ErrandSocket& peer) : peer_(peer) {}

  Result<void> accept(ByteView bytes) override {
    while (!bytes.empty()) {
      const ByteView piece = bytes.first(std::min<std::size_t>(bytes.size(), kMaxPieceBytes));
      const auto head = FrameHead{FrameKind::kPiece, static_cast<std::uint32_t>(piece.size())}.to_bytes();
      Result<void> sent = peer_.send(head, piece, kNoDeadline);
      if (!sent) has_gone_ = true;
      TENON_TRY_VOID(std::move(sent));
      bytes = bytes.subspan(piece.size());
    }
    return {};
  }

  bool has_gone() const { return has_gone_; }

 private:
  const ErrandSocket& peer_;
  bool has_gone_ = false;
};

// False when the other side closed before the first byte.
Result<bool> receive_all(const ErrandSocket& peer, std::span<std::uint8_t> into) {
  bool is_first = true;
  while (!into.empty()) {
    TENON_TRY(const std::size_t count, peer.receive(into, kNoDeadline));
    if (count == 0 && is_first) return false;
    if (count == 0) return Error{ErrorCode::kNet, "an errand broke off"};
    is_first = false;
    into = into.subspan(count);
  }
  return true;
}

Error no_source(std::uint16_t source) {
  return Error{ErrorCode::kNet, "the courier knows no source " + std::to_string(source + 1),
               "restart tenon-courier: its configuration is another"};
}

}  // namespace

Result<void> serve_errands(const ErrandSocket& peer, const std::vector<std::unique_ptr<Fetcher>>& sources) {
  for (;;) {
    std::array<std::uint8_t, kHeadBytes> head_bytes{};
    TENON_TRY(const bool is_there, receive_all(peer, head_bytes));
    if (!is_there) return {};
    TENON_TRY(const FrameHead head, FrameHead::read(head_bytes));
    if (head.kind != FrameKind::kErrand) return Error{ErrorCode::kNet, "what came is no errand"};
    Bytes body(head.length);
    TENON_TRY(const bool is_whole, receive_all(peer, body));
    if (!is_whole) return Error{ErrorCode::kNet, "an errand broke off"};
    TENON_TRY(const Errand errand, Errand::read(body));

    ErrandEnd end{no_source(errand.source)};
    if (errand.source < sources.size()) {
      Fetcher& source = *sources[errand.source];
      PeerSink sink(peer);
      Result<FetchOutcome> outcome = source.fetch(errand.request, sink);
      if (sink.has_gone()) return std::move(outcome).error();
      end = ErrandEnd{std::move(outcome), source.asked_pause()};
    }
    TENON_TRY_VOID(peer.send(end.to_frame(), {}, kNoDeadline));
  }
}

}  // namespace tenon::client
