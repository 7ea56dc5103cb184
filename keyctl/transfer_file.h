// Requests and responses as files: as they were written, or as the text that a scanner made of their QR codes.
// Thread: safe.
#pragma once

#include <tenon/keyctl/report.h>
#include <tenon/policies/signing_request.h>

#include <string>

namespace tenon::keyctl {

// read_transfer Errors: E_STORAGE; E_LIMIT above max_bytes; those of from_transfer_text.
Result<Bytes> read_transfer(const std::string& path, std::size_t max_bytes);
Result<policies::SigningRequest> read_request(const std::string& path);

// draw_transfer draws the QR codes that go over by camera in place of a file. Errors: those of read_transfer; E_LIMIT.
Result<Report> draw_transfer(const std::string& path, std::size_t max_bytes);

}  // namespace tenon::keyctl
