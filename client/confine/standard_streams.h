// What a program of a device makes of the descriptors and signals that it was started with, before anything else.
// Thread: before there is a second one.
#pragma once

namespace tenon::client {

// keep_standard_streams opens /dev/null in the place of a closed standard input, output or error: a slot that took such a number
// would be written to by whatever is printed. A reader that goes away (SIGPIPE) ends nothing; programs that are started later know
// nothing of that. Without /dev/null a process with a closed stream ends at once.
void keep_standard_streams();

}  // namespace tenon::client
