// A repository that nobody here made: tuf-on-ci 0.11, signed by YubiKeys and a cloud KMS. It lies outside the source
// tree; where it is not, there is nothing to check.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>

#include <gtest/gtest.h>
#include <tests/support/in_memory_store.h>
#include <tests/support/places.h>
#include <tests/support/scenario.h>

namespace tenon::tests {
namespace {

std::filesystem::path data_folder() {
  const char* given = std::getenv("TENON_SHARED_DATA");
  const std::filesystem::path shared = given != nullptr ? given : source_dir() / "../shared/data";
  return shared / "tuf-on-ci";
}

std::optional<Bytes> read(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::nullopt;
  return Bytes(std::istreambuf_iterator<char>(file), {});
}

std::string first_line(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

// "2025-02-09 09:17:23+00:00", as faketime files say it.
metadata::UtcTime faketime(std::string text) {
  text[10] = 'T';
  return *metadata::UtcTime::parse(text.substr(0, 19) + "Z");
}

// Answers a session from the folder.
template <class Session>
Result<void> run(Session& session, const std::filesystem::path& folder) {
  for (;;) {
    TENON_TRY(const client::Step step, session.next());
    if (std::holds_alternative<client::Done>(step)) return {};
    client::Reply reply = client::NotFound{};
    if (const auto* remote = std::get_if<client::WantRemote>(&step)) {
      if (std::optional<Bytes> file = read(folder / "metadata" / remote->file_name)) reply = *std::move(file);
    }
    TENON_TRY_VOID(session.feed(reply));
  }
}

// Book: ROOT-16, META-18, SIG-10
TEST(TufOnCiRepository, IsRefreshedAndItsTargetIsFound) {
  const std::filesystem::path folder = data_folder();
  if (!std::filesystem::exists(folder / "initial_root.json")) {
    std::cout << folder << " is not here, nothing to check\n";
    return;
  }
  const metadata::Rules rules{.now = faketime(first_line(folder / "faketime"))};
  auto session = client::RefreshSession::start(*read(folder / "initial_root.json"), {}, rules);
  ASSERT_TRUE(session) << session.error().message;
  const Result<void> refreshed = run(*session, folder);
  ASSERT_TRUE(refreshed) << refreshed.error().message;
  const client::TrustedRepository repository = std::move(*session).finish();

  const metadata::TargetPath path = *metadata::TargetPath::parse(first_line(folder / "targetpath"));
  auto search = client::TargetSearch::start(repository, path, rules);
  const Result<void> searched = run(search, folder);
  ASSERT_TRUE(searched) << searched.error().message;
  ASSERT_TRUE(search.found());
  const std::string file = path.hash_prefixed(search.found()->hashes().preferred());
  EXPECT_EQ(code_of(search.found()->check(*read(folder / "targets" / file))), "accepted");
}

}  // namespace
}  // namespace tenon::tests
