// client: tough behind the command line that all clients of ./dev interop have (peers.py tells it).
use std::{env, error::Error, fs, path::PathBuf, process::ExitCode};
use tough::{async_trait, DefaultTransport, Prefix, RepositoryLoader, TargetName};
use tough::{Transport, TransportError, TransportStream};
use url::Url;

/// The value of an option; the options of all commands come before or after the command's name.
fn option(words: &[String], name: &str) -> Result<String, String> {
    let at = words.iter().position(|word| word == name);
    at.and_then(|at| words.get(at + 1)).cloned().ok_or(format!("{name} is missing"))
}

/// A base URL, which must end in a slash to be joined with a name.
fn base(text: String) -> Result<Url, url::ParseError> {
    Url::parse(&format!("{}/", text.trim_end_matches('/')))
}

/// tough asks for HASH.folder/name where the specification, all other clients and tenon-repo say folder/HASH.name; this
/// transport asks for what is there. Which bytes come is as untrusted as ever: tough checks them all the same.
#[derive(Debug, Clone)]
struct HashBeforeName {
    targets: String,
    transport: DefaultTransport,
}

impl HashBeforeName {
    fn moved(&self, url: &Url) -> Option<Url> {
        let (hash, path) = url.as_str().strip_prefix(&self.targets)?.split_once('.')?;
        let (folder, name) = path.rsplit_once('/')?;
        Url::parse(&format!("{}{folder}/{hash}.{name}", self.targets)).ok()
    }
}

#[async_trait]
impl Transport for HashBeforeName {
    async fn fetch(&self, url: Url) -> Result<TransportStream, TransportError> {
        self.transport.fetch(self.moved(&url).unwrap_or(url)).await
    }
}

/// The root that init brought. tough keeps no newer one and walks from here each time.
fn trusted_root(folder: &PathBuf) -> Result<Vec<u8>, std::io::Error> {
    fs::read(folder.join("root.json"))
}

async fn run(words: &[String]) -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(option(words, "--metadata-dir")?);
    if let Some(at) = words.iter().position(|word| word == "init") {
        fs::create_dir_all(&folder)?;
        fs::copy(words.get(at + 1).ok_or("init needs a root")?, folder.join("root.json"))?;
        return Ok(());
    }
    let metadata = base(option(words, "--metadata-url")?)?;
    let targets = option(words, "--target-base-url").map_or(base("http://localhost/unused".into()), base)?;
    let store = folder.join("store");
    fs::create_dir_all(&store)?;
    let root = trusted_root(&folder)?;
    let transport = HashBeforeName { targets: targets.to_string(), transport: DefaultTransport::new() };
    let loader = RepositoryLoader::new(&root, metadata, targets).transport(transport).datastore(store);
    let repository = loader.load().await?;
    if words.iter().any(|word| word == "download") {
        let name = TargetName::new(option(words, "--target-name")?)?;
        let out = PathBuf::from(option(words, "--target-dir")?);
        fs::create_dir_all(&out)?;
        repository.save_target(&name, out, Prefix::None).await?;
    }
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let words: Vec<String> = env::args().skip(1).collect();
    match run(&words).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
