// A fleet beside a repository that is being published: refreshes again and again, in turn as a new device and as one that
// keeps what it knows, until its input ends. Each time it reads the channel, the release that it pins, and looks whether
// its files are there. Prints {"refreshes": N, "seen": ["1.0.0", ...], "error": "..."}: the versions in the order in
// which they were seen first, and the first thing that no client may see.
#include <tenon/metadata/digest.h>
#include <tenon/repo_tools/client_check.h>

#include <algorithm>
#include <ctime>
#include <iostream>
#include <string>
#include <vector>

#include <poll.h>
#include <unistd.h>

namespace tenon::repo_tools {
namespace {

// current gives the version that the client would install; every file of it is there in full length.
Result<std::string> current(CheckingClient& client, const RepositoryView& view) {
  TENON_TRY_VOID(client.refresh());
  TENON_TRY(const metadata::TargetPath path, metadata::TargetPath::parse("demo/channels/stable.json"));
  TENON_TRY(const CurrentRelease now, check_channel_pin(client, path));
  for (const policies::Image& image : now.release.images) {
    std::vector<policies::Label> names{image.segments_file};
    for (const policies::Payload& payload : image.payloads) names.push_back(payload.file);
    for (const policies::Label& name : names) {
      const auto file = policies::release_file_path(now.release.product, now.release.version, name.text());
      TENON_TRY(const CheckingClient::Found found, client.find(file));
      TENON_TRY(const std::filesystem::path there, view.target(file, found.sha256));
      if (std::filesystem::file_size(there) != found.target.length()) {
        return Error{ErrorCode::kMismatch, file.text() + ": is not all there"};
      }
    }
  }
  return now.release.version.text();
}

bool input_has_ended() {
  pollfd input{STDIN_FILENO, POLLIN, 0};
  return ::poll(&input, 1, 0) > 0;
}

int watch(const std::filesystem::path& folder) {
  const Repository repository = *Repository::open(folder);
  const RepositoryView view = RepositoryView::published(repository);
  const Bytes root = *repository.initial_root();
  const metadata::UtcTime now = *metadata::UtcTime::from_unix(std::time(nullptr));

  std::size_t refreshes = 0;
  std::vector<std::string> seen;
  std::string error;
  ClientState known;
  // The last refresh begins after the input has ended: it sees what was published by then.
  for (bool is_last = false; error.empty() && !is_last;) {
    is_last = input_has_ended();
    CheckingClient client(view, root, refreshes % 2 == 0 ? known : ClientState{}, now);
    const Result<std::string> version = current(client, view);
    if (refreshes % 2 == 0) known = client.state();
    ++refreshes;
    if (!version) {
      error = version.error().message;
    } else if (std::ranges::count(seen, *version) == 0) {
      seen.push_back(*version);
    } else if (seen.back() != *version) {
      error = *version + " after " + seen.back();
    }
  }
  json::Object report;
  report.set("refreshes", static_cast<std::int64_t>(refreshes));
  json::Array versions;
  for (const std::string& version : seen) versions.push_back(version);
  report.set("seen", std::move(versions));
  report.set("error", error);
  std::cout << json::to_text(std::move(report)) << '\n';
  return 0;
}

}  // namespace
}  // namespace tenon::repo_tools

int main(int argc, char** argv) {
  tenon::init_crypto();
  return argc == 2 ? tenon::repo_tools::watch(argv[1]) : 2;
}
