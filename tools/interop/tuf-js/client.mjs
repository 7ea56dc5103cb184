// client: tuf-js behind the command line that all clients of ./dev interop have (peers.py tells it).
import fs from 'node:fs';
import path from 'node:path';
import { Updater } from 'tuf-js';

const COMMANDS = ['init', 'refresh', 'download'];

// "--metadata-dir D refresh" to {command: 'refresh', 'metadata-dir': 'D'}; init is followed by the root's file.
function parse(words) {
  const given = {};
  for (let at = 0; at < words.length; at++) {
    if (words[at].startsWith('--')) given[words[at].slice(2)] = words[++at];
    else if (COMMANDS.includes(words[at])) given.command = words[at];
    else given.root = words[at];
  }
  return given;
}

async function run(given) {
  const metadataDir = given['metadata-dir'];
  fs.mkdirSync(metadataDir, { recursive: true });
  if (given.command === 'init') return fs.copyFileSync(given.root, path.join(metadataDir, 'root.json'));

  const targetDir = given['target-dir'];
  if (targetDir) fs.mkdirSync(targetDir, { recursive: true });
  const updater = new Updater({
    metadataDir, metadataBaseUrl: given['metadata-url'], targetDir, targetBaseUrl: given['target-base-url'],
  });
  await updater.refresh();
  if (given.command !== 'download') return;
  const target = await updater.getTargetInfo(given['target-name']);
  if (!target) throw new Error(`there is no target ${given['target-name']}`);
  console.log((await updater.findCachedTarget(target)) ?? (await updater.downloadTarget(target)));
}

run(parse(process.argv.slice(2))).catch((error) => {
  console.error(`error: ${error.name}: ${error.message}`);
  process.exit(1);
});
