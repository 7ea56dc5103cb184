// serve_errands: the courier's side of one connection. It runs one errand after the other, with the sources of its own
// configuration and no others, until the other side closes or says what makes no sense.
// Thread: one.
#pragma once

#include <tenon/client/errands/errand_socket.h>
#include <tenon/client/ports/fetcher.h>

#include <memory>
#include <vector>

namespace tenon::client {

// serve_errands Returns: nothing when the other side has closed. Errors: E_NET for a connection that ended otherwise.
Result<void> serve_errands(const ErrandSocket& peer, const std::vector<std::unique_ptr<Fetcher>>& sources);

}  // namespace tenon::client
