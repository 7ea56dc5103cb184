// tenon-tuf-client: Tenon's client workflow behind the command line of the TUF conformance suite. It is what the suite
// and the benchmarks run: a thin shell over RefreshSession and TargetSearch with files and curl, without rules of its
// own.
// Exit status: 0 when all was done, 1 otherwise.
#include <tenon/client/curl/curl_fetcher.h>
#include <tenon/client/workflow/refresh_session.h>
#include <tenon/client/workflow/target_search.h>
#include <tenon/metadata/utf8.h>

#include <cstdio>
#include <ctime>
#include <new>
#include <set>
#include <string>

#include <fcntl.h>
#include <tests/conformance/arguments.h>
#include <tests/conformance/metadata_folder.h>
#include <tests/conformance/names.h>
#include <tests/conformance/target_folder.h>

namespace tenon::tests {
namespace {

using client::TrustedRepository;
using metadata::VerifiedTarget;

constexpr const char* kUserAgent = "tenon-tuf-client/" TENON_VERSION;

void say(const Error& error) {
  std::string line = "error: " + std::string(to_string(error.code)) + " " + printable(error.message, 4096);
  if (!error.hint.empty()) line += " (" + printable(error.hint, 1024) + ")";
  std::fprintf(stderr, "%s\n", line.c_str());
}

void warn(const std::string& warning) {
  std::fprintf(stderr, "warning: %s\n", printable(warning, 4096).c_str());
}

class CollectingSink final : public client::ByteSink {
 public:
  Result<void> accept(ByteView piece) override {
    bytes_.insert(bytes_.end(), piece.begin(), piece.end());
    return {};
  }
  Bytes take() { return std::move(bytes_); }

 private:
  Bytes bytes_;
};

// The loop that drives a session: what it wants from the folder or the network, what it accepted to the folder.
class Driver {
 public:
  Driver(const MetadataFolder& folder, client::Fetcher& fetcher) : folder_(folder), fetcher_(fetcher) {}

  Result<TrustedRepository> refresh(metadata::Rules& rules) {
    TENON_TRY(const Bytes root, folder_.trusted_root());
    std::optional<metadata::VersionFloors> stored;
    if (auto floors = folder_.floors()) {
      stored = *std::move(floors);
    } else {
      warn("the stored floors are not used: " + floors.error().message);
    }
    auto session = client::RefreshSession::start(root, stored.value_or(metadata::VersionFloors{}), rules);
    if (!session) {
      return std::move(session).error().context("root.json").with_hint("run init with a trusted root again");
    }
    const Result<void> ran = run(*session);
    const Result<void> saved = stored == session->floors() ? Result<void>() : save(session->floors());
    if (!ran) return ran.error();
    TENON_TRY_VOID(saved);
    rules = session->rules();
    return (*std::move(session)).finish();
  }

  Result<VerifiedTarget> find(const TrustedRepository& repository, const std::string& name,
                              const metadata::Rules& rules) {
    TENON_TRY(metadata::TargetPath path, metadata::TargetPath::parse(name));
    auto search = client::TargetSearch::start(repository, std::move(path), rules);
    TENON_TRY_VOID(run(search));
    if (search.found()) return *search.found();
    return Error{ErrorCode::kPolicy, "no trusted role lists " + printable(name)};
  }

 private:
  // After a rotation of keys, what was stored before it is deleted, but only once the floors say so too.
  // Spec: 5.3.11
  Result<void> save(const metadata::VersionFloors& floors) {
    TENON_TRY_VOID(folder_.save(floors));
    if (!floors.forget_stored) return {};
    for (const char* name : {"timestamp.json", "snapshot.json"}) {
      if (!accepted_.contains(name)) TENON_TRY_VOID(folder_.remove(name));
    }
    return {};
  }

  template <class Session>
  Result<void> run(Session& session) {
    for (;;) {
      TENON_TRY(const client::Step step, session.next());
      if (std::holds_alternative<client::Done>(step)) return {};
      TENON_TRY(const client::Reply reply, ask(step));
      TENON_TRY(const client::Progress progress, session.feed(reply));
      if (!progress.warning.empty()) warn(progress.warning);
      if (!progress.persist) continue;
      TENON_TRY_VOID(folder_.save(*progress.persist));
      accepted_.insert(progress.persist->file_name);
    }
  }

  Result<client::Reply> ask(const client::Step& step) {
    if (const auto* cached = std::get_if<client::WantCached>(&step)) {
      std::optional<Bytes> file = folder_.load(cached->file_name);
      return file ? client::Reply(*std::move(file)) : client::Reply(client::NotFound{});
    }
    const auto& wanted = std::get<client::WantRemote>(step);
    CollectingSink sink;
    // A role's file name is percent-encoded already: that is its URL.
    TENON_TRY(const auto outcome, fetcher_.fetch({.path = wanted.file_name, .max_length = wanted.max_length}, sink));
    return outcome == client::FetchOutcome::kNotFound ? client::Reply(client::NotFound{}) : client::Reply(sink.take());
  }

  const MetadataFolder& folder_;
  client::Fetcher& fetcher_;
  std::set<std::string> accepted_;  // files that this process stored
};

Result<void> init(const Arguments& arguments, const MetadataFolder& folder) {
  const client::FileDescriptor file(::open(arguments.trusted_root.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return client::storage_error("cannot be opened", arguments.trusted_root);
  TENON_TRY(const Bytes root, read_whole(file, arguments.trusted_root, arguments.max_metadata_bytes));
  return folder.initialise(root).with_context(arguments.trusted_root);
}

Result<void> download(const Arguments& arguments, Driver& driver, const TrustedRepository& repository,
                      const metadata::Rules& rules) {
  TENON_TRY(const TargetFolder folder, TargetFolder::open(arguments.target_dir));
  TENON_TRY(const auto fetcher, client::CurlFetcher::create(arguments.target_base_url, kUserAgent));
  for (const std::string& name : arguments.target_names) {
    TENON_TRY(const VerifiedTarget target, driver.find(repository, name, rules));
    TENON_TRY(const bool is_there, folder.has(target));
    if (is_there) continue;
    const std::string path = repository.root->consistent_snapshot
                                 ? target.path().hash_prefixed(target.hashes().preferred())
                                 : target.path().text();
    TENON_TRY_VOID(folder.download(*fetcher, sent_path(path), target));
  }
  return {};
}

Result<void> run(const Arguments& arguments) {
  TENON_TRY(const MetadataFolder folder, MetadataFolder::open(arguments.metadata_dir, arguments.max_metadata_bytes));
  if (arguments.command == Arguments::Command::kInit) return init(arguments, folder);
  metadata::Rules rules{.root_cap = metadata::RootCap::kContinue};  // Spec: 5.3.3
  rules.limits.listed_bytes = arguments.max_metadata_bytes;
  TENON_TRY(rules.now, metadata::UtcTime::from_unix(std::time(nullptr)));
  TENON_TRY(const auto fetcher, client::CurlFetcher::create(arguments.metadata_url, kUserAgent));
  Driver driver(folder, *fetcher);
  TENON_TRY(const TrustedRepository repository, driver.refresh(rules));
  if (arguments.command == Arguments::Command::kRefresh) return {};
  return download(arguments, driver, repository, rules);
}

}  // namespace
}  // namespace tenon::tests

int main(int argc, char** argv) try {
  tenon::init_crypto();
  const std::span<const char* const> words(argv + 1, static_cast<std::size_t>(argc > 0 ? argc - 1 : 0));
  const auto arguments = tenon::tests::Arguments::parse(words);
  const tenon::Result<void> done = arguments ? tenon::tests::run(*arguments) : arguments.error();
  if (done) return 0;
  tenon::tests::say(done.error());
  return 1;
} catch (const std::bad_alloc&) {
  std::fputs("error: E_LIMIT there is not enough memory\n", stderr);
  return 1;
}
