// What the harnesses of both sessions check with: whether two steps are the same, and whether a file was really signed.
#pragma once

#include <tenon/client/workflow/exchange.h>
#include <tenon/metadata/envelope.h>
#include <tenon/metadata/result.h>
#include <tenon/metadata/role_header.h>

namespace tenon::fuzz {

// same_step compares what next() gave, errors too.
bool same_step(const Result<client::Step>& a, const Result<client::Step>& b);

// envelope_of reads a file that is known to be well-formed; each text is parsed once, the checks read it many times.
const metadata::Envelope& envelope_of(ByteView file);

// vouched counts from the ledger, not by verifying: one vote for each of the role's keys whose holder has really made
// the signature that stands in the envelope.
bool vouched(const metadata::Envelope& envelope, const metadata::KeyMap& keys, const metadata::RoleKeys& role);

}  // namespace tenon::fuzz
