// What a program makes of the streams that it was started with, before anything else.
// Thread: before there is a second one.
#pragma once

namespace tenon {

// keep_standard_streams opens /dev/null in the place of a closed standard input, output or error: a slot, a key or a payload that
// took such a number would be written to by whatever is printed. Every main() of a program that writes files calls it first.
// Without /dev/null a process with a closed stream ends at once, with ExitStatus::kDevice.
void keep_standard_streams();

// outlive_readers: that a reader of our output or of a socket went away (SIGPIPE) is an error of that write alone. Programs that are started
// later know nothing of it.
void outlive_readers();

}  // namespace tenon
