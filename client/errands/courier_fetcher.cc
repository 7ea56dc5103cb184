#include <tenon/client/errands/answer_reader.h>
#include <tenon/client/errands/courier_fetcher.h>
#include <tenon/metadata/utf8.h>

#include <algorithm>
#include <utility>

namespace tenon::client {
namespace {

// A third more: the courier has its own end of patience first, and says so.
std::chrono::seconds with_grace(std::chrono::seconds patience) {
  return patience + patience / 3;
}

}  // namespace

CourierFetcher::CourierFetcher(CourierLink& link, std::uint16_t source, std::string name, const FetchOptions& options)
    : link_(link), source_(source), name_(std::move(name)), options_(options) {}

// What goes wrong between the two leaves bytes of one answer to be taken for the next, so that the connection ends as
// well.
Result<FetchOutcome> CourierFetcher::fetch(const FetchRequest& request, ByteSink& sink) {
  asked_pause_ = std::chrono::seconds::zero();
  if (request.path.empty() || request.path.size() > kMaxPathBytes) {
    return Error{ErrorCode::kNet, "\"" + printable(request.path) + "\" is no path of a file"};
  }
  std::optional<ErrandSocket> connection = std::exchange(connection_, std::nullopt);
  if (!connection) {
    TENON_TRY(connection, link_.connect(std::chrono::steady_clock::now() + options_.connect_timeout));
  }
  const auto silence = with_grace(options_.connect_timeout + options_.stall_time);
  const auto now = [] { return std::chrono::steady_clock::now(); };
  const Deadline last = now() + with_grace(longest_time(options_, request.max_length));
  AnswerReader answer(request, sink);
  TENON_TRY_VOID(connection->send(Errand{source_, request}.to_frame(), {}, now() + silence));
  if (buffer_.empty()) buffer_.resize(2 * kMaxPieceBytes);
  while (!answer.end()) {
    TENON_TRY(const std::size_t count, connection->receive(buffer_, std::min(now() + silence, last)));
    if (count == 0) return Error{ErrorCode::kNet, "the courier has gone", "what it wrote last says why it ended"};
    if (now() > last) return Error{ErrorCode::kNet, "the courier is too slow"};
    TENON_TRY_VOID(answer.take(ByteView(buffer_).first(count)));
  }
  connection_ = std::move(connection);
  asked_pause_ = answer.end()->asked_pause;
  return answer.end()->outcome;
}

}  // namespace tenon::client
