#include <tenon/hsm/file_descriptor.h>
#include <tenon/hsm/passphrase.h>
#include <tenon/hsm/secret_source.h>

#include <concepts>
#include <ostream>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <tests/hsm/temp_folder.h>
#include <unistd.h>

namespace tenon::hsm {
namespace {

template <class T>
concept Printable = requires(std::ostream& out, const T& value) {
  out << value;
};

static_assert(!std::copyable<SecretBytes>, "secrets are not copied");
static_assert(!Printable<SecretBytes>, "secrets are not printed");

SecretBytes secret(std::string_view text) {
  return SecretBytes::copy_of(as_bytes(text));
}

std::string shown(const SecretBytes& value) {
  return std::string(value.text(RevealSecret()));
}

Result<SecretBytes> read_from(const std::string& source) {
  const Result<SecretSource> parsed = SecretSource::parse(source);
  TENON_CHECK(parsed.has_value());
  return parsed->read("passphrase of alice");
}

// The reading end of a pipe that holds the text and then ends.
FileDescriptor pipe_with(std::string_view text) {
  int ends[2];
  TENON_CHECK(::pipe2(ends, O_CLOEXEC) == 0);
  const FileDescriptor writer(ends[1]);
  TENON_CHECK(::write(writer.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()));
  return FileDescriptor(ends[0]);
}

std::string source_of(const FileDescriptor& fd) {
  return "fd:" + std::to_string(fd.get());
}

TEST(SecretBytes, AreEqualOnlyWithEveryByte) {
  EXPECT_TRUE(secret("abc") == secret("abc"));
  EXPECT_FALSE(secret("abc") == secret("abd"));
  EXPECT_FALSE(secret("abc") == secret("abcd"));
}

TEST(SecretBytes, AreEmptyAfterTheyWereMovedAway) {
  SecretBytes from = secret("abc");
  const SecretBytes to = std::move(from);
  EXPECT_TRUE(from.empty());  // NOLINT: that is the promise
}

TEST(SecretBytes, StartAsZeroAndNotAsWhatLayThere) {
  const SecretBytes fresh(64);
  EXPECT_EQ(shown(fresh), std::string(64, '\0'));
}

TEST(SecretSource, ReadsAFileWithoutItsOneFinalNewline) {
  const TempFolder folder;
  const Result<SecretBytes> read = read_from("file:" + folder.write("pw", "two\n\n").native());
  ASSERT_TRUE(read);
  EXPECT_EQ(shown(*read), "two\n");
}

// Book: KEYT-14
TEST(SecretSource, RefusesAFileThatOthersCanRead) {
  const TempFolder folder;
  const Result<SecretBytes> read = read_from("file:" + folder.write("pw", "secret", FileMode::kPublic).native());
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, ErrorCode::kAuth);
}

TEST(SecretSource, RefusesAFileAboveFourKibibytes) {
  const TempFolder folder;
  const Result<SecretBytes> read = read_from("file:" + folder.write("pw", std::string(4097, 'x')).native());
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, ErrorCode::kLimit);
}

TEST(SecretSource, RefusesAnEmptyPassphrase) {
  const TempFolder folder;
  const Result<SecretBytes> read = read_from("file:" + folder.write("pw", "\n").native());
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, ErrorCode::kAuth);
}

TEST(SecretSource, ReadsOneLineOfADescriptorAndLeavesTheNext) {
  const FileDescriptor fd = pipe_with("first\nsecond");
  EXPECT_EQ(shown(*read_from(source_of(fd))), "first");
  EXPECT_EQ(shown(*read_from(source_of(fd))), "second");
}

TEST(SecretSource, RefusesALineAboveFourKibibytes) {
  const FileDescriptor fd = pipe_with(std::string(5000, 'x'));
  const Result<SecretBytes> read = read_from(source_of(fd));
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, ErrorCode::kLimit);
}

TEST(SecretSource, RefusesADescriptorThatIsNotOpen) {
  const Result<SecretBytes> read = read_from("fd:1023");
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, ErrorCode::kAuth);
}

// Book: KEYT-15
TEST(SecretSource, KnowsNoEnvironmentAndNoLiteral) {
  for (const char* text :
       {"env:PASSPHRASE", "pass:hunter2", "hunter2", "", "fd:", "fd:-1", "fd:1x", "fd:1024", "file:"}) {
    const Result<SecretSource> source = SecretSource::parse(text);
    ASSERT_FALSE(source) << text;
    EXPECT_EQ(source.error().code, ErrorCode::kUsage);
  }
}

// Book: KEYT-16
TEST(SecretSource, DoesNotRepeatAPassphraseThatWasGivenAsAnArgument) {
  const Result<SecretSource> source = SecretSource::parse("canary-hunter2");
  ASSERT_FALSE(source);
  EXPECT_EQ(source.error().message.find("canary"), std::string::npos);
}

TEST(GeneratePassphrase, MakesSixProquintWords) {
  constexpr std::string_view kConsonants = "bdfghjklmnprstvz";
  constexpr std::string_view kVowels = "aiou";
  constexpr std::string_view kAllowed[] = {kConsonants, kVowels, kConsonants, kVowels, kConsonants, "-"};
  const std::string passphrase = shown(generate_passphrase());
  ASSERT_EQ(passphrase.size(), 35u);
  for (std::size_t i = 0; i < passphrase.size(); ++i) {
    EXPECT_NE(kAllowed[i % 6].find(passphrase[i]), std::string_view::npos) << "at " << i;
  }
}

TEST(GeneratePassphrase, MakesAnotherOneEachTime) {
  EXPECT_FALSE(generate_passphrase() == generate_passphrase());
}

TEST(CheckNewPassphrase, RefusesElevenBytes) {
  const Result<void> checked = check_new_passphrase(secret("elevenbytes"));
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().code, ErrorCode::kPolicy);
}

}  // namespace
}  // namespace tenon::hsm
