// Ed25519 from a table. The linker puts these functions in front of libsodium's (--wrap): what was
// computed once is looked up by all of its input, anything else is computed by libsodium. The product knows nothing of
// it and has no mode without signatures; its verdicts are the same, ten times faster.
// It also keeps the ledger of what was really signed in this run of a harness: what the product accepts and the ledger
// does not know, is forged.
#pragma once

#include <tenon/metadata/bytes.h>

#include <optional>

namespace tenon::fuzz {

// start_ledger forgets what was signed since keep_ledger().
void start_ledger();
// keep_ledger makes everything signed so far part of every run.
void keep_ledger();
// ledger_signature is the one signature that the holder of the key has made for the message; nothing if there is none.
std::optional<Bytes> ledger_signature(ByteView public_key, ByteView message);

}  // namespace tenon::fuzz
