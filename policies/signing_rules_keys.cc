// P12 to P16, P32, P33: what keys are: algorithm, size, spelling, age.
#include <tenon/metadata/pem.h>
#include <tenon/metadata/utf8.h>
#include <tenon/policies/judged.h>
#include <tenon/policies/rsa_key.h>
#include <tenon/policies/signing_rule_groups.h>

#include <algorithm>

namespace tenon::policies {
namespace {

using metadata::PublicKey;

// What the oldest client in the field must be to verify a scheme.
struct KnownScheme {
  std::string_view scheme;
  SoftwareVersion tenon;
  SoftwareVersion openssl;
};
constexpr KnownScheme kKnownSchemes[] = {
    {"ed25519", {0, 1}, {3, 0}},
    {"ecdsa-sha2-nistp256", {0, 1}, {3, 0}},
    {"ecdsa-sha2-nistp384", {0, 1}, {3, 0}},
    {"rsassa-pss-sha256", {0, 1}, {3, 0}},
    {"ml-dsa-44/1", {0, 1}, {3, 5}},
    {"ml-dsa-65/1", {0, 1}, {3, 5}},
    {"ml-dsa-87/1", {0, 1}, {3, 5}},
};
constexpr std::uint64_t kRsaExponent = 65'537;

std::string scheme_of(const PublicKey& key) {
  return printable(key.keytype(), 40) + " / " + printable(key.scheme(), 40);
}

std::string listed(const std::vector<std::string>& texts) {
  std::string all;
  for (const std::string& text : texts) all += (all.empty() ? "" : ", ") + text;
  return all;
}

const std::string* public_text(const PublicKey& key) {
  const json::Value* keyval = key.value().object()->find("keyval");
  const json::Value* text =
      keyval != nullptr && keyval->object() != nullptr ? keyval->object()->find("public") : nullptr;
  return text == nullptr ? nullptr : text->string();
}

bool is_post_quantum(const PublicKey& key) {
  return key.keytype() == "ml-dsa";
}

bool has_keys(const SigningFacts& facts) {
  return !all_keys(facts).empty();
}

// --- P12

void check_scheme(const SigningFacts& facts, const JudgedKey& key, Breaches& breaches) {
  const Algorithms& algorithms = facts.policy.algorithms;
  if (std::ranges::find(algorithms.allow, key.key->scheme()) == algorithms.allow.end()) {
    return breaches.add(key.place, "one of " + listed(algorithms.allow), scheme_of(*key.key));
  }
  const auto known = std::ranges::find(kKnownSchemes, key.key->scheme(), &KnownScheme::scheme);
  if (known == std::end(kKnownSchemes) || metadata::find_scheme(key.key->keytype(), key.key->scheme()) == nullptr) {
    return breaches.add(key.place, "a keytype and a scheme that clients know", scheme_of(*key.key));
  }
  if (known->tenon > algorithms.client_floor_tenon || known->openssl > algorithms.client_floor_openssl) {
    return breaches.add(
        key.place,
        "a scheme that the oldest client in the field verifies (Tenon " + algorithms.client_floor_tenon.text() +
            ", OpenSSL " + algorithms.client_floor_openssl.text() + ")",
        scheme_of(*key.key) + ", since Tenon " + known->tenon.text() + ", OpenSSL " + known->openssl.text());
  }
  if (!key.key->material()) {
    breaches.add(key.place, "a key that is one of its scheme",
                 scheme_of(*key.key) + ", which does not decode as such: it is worth no vote");
  }
}

std::vector<Breach> check_schemes(const SigningFacts& facts) {
  Breaches breaches;
  for (const JudgedKey& key : all_keys(facts)) check_scheme(facts, key, breaches);
  return std::move(breaches).take();
}

// --- P13

std::vector<Breach> check_rsa(const SigningFacts& facts) {
  Breaches breaches;
  for (const JudgedKey& key : all_keys(facts)) {
    if (key.key->keytype() != "rsa" || !key.key->material()) continue;
    const std::string expected =
        "RSA of " + std::to_string(facts.policy.algorithms.rsa_min_bits) + " bits or more, exponent 65537";
    const std::optional<RsaNumbers> numbers = rsa_numbers(key.key->material()->key);
    if (!numbers) {
      breaches.add(key.place, expected, "a key whose numbers cannot be read");
    } else if (numbers->bits < facts.policy.algorithms.rsa_min_bits || numbers->exponent != kRsaExponent) {
      breaches.add(key.place, expected,
                   "RSA of " + std::to_string(numbers->bits) + " bits, exponent " + std::to_string(numbers->exponent));
    }
  }
  return std::move(breaches).take();
}

// --- P14

std::vector<Breach> check_keyids(const SigningFacts& facts) {
  Breaches breaches;
  for (const JudgedKey& key : all_keys(facts)) {
    const metadata::KeyId hash = key.key->hash_keyid();
    if (hash != *key.keyid) breaches.add(key.place, "keyid " + hash.text(), "keyid " + printable(key.keyid->text()));
  }
  return std::move(breaches).take();
}

// --- P15

void check_spelling(const JudgedKey& key, Breaches& breaches) {
  const auto check_members = [&](const json::Value* value, std::initializer_list<std::string_view> known) {
    if (value == nullptr || value->object() == nullptr) return;
    for (const json::Member& member : *value->object()) {
      if (std::ranges::find(known, member.name) == known.end()) {
        breaches.add(key.place, "no members but keytype, scheme and keyval.public",
                     "\"" + printable(member.name, 40) + "\"");
      }
    }
  };
  check_members(&key.key->value(), {"keytype", "scheme", "keyval"});
  check_members(key.key->value().object()->find("keyval"), {"public"});
  const std::string* text = public_text(*key.key);
  if (text == nullptr || !text->starts_with("-----BEGIN")) return;
  const std::optional<Bytes> der = metadata::der_of(*text);
  if (!der || metadata::pem_of(*der) != *text) {
    breaches.add(key.place, "a PEM of 64 columns, LF, one LF at its end",
                 "another spelling: another keyid for one key");
  }
}

std::vector<Breach> check_spellings(const SigningFacts& facts) {
  Breaches breaches;
  for (const JudgedKey& key : all_keys(facts)) check_spelling(key, breaches);
  return std::move(breaches).take();
}

// --- P16

std::vector<Breach> check_legacy(const SigningFacts& facts) {
  const Severity severity =
      facts.policy.algorithms.legacy_keytypes == LegacyKeys::kDeny ? Severity::kError : Severity::kWarning;
  Breaches breaches;
  for (const JudgedKey& key : all_keys(facts)) {
    if (!key.key->scheme().starts_with("ecdsa-sha2-")) continue;
    const std::string* text = public_text(*key.key);
    const bool hex = text != nullptr && !text->starts_with("-----BEGIN");
    if (key.key->keytype() == "ecdsa" && !hex) continue;
    breaches.add(key.place, "keytype ecdsa with a PEM",
                 "keytype " + printable(key.key->keytype(), 40) + (hex ? " with a point in hex" : ""), severity);
  }
  return std::move(breaches).take();
}

// --- P32

bool wants_post_quantum(const SigningFacts& facts) {
  if (facts.now < facts.policy.algorithms.pq_required_from) return false;
  if (facts.occasion == Occasion::kPublish && judged_file(facts).limits->min_pq_signatures > 0) return true;
  const std::vector<JudgedRole> roles = judged_roles(facts);
  return std::ranges::any_of(roles, [](const JudgedRole& role) { return role.limits->min_pq_signatures > 0; });
}

// Keys first: a role without such keys can never have the signatures. What is published must have them.
std::vector<Breach> check_post_quantum(const SigningFacts& facts) {
  Breaches breaches;
  for (const JudgedRole& role : judged_roles(facts)) {
    const std::vector<JudgedKey> keys = keys_of(role);
    const auto count = std::ranges::count_if(keys, [](const JudgedKey& key) { return is_post_quantum(*key.key); });
    if (count < role.limits->min_pq_signatures) {
      breaches.add(role.place + "/keys", std::to_string(role.limits->min_pq_signatures) + " post-quantum keys or more",
                   std::to_string(count));
    }
  }
  const std::optional<metadata::KeyMap> all = signers(facts);
  if (facts.occasion == Occasion::kPublish && all) {
    const JudgedFile file = judged_file(facts);
    const auto count = std::ranges::count_if(facts.signatures, [&](const metadata::Signature& signature) {
      const auto key = all->find(signature.keyid);
      return key != all->end() && is_post_quantum(key->second);
    });
    if (count < file.limits->min_pq_signatures) {
      breaches.add("signatures", std::to_string(file.limits->min_pq_signatures) + " post-quantum signatures or more",
                   std::to_string(count));
    }
  }
  return std::move(breaches).take();
}

// --- P33

std::vector<Breach> check_ages(const SigningFacts& facts) {
  Breaches breaches;
  for (const JudgedRole& role : judged_roles(facts)) {
    if (role.limits->max_key_age_days == 0) continue;
    const std::string expected = "a key of at most " + std::to_string(role.limits->max_key_age_days) + " days";
    for (const JudgedKey& key : keys_of(role)) {
      const Custodian* custodian = facts.policy.custodian(*key.keyid);
      if (custodian == nullptr) {
        breaches.add(key.place, expected, "an unknown age: the policy names no custodian");
        continue;
      }
      const std::int64_t age = seconds_between(custodian->since, facts.now);
      if (age > role.limits->max_key_age_days * kDaySeconds) breaches.add(key.place, expected, days_text(age));
    }
  }
  return std::move(breaches).take();
}

constexpr SigningRule kRules[] = {
    {.id = "P12",
     .severity = Severity::kError,
     .title = "keys are of an allowed scheme, known to the oldest client in the field, and what they say they are",
     .standard = "ed25519, ecdsa-sha2-nistp256, rsassa-pss-sha256, ml-dsa-65/1, ml-dsa-87/1; clients with OpenSSL 3.0",
     .source = "NIST SP 800-57; UN R155 7.3.8; sigstore/root-signing-staging#25",
     .explanation = "a key that clients cannot verify is worth no vote, and some clients refuse the whole file for it",
     .advice = "make another key, or raise client_floor once no older client is left",
     .concerns = has_keys,
     .check = check_schemes},
    {.id = "P13",
     .severity = Severity::kError,
     .title = "RSA keys are long enough and have the exponent 65537",
     .standard = "3072 bits",
     .source = "NIST SP 800-57: 128 bits of security",
     .explanation = "shorter keys fall within the life of a device; other exponents have a history of flaws",
     .advice = "make a new key; prefer ecdsa-p256 or ed25519",
     .concerns = has_keys,
     .check = check_rsa},
    {.id = "P14",
     .severity = Severity::kError,
     .title = "a keyid is the SHA-256 of its key",
     .standard = "on",
     .source = "TUF specification 4.2.1; tuf-on-ci",
     .explanation = "a keyid of another form hides which key is meant, and some clients refuse it",
     .advice = "list the key under its own keyid; tenon-keyctl key show prints it",
     .concerns = has_keys,
     .check = check_keyids},
    {.id = "P15",
     .severity = Severity::kError,
     .title = "key objects have no further members and one spelling",
     .standard = "on",
     .source = "sigstore/root-signing#1387; sigstore/sigstore-rust#163",
     .explanation =
         "an owner's name or another line end in a key makes another keyid of the same key, and clients differ on it",
     .advice = "take the key from its .tenon-key file; names belong in the custodians of the policy",
     .concerns = has_keys,
     .check = check_spellings},
    {.id = "P16",
     .severity = Severity::kWarning,
     .title = "ECDSA keys are not in an old spelling",
     .standard = "warn",
     .source = "theupdateframework/go-tuf#223",
     .explanation = "keytype ecdsa-sha2-nistp256 and points in hex are read by some clients only",
     .advice = "rotate to the same key with keytype ecdsa and a PEM, or set legacy_keytypes",
     .concerns =
         [](const SigningFacts& facts) {
           return facts.policy.algorithms.legacy_keytypes != LegacyKeys::kAllow && has_keys(facts);
         },
     .check = check_legacy},
    {.id = "P32",
     .severity = Severity::kWarning,
     .title = "post-quantum signatures stand beside the others",
     .standard = "one of root from 2030-01-01",
     .source = "CNSA 2.0; gittuf/gittuf#1516",
     .explanation = "a threshold of classical keys falls as a whole; they are counted apart for that reason",
     .advice = "add an ml-dsa-65 key where OpenSSL has it, and raise client_floor first",
     .concerns = wants_post_quantum,
     .check = check_post_quantum},
    {.id = "P33",
     .severity = Severity::kWarning,
     .title = "no key is older than its cryptoperiod",
     .standard = "5 years for root, 3 for targets and delegated roles, 1 for online keys",
     .source = "NIST SP 800-57 5.3.6",
     .explanation = "the longer a key is in use, the likelier it was copied without a trace",
     .advice = "rotate the key; the age is counted from its custodian's \"since\" in the policy",
     .concerns = has_keys,
     .check = check_ages},
};

}  // namespace

std::span<const SigningRule> key_rules() {
  return kRules;
}

}  // namespace tenon::policies
