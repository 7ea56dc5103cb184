// Terminal: the person at the keyboard, reached through /dev/tty whatever stdin and stdout are. What was typed before
// the question is dropped, so that nothing pasted earlier can answer it. The terminal is as before on every way out, a
// signal too.
// Thread: one thread; signals that end the process wait while a question is open and act after it.
#pragma once

#include <tenon/hsm/file_descriptor.h>
#include <tenon/hsm/secret_bytes.h>
#include <tenon/metadata/result.h>

#include <string>
#include <string_view>

namespace tenon::hsm {

class Terminal {
 public:
  // open Errors: E_AUTH if there is no terminal; the caller adds the hint of what to do without one.
  static Result<Terminal> open();

  // show writes text as it is: text from files goes through printable() first. Errors: E_STORAGE.
  Result<void> show(std::string_view text);
  // show_secret writes a secret, for the one moment when a person must copy it down.
  Result<void> show_secret(const SecretBytes& secret);

  // ask reads one line. Errors: E_AUTH if the person gave up (end of file, Ctrl-C).
  Result<std::string> ask(std::string_view question);
  // ask_secret reads one line with the echo off.
  Result<SecretBytes> ask_secret(std::string_view question);

 private:
  explicit Terminal(FileDescriptor fd) : fd_(std::move(fd)) {}
  Result<SecretBytes> read_line(std::string_view question, bool echo);

  FileDescriptor fd_;
};

}  // namespace tenon::hsm
