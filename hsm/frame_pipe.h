// FramePipe: framed messages over a pair of pipes, with a deadline on our side. A pipe that breaks is an error, never a
// signal. Not sockets: the programs that hold keys link no code that could reach a network.
// Thread: one at each end.
#pragma once

#include <tenon/hsm/file_descriptor.h>
#include <tenon/hsm/secret_bytes.h>
#include <tenon/hsm/token_wire.h>
#include <tenon/metadata/result.h>

#include <chrono>
#include <span>

namespace tenon::hsm {

class FramePipe {
 public:
  using Patience = std::chrono::milliseconds;

  FramePipe(FileDescriptor in, FileDescriptor out) : in_(std::move(in)), out_(std::move(out)) {}

  // exchange sends one request and waits for its reply, no longer than patience in all.
  // Errors: E_BUSY if time ran out; E_HW if the other side has gone; E_LIMIT for a reply above kMaxReplyBytes.
  struct Reply {
    std::uint8_t kind = 0;
    Bytes body;
  };
  Result<Reply> exchange(std::uint8_t kind, ByteView body, Patience patience);

  // Without a deadline, for the side that serves. receive_head gives nothing at the end of the pipe; the body follows
  // with receive_body, into memory that the caller chose. Errors: E_HW.
  Result<std::optional<wire::FrameHeader>> receive_head();
  Result<void> receive_body(std::span<std::uint8_t> body);
  Result<void> send(std::uint8_t kind, ByteView body);

 private:
  FileDescriptor in_;
  FileDescriptor out_;
};

}  // namespace tenon::hsm
