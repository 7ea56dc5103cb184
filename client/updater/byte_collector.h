// ByteCollector: a sink that keeps what a source sends. Who asks bounds it, by FetchRequest::max_length. Thread: one.
#pragma once

#include <tenon/client/ports/fetcher.h>

namespace tenon::client {

struct ByteCollector final : ByteSink {
  Result<void> accept(ByteView piece) override {
    bytes.insert(bytes.end(), piece.begin(), piece.end());
    return {};
  }
  Bytes bytes;
};

}  // namespace tenon::client
