// tuf-client ROOT REPOSITORY TARGET: finds a target in a repository that lies in a folder, as a device would: from the root
// it was made with to the digest of the target. Tenon does the trust; the two functions that read files are all the I/O.
#include <tenon/client/workflow/refresh_session.h>
#include <tenon/client/workflow/target_search.h>
#include <tenon/metadata/digest.h>

#include <ctime>
#include <fstream>
#include <iostream>
#include <iterator>

namespace {

using namespace tenon;

client::Reply read(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return client::NotFound{};
  return Bytes(std::istreambuf_iterator<char>(file), {});
}

// Nothing is remembered between two runs here: a device answers WantCached from its store, and stores what to persist.
client::Reply answer(const client::Step& step, const std::string& repository) {
  const auto* remote = std::get_if<client::WantRemote>(&step);
  return remote == nullptr ? client::NotFound{} : read(repository + "/metadata/" + remote->file_name);
}

template <class Session>
Result<void> run(Session& session, const std::string& repository) {
  for (;;) {
    TENON_TRY(const client::Step step, session.next());
    if (std::holds_alternative<client::Done>(step)) return {};
    TENON_TRY_VOID(session.feed(answer(step, repository)));
  }
}

Result<void> find(const std::string& root_file, const std::string& repository, const std::string& name) {
  metadata::Rules rules;
  TENON_TRY(rules.now, metadata::UtcTime::from_unix(std::time(nullptr)));
  const client::Reply root = read(root_file);
  const Bytes* embedded = std::get_if<Bytes>(&root);
  if (embedded == nullptr) return Error{ErrorCode::kStorage, root_file + ": cannot be read"};
  TENON_TRY(auto session, client::RefreshSession::start(*embedded, {}, rules));
  TENON_TRY_VOID(run(session, repository));
  rules = session.rules();
  const client::TrustedRepository trusted = std::move(session).finish();
  TENON_TRY(metadata::TargetPath path, metadata::TargetPath::parse(name));
  auto search = client::TargetSearch::start(trusted, std::move(path), rules);
  TENON_TRY_VOID(run(search, repository));
  if (!search.found()) return Error{ErrorCode::kPolicy, "no trusted role lists " + name};
  std::cout << name << ": " << search.found()->length() << " bytes, sha256 " << search.found()->hashes().preferred()
            << "\n";
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::cerr << "usage: tuf-client ROOT REPOSITORY TARGET\n";
    return 2;
  }
  tenon::init_crypto();
  const tenon::Result<void> found = find(argv[1], argv[2], argv[3]);
  if (found) return 0;
  std::cerr << "error: " << to_string(found.error().code) << " " << found.error().message << "\n";
  return 1;
}
