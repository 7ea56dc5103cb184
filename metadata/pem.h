// PEM of public keys (RFC 7468, "PUBLIC KEY"), in the one spelling that is read: nothing before or after, no other label.
// Thread: any.
#pragma once

#include <tenon/metadata/bytes.h>

#include <optional>
#include <string>
#include <string_view>

namespace tenon::metadata {

// der_of gives the DER between the lines. Nothing for any other text.
std::optional<Bytes> der_of(std::string_view pem);

// pem_of writes 64 columns a line, as OpenSSL does.
std::string pem_of(ByteView der);

}  // namespace tenon::metadata
