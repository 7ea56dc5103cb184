#include <tenon/keyctl/command_line.h>

namespace tenon::keyctl {

Result<std::vector<hsm::SecretSource>> parse_sources(const std::vector<std::string>& texts) {
  std::vector<hsm::SecretSource> sources;
  for (const std::string& text : texts) {
    TENON_TRY(hsm::SecretSource source, hsm::SecretSource::parse(text));
    sources.push_back(std::move(source));
  }
  return sources;
}

Result<std::vector<hsm::KeyFile>> read_key_files(const std::vector<std::string>& paths) {
  std::vector<hsm::KeyFile> files;
  for (const std::string& path : paths) {
    TENON_TRY(hsm::KeyFile file, hsm::read_key_file(path));
    files.push_back(std::move(file));
  }
  return files;
}

Result<KeyNames> read_names(const std::vector<std::string>& paths) {
  KeyNames names;
  for (const std::string& path : paths) {
    TENON_TRY(const hsm::KeyFile file, hsm::read_key_file(path));
    names.add(file);
  }
  return names;
}

}  // namespace tenon::keyctl
