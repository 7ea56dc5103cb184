// Keys and signatures in a token's spelling, and in TUF's. Pure; a module may put anything into them.
// Thread: any.
#pragma once

#include <tenon/hsm/token_wire.h>
#include <tenon/metadata/public_key.h>
#include <tenon/metadata/result.h>

namespace tenon::hsm {

// public_key_of reads the public half of a key from the attributes of either half; tokens spell curves and points in
// several ways. Errors: E_PARSE for what is no key; E_POLICY for a kind that we do not sign with: RSA below 3072 bits,
// other curves.
Result<metadata::PublicKey> public_key_of(const wire::KeyObject& object);

// mechanism_of gives how a token signs with such a key. Pre: a key from public_key_of.
wire::Mechanism mechanism_of(const metadata::PublicKey& key);

// token_input gives what the token signs for a message: a digest made here, or for Ed25519 the message.
Bytes token_input(wire::Mechanism mechanism, ByteView message);

// tuf_signature spells what the token made as TUF does: raw r and s become DER. Not verified.
// Errors: E_SIG for a wrong length.
Result<Bytes> tuf_signature(wire::Mechanism mechanism, ByteView made);

}  // namespace tenon::hsm
