// tenon-keyctl token list and token probe.
#pragma once

#include <tenon/hsm/token.h>
#include <tenon/keyctl/report.h>

namespace tenon::keyctl {

// list_tokens says which tokens are there, and what is wrong with modules. No PIN. Errors: those of TokenProcess.
Result<Report> list_tokens(const hsm::TokenOptions& options);

// probe_token logs in and signs a test text with every mechanism that fits the key, by trying: what a module lists is not
// what it can. The text is no metadata and no proof. Errors: those of TokenSigner.
Result<Report> probe_token(const hsm::Pkcs11Uri& uri, const hsm::TokenOptions& options);

}  // namespace tenon::keyctl
