// write_cases OUT: repositories written with tuf-js's metadata classes, in folders as python-tuf/author.py tells.
import { canonicalize } from '@tufjs/canonical-json';
import { Metadata, Signature } from '@tufjs/models';
import crypto from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';

const EXPIRES = new Date(Date.now() + 365 * 86400_000).toISOString().replace(/\.\d+Z$/, 'Z');
const TOP_LEVEL = ['root', 'targets', 'snapshot', 'timestamp'];
const sha256 = (data) => crypto.createHash('sha256').update(data).digest('hex');

// A key pair: what metadata says of it, and how it signs.
function makeKey(kind) {
  const [type, options, scheme, signing] = {
    ed25519: ['ed25519', {}, 'ed25519', {}],
    ecdsa: ['ec', { namedCurve: 'P-256' }, 'ecdsa-sha2-nistp256', {}],
    rsa: ['rsa', { modulusLength: 2048 }, 'rsassa-pss-sha256',
      { padding: crypto.constants.RSA_PKCS1_PSS_PADDING, saltLength: crypto.constants.RSA_PSS_SALTLEN_DIGEST }],
  }[kind];
  const pair = crypto.generateKeyPairSync(type, options);
  const value = kind === 'ed25519'
    ? pair.publicKey.export({ type: 'spki', format: 'der' }).subarray(-32).toString('hex')
    : pair.publicKey.export({ type: 'spki', format: 'pem' });
  const json = { keytype: kind, scheme, keyval: { public: value } };
  const keyid = sha256(canonicalize(json));
  const sign = (data) => {
    const signature = crypto.sign(kind === 'ed25519' ? null : 'sha256', data, { key: pair.privateKey, ...signing });
    return new Signature({ keyID: keyid, sig: signature.toString('hex') });
  };
  return { keyid, json, sign };
}

const header = (type, version) => ({ _type: type, spec_version: '1.0.31', version, expires: EXPIRES });
const keysOf = (keys) => Object.fromEntries(keys.map((key) => [key.keyid, key.json]));

class Author {
  constructor(out, name, title, kind = 'ed25519') {
    Object.assign(this, { folder: path.join(out, name), title, version: 0, roots: 0 });
    Object.assign(this, { files: {}, contents: {}, steps: [] });
    this.keys = Object.fromEntries(TOP_LEVEL.map((role) => [role, [makeKey(kind)]]));
    this.roles = { targets: { targets: {} } };
    this.writeRoot([]);
    fs.mkdirSync(this.folder, { recursive: true });
    fs.writeFileSync(path.join(this.folder, 'root.json'), this.files['1.root.json']);
  }

  signed(kind, json, keys) {
    const metadata = Metadata.fromJSON(kind, { signed: json, signatures: [] });
    for (const key of keys) metadata.sign(key.sign);
    return JSON.stringify(metadata.toJSON());
  }

  writeRoot(before) {
    this.roots += 1;
    const roles = Object.fromEntries(TOP_LEVEL.map((role) => [role,
      { keyids: this.keys[role].map((key) => key.keyid), threshold: this.keys[role].length }]));
    const keys = keysOf(TOP_LEVEL.flatMap((role) => this.keys[role]));
    const json = { ...header('root', this.roots), consistent_snapshot: true, keys, roles };
    this.files[`${this.roots}.root.json`] = this.signed('root', json, [...before, ...this.keys.root]);
  }

  rotate(keys) {
    const before = this.keys.root;
    Object.assign(this.keys, keys);
    this.writeRoot(keys.root ? before : []);
  }

  addTarget(role, name) {
    const content = `${this.title}: ${name}\n`;
    this.contents[name] = content;
    this.roles[role].targets[name] = { length: Buffer.byteLength(content), hashes: { sha256: sha256(content) } };
  }

  delegate(parent, name, rule, keys = [makeKey('ed25519')]) {
    const delegations = (this.roles[parent].delegations ??= { keys: {}, roles: [] });
    Object.assign(delegations.keys, keysOf(keys));
    const keyids = keys.map((key) => key.keyid);
    delegations.roles.push({ name, keyids, threshold: keys.length, terminating: false, ...rule });
    this.keys[name] = keys;
    this.roles[name] = { targets: {} };
  }

  delegateToSuccinctBins(prefix, bitLength) {
    const key = makeKey('ed25519');
    this.roles.targets.delegations = {
      keys: keysOf([key]),
      succinct_roles: { keyids: [key.keyid], threshold: 1, bit_length: bitLength, name_prefix: prefix },
    };
    const digits = Math.ceil(bitLength / 4);
    for (let bin = 0; bin < 2 ** bitLength; bin++) {
      const name = `${prefix}-${bin.toString(16).padStart(digits, '0')}`;
      this.keys[name] = [key];
      this.roles[name] = { targets: {} };
    }
  }

  // All is signed anew at each step, so that one number is the version of every role but root.
  step(name, refused = []) {
    const version = ++this.version;
    const pin = (data) => ({ version, length: Buffer.byteLength(data), hashes: { sha256: sha256(data) } });
    const meta = {};
    for (const [role, content] of Object.entries(this.roles)) {
      const data = this.signed('targets', { ...header('targets', version), ...content }, this.keys[role]);
      this.files[`${version}.${role}.json`] = data;
      meta[`${role}.json`] = pin(data);
    }
    const snapshot = this.signed('snapshot', { ...header('snapshot', version), meta }, this.keys.snapshot);
    this.files[`${version}.snapshot.json`] = snapshot;
    const timestamp = { ...header('timestamp', version), meta: { 'snapshot.json': pin(snapshot) } };
    this.files['timestamp.json'] = this.signed('timestamp', timestamp, this.keys.timestamp);
    this.write(path.join(this.folder, name));
    const targets = Object.fromEntries(Object.entries(this.contents).map(([file, content]) => [file, sha256(content)]));
    for (const file of refused) targets[file] = null;
    this.steps.push({ folder: name, targets });
    fs.writeFileSync(path.join(this.folder, 'case.json'), JSON.stringify({ title: this.title, steps: this.steps }));
  }

  write(folder) {
    fs.mkdirSync(path.join(folder, 'metadata'), { recursive: true });
    for (const [file, data] of Object.entries(this.files)) fs.writeFileSync(path.join(folder, 'metadata', file), data);
    for (const [name, content] of Object.entries(this.contents)) {
      const { dir, base } = path.parse(name);
      fs.mkdirSync(path.join(folder, 'targets', dir), { recursive: true });
      fs.writeFileSync(path.join(folder, 'targets', dir, `${sha256(content)}.${base}`), content);
    }
  }
}

function writeDelegations(out) {
  const author = new Author(out, 'delegations', 'delegations three deep, one terminating, one by hash prefix');
  author.delegate('targets', 'one', { paths: ['one/*', 'one/*/*'] });
  author.delegate('one', 'two', { paths: ['one/two/*'], terminating: true });
  author.delegate('one', 'behind', { paths: ['one/two/*'] });
  author.delegate('two', 'three', { paths: ['one/two/c*'] }, [makeKey('ecdsa'), makeKey('rsa')]);
  author.delegate('targets', 'low', { path_hash_prefixes: [...'01234567'] });
  author.delegate('targets', 'high', { path_hash_prefixes: [...'89abcdef'] });
  author.addTarget('targets', 'top.txt');
  author.addTarget('one', 'one/a.txt');
  author.addTarget('two', 'one/two/b.txt');
  author.addTarget('three', 'one/two/c.txt');
  author.addTarget('behind', 'one/two/behind.txt');
  for (const name of ['x/1.tar', 'x/2.tar', 'x/3.tar', 'x/4.tar']) {
    author.addTarget(sha256(name)[0] < '8' ? 'low' : 'high', name);
  }
  author.step('first', ['one/two/behind.txt', 'absent.txt']);
}

function writeBins(out) {
  const author = new Author(out, 'succinct-bins', 'succinct roles (TAP 15), 32 bins');
  author.delegateToSuccinctBins('bin', 5);
  for (let number = 0; number < 10; number++) {
    const name = `package/${number}.tar`;
    const bin = parseInt(sha256(name).slice(0, 8), 16) >>> 27;
    author.addTarget(`bin-${bin.toString(16).padStart(2, '0')}`, name);
  }
  author.step('first', ['package/99.tar']);
}

function writeRotations(out) {
  const author = new Author(out, 'rotations', 'Ed25519 rotated to ECDSA and RSA, thresholds raised to 2', 'ed25519');
  author.addTarget('targets', 'top.txt');
  author.step('first');
  author.rotate({ root: [makeKey('ecdsa'), makeKey('ed25519')] });
  author.rotate({ targets: [makeKey('rsa'), makeKey('ecdsa')], timestamp: [makeKey('ecdsa')] });
  author.addTarget('targets', 'next.txt');
  author.step('second');
  author.rotate({ root: [makeKey('rsa')], snapshot: [makeKey('ecdsa')] });
  author.step('third');
}

const out = process.argv[2];
for (const write of [writeDelegations, writeBins, writeRotations]) write(out);
