// The process that runs a PKCS#11 module for test_hsm, as tenon-keyctl and tenon-repo start one of themselves.
#include <tenon/hsm/token_agent.h>
#include <tenon/metadata/digest.h>

int main(int argc, char** argv) {
  tenon::init_crypto();
  return tenon::hsm::run_token_agent_if_asked(argc, argv).value_or(2);
}
