// Fetcher: brings bytes from a source. What it brings is trusted by nobody.
// Thread: one call at a time.
#pragma once

#include <tenon/metadata/bytes.h>
#include <tenon/metadata/result.h>

#include <chrono>
#include <cstdint>
#include <string>

namespace tenon::client {

// FetchRequest names a file below the repository's base, and the part of it that is wanted.
struct FetchRequest {
  std::string path;              // "metadata/2.root.json", percent-encoded, no leading '/'
  std::uint64_t offset = 0;      // bytes to leave out at the front
  std::uint64_t max_length = 0;  // bytes from there; one more is E_LIMIT
  bool is_part = false;          // exactly max_length bytes, above 0, are wanted, and the file may go on behind them
};

// ByteSink takes the bytes in order, in pieces of any size.
class ByteSink {
 public:
  virtual ~ByteSink() = default;
  // accept An error ends the transfer, and is what fetch() returns.
  virtual Result<void> accept(ByteView piece) = 0;
};

enum class FetchOutcome { kComplete, kNotFound };

class Fetcher {
 public:
  virtual ~Fetcher() = default;

  // name tells people which source this is, without credentials.
  virtual std::string name() const = 0;

  // fetch hands the sink exactly the bytes from offset on, also from a source that ignores ranges and sends all of it.
  // kNotFound is only what the source's rules call so: 404.
  // Errors: E_NET for every other failure, a file that ends early against its own announced length or before the end of
  // the part that is wanted, and a source that stalls; E_STORAGE from a source that is a file, when it cannot be read; E_LIMIT when more than max_length bytes
  // come; what the sink returned.
  virtual Result<FetchOutcome> fetch(const FetchRequest& request, ByteSink& sink) = 0;

  // asked_pause is for how long the source asked to be left alone when it was asked last. Units: minutes at the most.
  virtual std::chrono::seconds asked_pause() const { return std::chrono::seconds::zero(); }
};

}  // namespace tenon::client
