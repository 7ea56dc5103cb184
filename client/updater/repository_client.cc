#include <tenon/client/updater/repository_client.h>
#include <tenon/metadata/utf8.h>

namespace tenon::client {
namespace {

class CollectingSink final : public ByteSink {
 public:
  Result<void> accept(ByteView piece) override {
    bytes_.insert(bytes_.end(), piece.begin(), piece.end());
    return {};
  }
  Bytes take() { return std::move(bytes_); }

 private:
  Bytes bytes_;
};

std::string url_of(const TrustedRepository& repository, const metadata::VerifiedTarget& target) {
  const std::string path = repository.root->consistent_snapshot
                               ? target.path().hash_prefixed(target.hashes().preferred())
                               : target.path().text();
  return "targets/" + metadata::url_path(path);
}

Error not_there(const metadata::VerifiedTarget& target) {
  return Error{ErrorCode::kNet, "targets/" + printable(target.path().text()) + ": the repository does not have it"}
      .with_hint("the mirror may be incomplete; try again later, or another source");
}

}  // namespace

Result<Reply> RepositoryClient::ask(const Step& step) {
  if (const auto* cached = std::get_if<WantCached>(&step)) {
    std::optional<Bytes> file = store_->load(cached->file_name);
    return file ? Reply(*std::move(file)) : Reply(NotFound{});
  }
  const auto& wanted = std::get<WantRemote>(step);
  CollectingSink sink;
  TENON_TRY(const FetchOutcome outcome,
            fetcher_->fetch(
                {.path = "metadata/" + metadata::url_path(wanted.file_name), .max_length = wanted.max_length}, sink));
  return outcome == FetchOutcome::kNotFound ? Reply(NotFound{}) : Reply(sink.take());
}

template <class Session>
Result<void> RepositoryClient::run(Session& session) {
  for (;;) {
    TENON_TRY(const Step step, session.next());
    if (std::holds_alternative<Done>(step)) return {};
    TENON_TRY(const Reply reply, ask(step));
    TENON_TRY(const Progress progress, session.feed(reply));
    if (!progress.warning.empty()) reporter_->warn(progress.warning);
    if (progress.persist) TENON_TRY_VOID(store_->save(progress.persist->file_name, progress.persist->content));
  }
}

Result<TrustedRepository> RepositoryClient::refresh(ByteView embedded_root, metadata::VersionFloors& floors,
                                                    const metadata::Rules& rules) {
  TENON_TRY(RefreshSession session, RefreshSession::start(embedded_root, floors, rules));
  const Result<void> ran = run(session);
  floors = session.floors();
  if (!ran) return ran.error();
  return std::move(session).finish();
}

Result<metadata::VerifiedTarget> RepositoryClient::find(const TrustedRepository& repository, const std::string& path,
                                                        const metadata::Rules& rules) {
  TENON_TRY(metadata::TargetPath target_path, metadata::TargetPath::parse(path));
  TargetSearch search = TargetSearch::start(repository, std::move(target_path), rules);
  TENON_TRY_VOID(run(search));
  if (search.found()) return *search.found();
  return Error{ErrorCode::kPolicy, "no trusted role lists " + printable(path)}.with_hint(
      "check product and channel of this device, and that the release was published");
}

Result<Bytes> RepositoryClient::fetch(const TrustedRepository& repository, const metadata::VerifiedTarget& target,
                                      std::uint64_t max_length) {
  if (target.length() > max_length) {
    return Error{ErrorCode::kLimit, printable(target.path().text()) + " has " + std::to_string(target.length()) +
                                        " bytes, at most " + std::to_string(max_length) + " are read"};
  }
  CollectingSink sink;
  TENON_TRY(const FetchOutcome outcome,
            fetcher_->fetch({.path = url_of(repository, target), .max_length = target.length()}, sink));
  if (outcome == FetchOutcome::kNotFound) return not_there(target);
  Bytes file = sink.take();
  TENON_TRY_VOID(target.check(file));
  return file;
}

Result<void> RepositoryClient::fetch_part(const TrustedRepository& repository, const metadata::VerifiedTarget& target,
                                          std::uint64_t offset, ByteSink& sink) {
  TENON_CHECK(offset <= target.length());
  TENON_TRY(const FetchOutcome outcome,
            fetcher_->fetch(
                {.path = url_of(repository, target), .offset = offset, .max_length = target.length() - offset}, sink));
  if (outcome == FetchOutcome::kNotFound) return not_there(target);
  return {};
}

}  // namespace tenon::client
