// FakeLink: the link costs what the test says.
#pragma once

#include <tenon/client/ports/link.h>

namespace tenon::tests {

class FakeLink final : public client::Link {
 public:
  bool is_metered() override { return metered; }

  bool metered = false;
};

}  // namespace tenon::tests
