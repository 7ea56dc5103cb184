#include <tenon/hsm/pkcs11_uri.h>

#include <gtest/gtest.h>

namespace tenon::hsm {
namespace {

Error refusal(std::string_view text) {
  const Result<Pkcs11Uri> uri = Pkcs11Uri::parse(text);
  EXPECT_FALSE(uri) << text;
  return uri ? Error{ErrorCode::kParse, ""} : uri.error();
}

// Book: KEYT-13
TEST(Pkcs11Uri, ReadsEveryAttributeThatWeTakePercentDecoded) {
  const Result<Pkcs11Uri> uri = Pkcs11Uri::parse(
      "pkcs11:token=Acme%20root;manufacturer=Yubico;model=YubiKey%205;serial=15938791;object=a%3Bb;id=%01%ff;"
      "type=private?module-name=ykcs11&pin-source=file:/run/pin");
  ASSERT_TRUE(uri) << uri.error().message;
  EXPECT_EQ(*uri->token, "Acme root");
  EXPECT_EQ(*uri->manufacturer, "Yubico");
  EXPECT_EQ(*uri->model, "YubiKey 5");
  EXPECT_EQ(*uri->serial, "15938791");
  EXPECT_EQ(*uri->object, "a;b");
  EXPECT_EQ(*uri->id, (Bytes{1, 0xff}));
  EXPECT_EQ(*uri->module_name, "ykcs11");
  EXPECT_EQ(*uri->pin_source, "file:/run/pin");
}

TEST(Pkcs11Uri, WritesWhatItReadsButForWhereThePinIs) {
  Pkcs11Uri uri = *Pkcs11Uri::parse("pkcs11:token=a%20b;object=x;id=%01%ff?module-name=m&pin-source=file:/secret");
  EXPECT_EQ(uri.text(), "pkcs11:token=a%20b;object=x;id=%01%FF?module-name=m");
  uri.pin_source.reset();
  EXPECT_EQ(*Pkcs11Uri::parse(uri.text()), uri);
}

// Book: KEYT-13
TEST(Trap11, ADuplicateOrUnknownAttributeIsRefusedWhichP11KitWouldDropInSilence) {
  EXPECT_NE(refusal("pkcs11:id=%01;id=%02").message.find("twice"), std::string::npos);
  EXPECT_NE(refusal("pkcs11:token=a;serail=1").message.find("serail"), std::string::npos);
  EXPECT_NE(refusal("pkcs11:token=a;x-vendor=1").message.find("x-vendor"), std::string::npos);
  EXPECT_NE(refusal("pkcs11:token=a?module-name=a&module-name=b").message.find("twice"), std::string::npos);
}

// Book: KEYT-15
TEST(Trap11, APinInTheUriIsRefusedAndNeverRepeated) {
  for (const char* text :
       {"pkcs11:token=a?pin-value=canary", "pkcs11:token=a;pin-value=canary", "pkcs11:token=a?pin_value=canary",
        "pkcs11:token=a?pinfile=canary", "pkcs11:token=%canary", "pkcs11:token=a canary"}) {
    const Error error = refusal(text);
    EXPECT_EQ(error.code, ErrorCode::kUsage) << text;
    EXPECT_EQ((error.message + error.hint).find("canary"), std::string::npos) << error.message;
  }
}

TEST(Trap11, ASlotNumberIsRefusedSinceItChanges) {
  EXPECT_NE(refusal("pkcs11:slot-id=1").message.find("slot"), std::string::npos);
}

TEST(Trap15, AModulePathIsRefusedSinceATextMustNotLoadCode) {
  EXPECT_NE(refusal("pkcs11:token=a?module-path=/tmp/evil.so").hint.find("--pkcs11-module"), std::string::npos);
}

TEST(Pkcs11Uri, RefusesWhatIsNoKeyAndWhatNoTokenShows) {
  for (const char* text :
       {"pkcs11:type=cert", "pkcs11:type=data", "pkcs11:object=", "pkcs11:object", "pkcs11:object=%0a",
        "pkcs11:object=%ff", "pkcs11:serial=12345678901234567", "pkcs11:;", "http:token=a", "pkcs11:token=a;;id=%01"}) {
    EXPECT_FALSE(Pkcs11Uri::parse(text)) << text;
  }
  EXPECT_FALSE(Pkcs11Uri::parse("pkcs11:object=" + std::string(5000, 'a')));
}

TEST(Pkcs11Uri, MayNameNothingAtAll) {
  EXPECT_EQ(*Pkcs11Uri::parse("pkcs11:"), Pkcs11Uri());
}

}  // namespace
}  // namespace tenon::hsm
