// SoftToken: SoftHSM in a folder of its own, with the token "ceremony" whose PIN is kPin, and our faulty module around
// it.
#pragma once

#include <tenon/hsm/token_signer.h>

#include <cstdlib>
#include <fstream>
#include <map>
#include <string>

#include <tests/hsm/temp_folder.h>
#include <tests/support/places.h>

namespace tenon::hsm {

class SoftToken {
 public:
  static constexpr const char* kPin = "canary-4711";
  static constexpr const char* kModule = "/usr/lib/softhsm/libsofthsm2.so";

  SoftToken() {
    std::filesystem::create_directory(folder_ / "tokens");
    folder_.write("softhsm2.conf", "directories.tokendir = " + (folder_ / "tokens").native() +
                                       "\nobjectstore.backend = file\nlog.level = ERROR\n");
    folder_.write("pin", kPin);
    ::setenv("SOFTHSM2_CONF", (folder_ / "softhsm2.conf").c_str(), 1);
    ::setenv("TENON_FAULTY_PKCS11", (folder_ / "script").c_str(), 1);
    add_token("ceremony");
  }

  const TempFolder& folder() const { return folder_; }

  static void add_token(const std::string& label) {
    run("softhsm2-util --init-token --free --label '" + label + "' --so-pin 12345678 --pin " + kPin);
  }

  TokenOptions options(std::string_view pin_file = "pin") const {
    TokenOptions options;
    options.module.module = kModule;
    options.module.agent = tests::binary_dir() / "tests/token_agent";
    options.pin = *SecretSource::parse("file:" + (folder_ / pin_file).native());
    return options;
  }

  // Options for the faulty module with this script around SoftHSM; begins a new count of calls.
  TokenOptions faulty(const std::string& script, std::string_view pin_file = "pin") const {
    std::filesystem::remove(folder_ / "calls");
    folder_.write("script",
                  "wrap " + std::string(kModule) + "\nlog " + (folder_ / "calls").native() + "\n" + script + "\n");
    TokenOptions faulty = options(pin_file);
    faulty.module.module = tests::binary_dir() / "tests/support/libfaulty_pkcs11.so";
    return faulty;
  }

  // How often each line stands in the log of the faulty module.
  std::map<std::string, int> calls() const {
    std::map<std::string, int> counts;
    std::ifstream log(folder_ / "calls");
    for (std::string line; std::getline(log, line);) ++counts[line];
    return counts;
  }

  // generate Pre: it works.
  Token::Key generate(KeyType type, const std::string& label, std::uint8_t id, bool always = false) const {
    Token token = *Token::find(uri(), options(), Token::Use::kWrite);
    TENON_CHECK(token.login().has_value());
    return *token.generate(type, label, {id}, always);
  }

  static Pkcs11Uri uri(const std::string& text = "pkcs11:token=ceremony") { return *Pkcs11Uri::parse(text); }

  // tool runs pkcs11-tool on the token, logged in.
  static void tool(const std::string& arguments) {
    run(std::string("pkcs11-tool --module ") + kModule + " --token-label ceremony --login --pin " + kPin + " " +
        arguments);
  }

  static void run(const std::string& command) {
    const std::string quiet = command + " >/dev/null 2>&1";
    TENON_CHECK(std::system(quiet.c_str()) == 0);
  }

 private:
  TempFolder folder_;
};

}  // namespace tenon::hsm
