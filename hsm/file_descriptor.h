// FileDescriptor: owns one open descriptor and closes it.
// Thread: a value; not shared.
#pragma once

#include <utility>

#include <unistd.h>

namespace tenon::hsm {

class FileDescriptor {
 public:
  // FileDescriptor takes what open() and its like return; negative means none.
  explicit FileDescriptor(int fd) : fd_(fd) {}
  FileDescriptor(FileDescriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~FileDescriptor() {
    if (fd_ >= 0) ::close(fd_);
  }

  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }

 private:
  int fd_;
};

}  // namespace tenon::hsm
