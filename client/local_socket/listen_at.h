// listen_at: a Unix socket that is listened at, in a place that nobody else can take.
// Thread: before there is a second one, since the mask of file modes is the process's.
#pragma once

#include <tenon/metadata/result.h>

#include <string>

#include <sys/types.h>

namespace tenon::client {

// listen_at gives the descriptor, which the caller owns, of a socket with that mode. One that a dead process left there is replaced;
// the folder stays as it is. Caller must: know that nobody answers there.
// Errors: E_USAGE for a folder that others may write to, and a path that is too long; E_STORAGE, also for what lies there and is no
// socket.
// Source: unix(7)
Result<int> listen_at(const std::string& path, mode_t mode);

}  // namespace tenon::client
