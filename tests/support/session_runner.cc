#include <tests/support/session_runner.h>

namespace tenon::tests {

namespace {

class BytesSink final : public client::ByteSink {
 public:
  Result<void> accept(ByteView piece) override {
    bytes.insert(bytes.end(), piece.begin(), piece.end());
    return {};
  }
  Bytes bytes;
};

// A session that asks for more than this does not end.
constexpr std::size_t kMaxSteps = 10'000;

}  // namespace

Result<client::Reply> fetch_all(client::Fetcher& fetcher, const std::string& path, std::uint64_t max_length) {
  BytesSink sink;
  TENON_TRY(const client::FetchOutcome outcome, fetcher.fetch({.path = path, .max_length = max_length}, sink));
  client::Reply reply = client::NotFound{};
  if (outcome == client::FetchOutcome::kComplete) reply = std::move(sink.bytes);
  return reply;
}

SessionRunner::SessionRunner(RepositorySimulator& repository, client::TrustStore& store)
    : embedded_root(repository.root_file(1)), rules{.now = test_now()}, repository_(&repository), store_(&store) {}

void SessionRunner::forget() {
  requested.clear();
  persisted.clear();
  warnings.clear();
}

template <class Session>
Result<void> SessionRunner::run(Session& session) {
  for (std::size_t steps = 0; steps < kMaxSteps; ++steps) {
    TENON_TRY(const client::Step step, session.next());
    if (std::holds_alternative<client::Done>(step)) return {};
    client::Reply reply = client::NotFound{};
    if (const auto* remote = std::get_if<client::WantRemote>(&step)) {
      requested.push_back(remote->file_name);
      TENON_TRY(reply, fetch_all(*repository_, "metadata/" + remote->file_name, remote->max_length));
    } else if (std::optional<Bytes> cached = store_->load(std::get<client::WantCached>(step).file_name)) {
      reply = *std::move(cached);
    }
    TENON_TRY(const client::Progress progress, session.feed(reply));
    if (!progress.warning.empty()) warnings.push_back(progress.warning);
    if (progress.persist) {
      TENON_TRY_VOID(store_->save(progress.persist->file_name, progress.persist->content));
      persisted.push_back(progress.persist->file_name);
    }
  }
  return Error{ErrorCode::kLimit, "the session does not end"};
}

Result<client::TrustedRepository> SessionRunner::refresh() {
  forget();
  root_version.reset();
  TENON_TRY(client::RefreshSession session, client::RefreshSession::start(embedded_root, floors, rules));
  const Result<void> result = run(session);
  if (keep_floors) floors = session.floors();
  root_version = session.root_version();
  if (!result) return result.error();
  return std::move(session).finish();
}

Result<std::optional<metadata::VerifiedTarget>> SessionRunner::find(const client::TrustedRepository& repository,
                                                                    std::string_view path) {
  forget();
  visited.clear();
  TENON_TRY(metadata::TargetPath target_path, metadata::TargetPath::parse(path));
  client::TargetSearch search = client::TargetSearch::start(repository, std::move(target_path), rules);
  const Result<void> result = run(search);
  for (const metadata::RoleName& name : search.visited()) visited.push_back(name.text());
  if (!result) return result.error();
  return search.found();
}

Result<std::optional<metadata::VerifiedTarget>> SessionRunner::refresh_and_find(std::string_view path) {
  TENON_TRY(const client::TrustedRepository repository, refresh());
  return find(repository, path);
}

Result<Bytes> SessionRunner::download(const metadata::VerifiedTarget& target) {
  const std::string file = repository_->root.consistent_snapshot
                               ? target.path().hash_prefixed(target.hashes().preferred())
                               : target.path().text();
  TENON_TRY(const client::Reply reply, fetch_all(*repository_, "targets/" + metadata::url_path(file), target.length()));
  const Bytes* content = std::get_if<Bytes>(&reply);
  if (content == nullptr) return Error{ErrorCode::kNet, file + ": not found"};
  TENON_TRY_VOID(target.check(*content));
  return *content;
}

}  // namespace tenon::tests
