#include <tenon/hsm/file_io.h>
#include <tenon/hsm/secret_source.h>
#include <tenon/hsm/terminal.h>
#include <tenon/metadata/utf8.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <string>

#include <unistd.h>

namespace tenon::hsm {
namespace {

constexpr std::size_t kMaxSecretBytes = 4096;  // keys.md 3.4
constexpr int kMaxDescriptor = 1023;           // the usual RLIMIT_NOFILE of a shell

Result<SecretBytes> read_prompt(std::string_view what, std::string_view option) {
  Result<Terminal> terminal = Terminal::open();
  if (!terminal) return std::move(terminal).error().context(what).with_hint(std::string(option) + " fd:N or file:PATH");
  return terminal->ask_secret(std::string(what) + ": ");
}

// One byte at a time: what follows the line belongs to the next reader.
Result<SecretBytes> read_line(int fd, std::string_view what) {
  const std::string where = std::string(what) + ": fd:" + std::to_string(fd);
  if (::isatty(fd) == 1) {
    return Error{ErrorCode::kAuth, where + " is a terminal and would show what is typed", "let it be asked: prompt"};
  }
  SecretBytes line(kMaxSecretBytes);
  const std::span<std::uint8_t> buffer = line.writable(RevealSecret());
  for (std::size_t size = 0; size < buffer.size();) {
    const ssize_t got = ::read(fd, &buffer[size], 1);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Error{ErrorCode::kAuth, where + ": " + std::strerror(errno)};
    if (got == 0 || buffer[size] == '\n') {
      line.shrink(size);
      return line;
    }
    ++size;
  }
  return Error{ErrorCode::kLimit, where + ": line longer than " + std::to_string(kMaxSecretBytes) + " bytes"};
}

Result<SecretBytes> read_secret_file(const std::filesystem::path& path) {
  TENON_TRY(SecretBytes secret, read_private_file(path, kMaxSecretBytes));
  if (secret.text(RevealSecret()).ends_with('\n')) secret.shrink(secret.size() - 1);
  return secret;
}

}  // namespace

Result<SecretSource> SecretSource::parse(std::string_view text) {
  if (text == "prompt") return prompt();
  if (text.starts_with("file:") && text.size() > 5) {
    SecretSource source(Kind::kFile);
    source.file_ = text.substr(5);
    return source;
  }
  if (text.starts_with("fd:")) {
    SecretSource source(Kind::kDescriptor);
    const char* end = text.data() + text.size();
    const auto [parsed_end, failed] = std::from_chars(text.data() + 3, end, source.descriptor_);
    const bool is_number = failed == std::errc() && parsed_end == end;
    if (is_number && source.descriptor_ >= 0 && source.descriptor_ <= kMaxDescriptor) return source;
  }
  // The text is not repeated: it may be a passphrase that someone put there by mistake.
  return Error{ErrorCode::kUsage, "a passphrase comes from prompt, fd:N or file:PATH, nothing else"};
}

Result<SecretBytes> SecretSource::read(std::string_view what, std::string_view option) const {
  Result<SecretBytes> secret = [&] {
    switch (kind_) {
      case Kind::kPrompt: return read_prompt(what, option);
      case Kind::kDescriptor: return read_line(descriptor_, what);
      case Kind::kFile: return read_secret_file(file_);
    }
    return Result<SecretBytes>(SecretBytes());
  }();
  if (secret && secret->empty()) return Error{ErrorCode::kAuth, std::string(what) + ": empty"};
  return secret;
}

}  // namespace tenon::hsm
