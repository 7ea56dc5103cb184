// The main of every test program: starts the crypto libraries as our programs do, then runs the tests.
#include <tenon/metadata/digest.h>

#include <gtest/gtest.h>

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  tenon::init_crypto();
  return RUN_ALL_TESTS();
}
