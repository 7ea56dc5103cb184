// What tenond and its courier say to each other, as bytes. An errand goes one way: bring this part of that file from
// this source. Its answer comes back as pieces of the file and an end. Neither believes the other: every length has a
// limit, and what does not fit is refused. Pure.
//
//   frame   kind (1 byte), length of its body (4 bytes), the body; numbers are little-endian
//   'F'     an errand: source (2), is_part (1), offset (8), max_length (8), path
//   'P'     a piece of the file, one byte at least
//   'E'     the end: outcome (1), pause in seconds (2), length of the message (2), message, hint
// Thread: any.
#pragma once

#include <tenon/client/ports/fetcher.h>
#include <tenon/metadata/bytes.h>
#include <tenon/metadata/result.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <span>

namespace tenon::client {

inline constexpr std::size_t kHeadBytes = 5;
inline constexpr std::size_t kMaxPathBytes = 16'384;     // as of a URL
inline constexpr std::uint32_t kMaxPieceBytes = 65'536;  // with the buffer of a Unix socket, two are on their way
inline constexpr std::size_t kMaxTextBytes = 4'096;      // message and hint of an error

enum class FrameKind : std::uint8_t { kErrand = 'F', kPiece = 'P', kEnd = 'E' };

struct FrameHead {
  FrameKind kind;
  std::uint32_t length;

  std::array<std::uint8_t, kHeadBytes> to_bytes() const;
  // read Errors: E_NET for an unknown kind, and for a length that no body of this kind has.
  static Result<FrameHead> read(std::span<const std::uint8_t, kHeadBytes> bytes);
};

// Errand is what the courier is asked for. Where a source lies, the courier's own configuration says.
struct Errand {
  std::uint16_t source;  // the how manieth of the configuration, from 0
  FetchRequest request;

  // to_frame Pre: the path has 1 to kMaxPathBytes bytes.
  Bytes to_frame() const;
  // read Errors: E_NET for a body that is none, and a part that is empty or ends behind 2^63.
  static Result<Errand> read(ByteView body);
};

// ErrandEnd is how an errand ended, and for how long its source asked to be left alone.
struct ErrandEnd {
  Result<FetchOutcome> outcome;
  std::chrono::seconds asked_pause{0};

  // to_frame writes E_LIMIT as such and every other error as E_NET, its text printable and cut to what is allowed.
  Bytes to_frame() const;
  // read Errors: E_NET for a body that is none, text that is not printable, and a pause above kLongestPause.
  static Result<ErrandEnd> read(ByteView body);
};

}  // namespace tenon::client
