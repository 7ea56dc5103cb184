#include <tenon/client/updater/byte_collector.h>
#include <tenon/client/updater/repository_client.h>
#include <tenon/metadata/utf8.h>

#include <algorithm>

namespace tenon::client {
namespace {

// What a transfer may bring, breaks and other mirrors included, before it is no progress any more.
constexpr std::uint64_t kMostTimes = 4;
constexpr std::uint64_t kSmallTransfer = 16u << 20;

// CountingSink counts what comes, before its receiver judges it.
class CountingSink final : public ByteSink {
 public:
  CountingSink(ByteSink& sink, std::uint64_t offset, Transferred& transferred)
      : sink_(&sink), offset_(offset), transferred_(&transferred) {}
  Result<void> accept(ByteView piece) override {
    offset_ += piece.size();
    transferred_->received += piece.size();
    transferred_->reached = std::max(transferred_->reached, offset_);
    return sink_->accept(piece);
  }

 private:
  ByteSink* sink_;
  std::uint64_t offset_;
  Transferred* transferred_;
};

std::string url_of(const TrustedRepository& repository, const metadata::VerifiedTarget& target) {
  const std::string path = repository.root->consistent_snapshot
                               ? target.path().hash_prefixed(target.hashes().preferred())
                               : target.path().text();
  return "targets/" + metadata::url_path(path);
}

Error not_there(const std::string& path) {
  return Error{ErrorCode::kNet, printable(path) + ": the repository does not have it"}.with_hint(
      "the mirror may be incomplete; try again later, or another source");
}

Result<Reply> fetch_metadata(Fetcher& source, const WantRemote& wanted) {
  ByteCollector sink;
  TENON_TRY(const FetchOutcome outcome,
            source.fetch({.path = "metadata/" + wanted.file_name, .max_length = wanted.max_length}, sink));
  return outcome == FetchOutcome::kNotFound ? Reply(NotFound{}) : Reply(std::move(sink.bytes));
}

}  // namespace

Result<void> PartReader::read(std::uint64_t offset, ByteSink& sink) const {
  TENON_CHECK(offset <= length_);
  if (offset == length_) return {};
  TENON_TRY(const FetchOutcome outcome, fetch({.path = path_, .offset = offset, .max_length = length_ - offset}, sink));
  if (outcome == FetchOutcome::kNotFound) return not_there(path_);
  return {};
}

Result<void> PartReader::read_end(std::uint64_t length, ByteSink& sink) const {
  TENON_CHECK(length <= length_);
  const std::uint64_t reached = transferred_->reached;
  const Result<void> done = read(length_ - length, sink);
  transferred_->reached = reached;
  return done;
}

Result<FetchOutcome> PartReader::read_part(std::uint64_t offset, std::uint64_t length, ByteSink& sink) const {
  TENON_CHECK(offset < length_ && length > 0 && length <= length_ - offset);
  return fetch({.path = path_, .offset = offset, .max_length = length, .is_part = true}, sink);
}

Result<FetchOutcome> PartReader::fetch(const FetchRequest& request, ByteSink& sink) const {
  CountingSink counting(sink, request.offset, *transferred_);
  return source_->fetch(request, counting);
}

Result<void> RepositoryClient::check_session_age(const metadata::Limits& limits) {
  const std::chrono::seconds age = clock_->since_boot() - refreshed_at_;
  if (age <= limits.session_age) return {};
  return Error{ErrorCode::kExpired, "the refresh is " + std::to_string(age.count()) + " s old, used for at most " +
                                        std::to_string(std::chrono::seconds(limits.session_age).count())}
      .with_hint("check again");
}

template <class Session>
Result<void> RepositoryClient::run(Session& session, const std::function<bool(const std::string&)>& is_stored) {
  for (;;) {
    TENON_TRY(const Step step, session.next());
    if (std::holds_alternative<Done>(step)) return {};
    Progress progress;
    if (const auto* cached = std::get_if<WantCached>(&step)) {
      std::optional<Bytes> file = store_->load(cached->file_name);
      TENON_TRY(progress, session.feed(file ? Reply(*std::move(file)) : Reply(NotFound{})));
    } else {
      TENON_TRY_VOID(check_session_age(limits_));
      TENON_TRY(progress, sources_.attempt([&](Fetcher& source) -> Result<Progress> {
        TENON_TRY(const Reply reply, fetch_metadata(source, std::get<WantRemote>(step)));
        return session.feed(reply);
      }));
    }
    if (!progress.warning.empty()) reporter_->warn(progress.warning);
    if (progress.persist && is_stored(progress.persist->file_name)) {
      TENON_TRY_VOID(store_->save(progress.persist->file_name, progress.persist->content));
    }
  }
}

Result<TrustedRepository> RepositoryClient::refresh(ByteView embedded_root, metadata::VersionFloors& floors,
                                                    const metadata::Rules& rules) {
  refreshed_at_ = clock_->since_boot();
  limits_ = rules.limits;
  TENON_TRY(RefreshSession session, RefreshSession::start(embedded_root, floors, rules));
  const Result<void> ran = run(session, [](const std::string&) { return true; });
  floors = session.floors();
  if (!ran) return ran.error();
  return std::move(session).finish();
}

Result<metadata::VerifiedTarget> RepositoryClient::find(const TrustedRepository& repository, const std::string& path,
                                                        const metadata::Rules& rules) {
  TENON_TRY(metadata::TargetPath target_path, metadata::TargetPath::parse(path));
  TargetSearch search = TargetSearch::start(repository, std::move(target_path), rules);
  TENON_TRY_VOID(run(
      search, [this](const std::string& file_name) { return !stored_roles_ || stored_roles_->contains(file_name); }));
  if (search.found()) return *search.found();
  return Error{ErrorCode::kPolicy, "no trusted role lists " + printable(path)}.with_hint(
      "check product and channel of this device, and that the release was published");
}

Result<Bytes> RepositoryClient::fetch(const TrustedRepository& repository, const metadata::VerifiedTarget& target,
                                      std::uint64_t max_length, Missing missing) {
  if (target.length() > max_length) {
    return Error{ErrorCode::kLimit, printable(target.path().text()) + " has " + std::to_string(target.length()) +
                                        " bytes, at most " + std::to_string(max_length) + " are read"};
  }
  TENON_TRY_VOID(check_session_age(limits_));
  const std::string path = url_of(repository, target);
  return sources_.attempt([&](Fetcher& source) -> Result<Bytes> {
    ByteCollector sink;
    TENON_TRY(const FetchOutcome outcome, source.fetch({.path = path, .max_length = target.length()}, sink));
    if (outcome == FetchOutcome::kNotFound) {
      Error error = not_there(path);
      if (missing == Missing::kIsWrong) error.code = ErrorCode::kMismatch;
      return error;
    }
    Bytes file = std::move(sink.bytes);
    TENON_TRY_VOID(target.check(file));
    return file;
  });
}

Result<void> RepositoryClient::read_parts(const TrustedRepository& repository, const metadata::VerifiedTarget& target,
                                          const std::function<Result<void>(const PartReader&)>& use) {
  const std::string path = url_of(repository, target);
  Transferred transferred;
  return sources_.attempt([&](Fetcher& source) { return use(PartReader(source, path, target.length(), transferred)); },
                          &transferred, kMostTimes * target.length() + kSmallTransfer);
}

}  // namespace tenon::client
