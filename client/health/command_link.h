// CommandLink: the link is metered when the configured command says so by exit status 0. Anything else is a link that is not:
// a command that is broken must not keep a device from every update. It is run as a health check is.
// Thread: one call at a time.
#pragma once

#include <tenon/client/ports/link.h>
#include <tenon/client/ports/reporter.h>

#include <string>
#include <vector>

namespace tenon::client {

class CommandLink final : public Link {
 public:
  // argv: the program first; empty: no link is metered. Caller must keep the reporter alive.
  CommandLink(std::vector<std::string> argv, Reporter& reporter) : argv_(std::move(argv)), reporter_(&reporter) {}

  // is_metered warns when the command cannot be started, does not end in 10 seconds, or ends with another status than 0 or 1.
  bool is_metered() override;

 private:
  std::vector<std::string> argv_;
  Reporter* reporter_;
};

}  // namespace tenon::client
