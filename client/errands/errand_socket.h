// ErrandSocket: one end of a connection between tenond and its courier, and how one of the two hands the other a
// connection.
// Thread: one.
#pragma once

#include <tenon/metadata/bytes.h>
#include <tenon/metadata/result.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>

namespace tenon::client {

using Deadline = std::chrono::steady_clock::time_point;
inline constexpr Deadline kNoDeadline = Deadline::max();

class ErrandSocket {
 public:
  // ErrandSocket owns the descriptor of a stream socket. Pre: it is open.
  explicit ErrandSocket(int descriptor) : descriptor_(descriptor) {}
  ErrandSocket(ErrandSocket&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  ErrandSocket& operator=(ErrandSocket&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    return *this;
  }
  ~ErrandSocket();

  // connect_to Errors: E_NET, naming the path.
  static Result<ErrandSocket> connect_to(const std::string& path, Deadline deadline);
  // pair gives two ends of one connection. Errors: E_NET
  static Result<std::pair<ErrandSocket, ErrandSocket>> pair();

  // send sends all of head and body. Errors: E_NET when the other side has gone, or takes nothing until the deadline.
  Result<void> send(ByteView head, ByteView body, Deadline deadline) const;
  // receive waits for bytes and gives how many came; 0: the other side has closed the connection.
  // Errors: E_NET when nothing comes until the deadline.
  Result<std::size_t> receive(std::span<std::uint8_t> into, Deadline deadline) const;

  // pass hands a connection to the process at the other side. Errors: E_NET when that has ended.
  Result<void> pass(const ErrandSocket& connection) const;
  // take_passed waits for a connection. Nothing: the other side has ended. Errors: E_NET for what is none.
  Result<std::optional<ErrandSocket>> take_passed() const;

  int descriptor() const { return descriptor_; }

 private:
  int descriptor_;
};

}  // namespace tenon::client
