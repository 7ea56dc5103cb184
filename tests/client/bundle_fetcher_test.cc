// A bundle in place of a server: the file that was opened is read, whatever its name leads to; and it is believed as little.
#include <tenon/client/transport/bundle_fetcher.h>

#include <array>
#include <fstream>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <tests/client/bundle_bytes.h>
#include <tests/support/scenario.h>
#include <unistd.h>

namespace tenon::tests {
namespace {

using client::BundleFetcher;
using client::BundleFile;
using client::FetchOutcome;

struct Collector final : client::ByteSink {
  Result<void> accept(ByteView piece) override {
    if (refusal) return *refusal;
    append(bytes, piece);
    return {};
  }
  Bytes bytes;
  std::optional<Error> refusal;
};

class ABundle : public testing::Test {
 protected:
  BundleFile open(const Members& members) { return *BundleFile::open(write_bundle(folder, bundle_of(members))); }

  // fetched gives the bytes, "not found", or the error's code.
  std::string fetched(BundleFetcher& fetcher, const client::FetchRequest& request) {
    Collector sink;
    const Result<FetchOutcome> outcome = fetcher.fetch(request, sink);
    if (!outcome) return std::string(to_string(outcome.error().code));
    return *outcome == FetchOutcome::kNotFound ? "not found" : std::string(as_text(sink.bytes));
  }

  ScratchFolder folder;
};

TEST_F(ABundle, GivesTheBytesFromAnOffsetOn) {
  std::string content(200'000, '\0');
  for (std::size_t i = 0; i < content.size(); ++i) content[i] = static_cast<char>(i * 7 % 251);
  BundleFetcher fetcher(open({{"metadata/timestamp.json", to_bytes("now")}, {"targets/file", to_bytes(content)}}));
  EXPECT_EQ(fetched(fetcher, {.path = "metadata/timestamp.json", .max_length = 3}), "now");
  for (const std::uint64_t offset : {0U, 1U, 65'536U, 199'999U, 200'000U}) {
    EXPECT_EQ(fetched(fetcher, {.path = "targets/file", .offset = offset, .max_length = 200'000 - offset}),
              content.substr(offset));
  }
  EXPECT_EQ(fetched(fetcher, {.path = "targets/file", .offset = 200'001, .max_length = 1}), "E_NET");
}

TEST_F(ABundle, ThatHasMoreThanWasAskedForGivesNothingOfIt) {
  BundleFetcher fetcher(open({{"targets/file", to_bytes("four")}}));
  Collector sink;
  EXPECT_EQ(code_of(fetcher.fetch({.path = "targets/file", .max_length = 3}, sink)), "E_LIMIT");
  EXPECT_TRUE(sink.bytes.empty());
}

TEST_F(ABundle, GivesAPartOfAFile) {
  BundleFetcher fetcher(open({{"targets/file", to_bytes("0123456789")}}));
  const auto part = [&](std::uint64_t offset, std::uint64_t length) {
    return fetched(fetcher, {.path = "targets/file", .offset = offset, .max_length = length, .is_part = true});
  };
  EXPECT_EQ(part(0, 4), "0123");
  EXPECT_EQ(part(3, 4), "3456");
  EXPECT_EQ(part(6, 4), "6789");
  EXPECT_EQ(part(7, 4), "E_NET");
  EXPECT_EQ(part(11, 1), "E_NET");
}

TEST_F(ABundle, WithoutAFileSaysSo) {
  BundleFetcher fetcher(open({{"metadata/timestamp.json", to_bytes("now")}}));
  for (const char* path : {"metadata/2.root.json", "metadata", "metadata/", "", "/metadata/timestamp.json",
                           "metadata/../metadata/timestamp.json", "targets/%2e%2e/metadata/timestamp.json"}) {
    EXPECT_EQ(fetched(fetcher, {.path = path, .max_length = 9}), "not found") << path;
  }
}

TEST_F(ABundle, KnowsFilesByTheirNamesAndIsAskedForThemEncoded) {
  const std::string name = "targets/a b/\xC3\xA4#?%41.bin";
  BundleFetcher fetcher(open({{name, to_bytes("target")}, {"metadata/1.team%2Fapps.json", to_bytes("role")}}));
  EXPECT_EQ(fetched(fetcher, {.path = metadata::url_path(name), .max_length = 9}), "target");
  const metadata::RoleName role = *metadata::RoleName::parse_delegated("team/apps");
  EXPECT_EQ(fetched(fetcher, {.path = "metadata/" + role.file_name(metadata::Version::first()), .max_length = 9}),
            "role");
  for (const char* path : {"targets/%", "targets/%4", "targets/%4g", "targets/%-1", "targets/% 1"}) {
    EXPECT_EQ(fetched(fetcher, {.path = path, .max_length = 9}), "E_NET") << path;
  }
}

TEST_F(ABundle, IsGivenUpWithTheErrorOfWhoTakesIt) {
  BundleFetcher fetcher(open({{"targets/file", to_bytes("four")}}));
  Collector sink;
  sink.refusal = Error{ErrorCode::kMismatch, "not what was signed"};
  EXPECT_EQ(fetcher.fetch({.path = "targets/file", .max_length = 4}, sink).error(), *sink.refusal);
}

// Book: LOC-01
TEST_F(ABundle, IsTheFileThatWasOpenedWhateverItsNameLeadsToLater) {
  BundleFetcher fetcher(open({{"targets/file", to_bytes("first")}}));
  const std::string other = write_bundle(folder, bundle_of({{"targets/file", to_bytes("other")}}), "other.tar");
  std::filesystem::rename(other, folder.path() / "update.tar");
  EXPECT_EQ(fetched(fetcher, {.path = "targets/file", .max_length = 5}), "first");
}

TEST_F(ABundle, ThatBecomesShorterIsAnErrorOfItsMedium) {
  BundleFetcher fetcher(open({{"targets/file", Bytes(5000, 'x')}}));
  std::filesystem::resize_file(folder.path() / "update.tar", 2000);
  EXPECT_EQ(fetched(fetcher, {.path = "targets/file", .max_length = 5000}), "E_STORAGE");
}

TEST_F(ABundle, IsARegularFile) {
  ASSERT_EQ(::mkfifo((folder.path() / "pipe").c_str(), 0600), 0);
  for (const std::string& path : {(folder.path() / "pipe").string(), folder.path().string(), std::string("/dev/null"),
                                  (folder.path() / "nothing").string()}) {
    const Result<BundleFile> bundle = BundleFile::open(path);
    ASSERT_EQ(code_of(bundle), "E_STORAGE");
    EXPECT_NE(bundle.error().message.find(path), std::string::npos);
  }
}

// Opening a device acts on it, a tape or a watchdog; a pipe would hang or wake who writes.
TEST_F(ABundle, IsNotOpenedBeforeItIsKnownToBeARegularFile) {
  const std::string pipe = folder.path() / "pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  const int watch = ::inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  ASSERT_GE(watch, 0);
  ASSERT_GE(::inotify_add_watch(watch, pipe.c_str(), IN_OPEN), 0);
  const Result<BundleFile> bundle = BundleFile::open(pipe);
  std::array<char, 512> events;
  EXPECT_LT(::read(watch, events.data(), events.size()), 0) << "it was opened";
  ::close(watch);
  ASSERT_FALSE(bundle);
  EXPECT_EQ(bundle.error().message, pipe + " is no regular file");
}

TEST_F(ABundle, IsFoundBehindALinkAndADeviceBehindOneIsNot) {
  const std::string file = write_bundle(folder, bundle_of({{"targets/file", to_bytes("four")}}));
  std::filesystem::create_symlink(file, folder.path() / "latest.tar");
  BundleFetcher fetcher(*BundleFile::open(folder.path() / "latest.tar"));
  EXPECT_EQ(fetched(fetcher, {.path = "targets/file", .max_length = 4}), "four");
  std::filesystem::create_symlink("/dev/null", folder.path() / "device.tar");
  const Result<BundleFile> device = BundleFile::open(folder.path() / "device.tar");
  ASSERT_FALSE(device);
  EXPECT_NE(device.error().message.find("is no regular file"), std::string::npos);
}

TEST_F(ABundle, MayHoldAMemberOfMoreThanEightGibibytes) {
  const std::uint64_t size = std::uint64_t{9} << 30;
  const std::string path = write_bundle(folder, *client::member_header("targets/huge", size));
  std::filesystem::resize_file(path, std::filesystem::file_size(path) + size + 1024);  // sparse
  {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(1536 + size - 3));
    file << "end";
  }
  BundleFetcher fetcher(*BundleFile::open(path));
  EXPECT_EQ(fetched(fetcher, {.path = "targets/huge", .offset = size - 3, .max_length = 3}), "end");
}

}  // namespace
}  // namespace tenon::tests
