import { cp, rename, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { fileOnDisk } from '../../src/archive/file-on-disk.js';
import { MANIFEST_FORMAT, type Manifest } from '../../src/archive/manifest.js';
import { inspect, restore } from '../../src/index.js';
import { makeReadings } from '../bad-input/readings.js';
import { expectEqualDatabases } from '../integration/compare/databases.js';
import type { Databases } from '../integration/databases.js';
import { apachePair } from '../integration/servers.js';
import { queryValue } from '../integration/sql.js';
import { dumped, editManifest, expectFailure, expectRefusal, fileOfRows, flipByte } from './dumped.js';

let made: Promise<{ databases: Databases }> | undefined;

/** A dump of its own for a test; the databases are those of all, and nobody may change them. */
async function makeDump(): Promise<{ databases: Databases; folder: string }> {
  made ??= apachePair().then(async (pair) => ({
    databases: await makeReadings(pair, 'damaged_dump', "SELECT lo_from_bytea(0, 'a large object');"),
  }));
  const { databases } = await made;
  return { databases, folder: await dumped(databases) };
}

test('files that are missing or too short are found by their size before anything is changed, all of them', async () => {
  const { databases, folder } = await makeDump();
  const [short, missing] = [await fileOfRows(folder, 'device'), 'roles.sql'];
  await truncate(join(folder, short), 10);
  await rm(join(folder, missing));
  await expectRefusal(databases, folder, {
    code: 'ARCHIVE',
    says: [
      `expected the files of ${folder} as they were written`,
      new RegExp(`${short} has 10 bytes instead of \\d+`),
      `${missing} is missing`,
    ],
    advises: /Copy the dump again.*hyperferry inspect .* --verify/,
  });
});

test('a flipped byte is found by --check-files before anything is changed', async () => {
  const { databases, folder } = await makeDump();
  const file = await fileOfRows(folder, '_hyper_1_2_chunk');
  await flipByte(join(folder, file));
  await expectRefusal(
    databases,
    folder,
    {
      code: 'ARCHIVE',
      says: [`${file} has another content (SHA-256)`],
      advises: /Copy the dump again/,
    },
    { checkFiles: true },
  );
});

for (const file of ['toc.dat', 'record.json.gz', 'objects.json.gz']) {
  test(`a flipped byte of ${file} is found without --check-files`, async () => {
    const { databases, folder } = await makeDump();
    await flipByte(join(folder, file));
    await expectRefusal(databases, folder, {
      code: 'ARCHIVE',
      says: [new RegExp(`${file} has another content`)],
      advises: /Copy the dump again/,
    });
  });
}

test('a file that would be read in place of one of the dump is found', async () => {
  const { databases, folder } = await makeDump();
  const file = await fileOfRows(folder, 'device');
  const other = file.replace(/\.gz$/, '');
  await writeFile(join(folder, other), '1\tnobody\n\\.\n\n\n');
  await expectRefusal(databases, folder, {
    code: 'ARCHIVE',
    says: [`${other} is none of the dump's, and would be read in place of ${file}`],
    advises: /inspect/,
  });
});

test('a flipped byte that nobody looked for ends the restore with its name, and with the file it goes on', async () => {
  const databases = await makeReadings(await apachePair(), 'flipped_byte');
  const folder = await dumped(databases);
  const file = join(folder, await fileOfRows(folder, '_hyper_1_2_chunk'));
  await cp(file, `${folder}.whole`);
  await flipByte(file);
  const options = { from: folder, target: databases.target, jobs: 2 };
  await expectFailure(restore(options), {
    code: 'ARCHIVE',
    says: [`${file} cannot be read: its content cannot be decompressed`],
    advises: /half done and stays in restore mode(.|\n)*--resume(.|\n)*--clean-target/,
  });
  expect(await queryValue(databases.target, 'SELECT state FROM _hyperferry.run')).toBe('stopped');
  await rename(`${folder}.whole`, file);
  const { verification } = await restore({ ...options, resume: true });
  expect(verification?.equal).toBe(true);
  await expectEqualDatabases(databases.source, databases.target, databases.programs);
});

test('rows that are other than those that were written end the restore as a difference', async () => {
  const databases = await makeReadings(await apachePair(), 'other_rows');
  const folder = await dumped(databases, { compression: { algorithm: 'none' } });
  await writeFile(join(folder, await fileOfRows(folder, 'device')), '1\tnobody\n\\.\n\n\n');
  // Somebody has made the manifest agree.
  await editManifest(folder, ({ files, tables }) => {
    const { file } = tables.find(({ name }: { name: string }) => name === 'device');
    files.find(({ name }: { name: string }) => name === file).bytes = 14;
  });
  await expectFailure(restore({ from: folder, target: databases.target, jobs: 2 }), {
    code: 'DIFFERENT',
    says: ['rows of public.device: different'],
    advises: /half done/,
  });
});

const MANIFESTS: Readonly<
  Record<string, { edit: (folder: string) => Promise<void>; says: RegExp; advises: RegExp }>
> = {
  'of a newer format': {
    edit: (folder) => editManifest(folder, (manifest) => ({ ...manifest, format: MANIFEST_FORMAT + 1 })),
    says: new RegExp(
      `expected a manifest of format ${MANIFEST_FORMAT}, but .*manifest\\.json is of format ${MANIFEST_FORMAT + 1}`,
    ),
    advises: /newer.*README\.txt/,
  },
  'of an older format': {
    edit: (folder) => editManifest(folder, (manifest) => ({ ...manifest, format: MANIFEST_FORMAT - 1 })),
    says: new RegExp(
      `expected a manifest of format ${MANIFEST_FORMAT}, but .* is of format ${MANIFEST_FORMAT - 1}`,
    ),
    advises: /^Use the version of Hyperferry that made the dump; or restore it by hand: README\.txt\.$/,
  },
  'that is no JSON': {
    edit: (folder) => writeFile(join(folder, 'manifest.json'), `{"format": ${MANIFEST_FORMAT},`),
    says: /expected the manifest of a dump in .*manifest\.json, but .*JSON/,
    advises: /Take the file again.*README\.txt/,
  },
  'that is empty': {
    edit: (folder) => truncate(join(folder, 'manifest.json'), 0),
    says: /expected the manifest of a dump in .*manifest\.json, but .*JSON/,
    advises: /Take the file again/,
  },
  'that is JSON of something else': {
    edit: (folder) => writeFile(join(folder, 'manifest.json'), '["a", null]'),
    says: /expected the manifest of a dump in .*manifest\.json, but .*object.*array/,
    advises: /Take the file again/,
  },
  'without a field': {
    edit: (folder) => editManifest(folder, ({ files: _, ...manifest }) => manifest),
    says: /expected the manifest of a dump in .*manifest\.json, but files: /,
    advises: /Take the file again/,
  },
  'with a field of another kind': {
    edit: (folder) => editManifest(folder, (manifest) => ({ ...manifest, id: 7 })),
    says: /but id: .*expected string/,
    advises: /Take the file again/,
  },
  'that names a file in another folder': {
    edit: (folder) =>
      editManifest(folder, (manifest) => {
        manifest.files[0].name = '../../etc/passwd';
      }),
    says: /but files\.0\.name: expected the name of a file in the folder/,
    advises: /Take the file again/,
  },
  'that names no files': {
    edit: (folder) => editManifest(folder, (manifest) => ({ ...manifest, files: [] })),
    says: /but files: expected toc\.dat among them/,
    advises: /Take the file again/,
  },
  'that lacks the file of the record': {
    edit: (folder) => editManifest(folder, (manifest) => without(manifest, 'record.json.gz')),
    says: /but files: expected record\.json\.gz among them/,
    advises: /Take the file again/,
  },
  "that lacks a table's file": {
    edit: async (folder) => {
      const file = await fileOfRows(folder, 'device');
      await rm(join(folder, file));
      await editManifest(folder, (manifest) => without(manifest, file));
    },
    says: /but files: expected \d+\.dat\.gz among them/,
    advises: /Take the file again/,
  },
  'that names a file twice': {
    edit: (folder) =>
      editManifest(folder, (manifest) => ({ ...manifest, files: [...manifest.files, manifest.files[0]] })),
    says: /but files: expected \S+ once, but it is there again/,
    advises: /Take the file again/,
  },
};

function without(manifest: Manifest, file: string): Manifest {
  return { ...manifest, files: manifest.files.filter(({ name }) => name !== file) };
}

test('a record that is none is refused with its name', async () => {
  const { databases, folder } = await makeDump();
  await writeFile(join(folder, 'record.json.gz'), gzipSync('{}'));
  // Somebody has made the manifest agree.
  const file = await fileOnDisk(folder, 'record.json.gz');
  await editManifest(folder, (manifest) => ({
    ...manifest,
    files: [...without(manifest, file.name).files, file],
  }));
  await expectRefusal(databases, folder, {
    code: 'ARCHIVE',
    says: [/record\.json\.gz cannot be read: side: .*expected object/],
    advises: /checksum/,
  });
});

test('a dump that has lost its manifest is refused, and not taken for an archive of pg_dump', async () => {
  const { databases, folder } = await makeDump();
  await rm(join(folder, 'manifest.json'));
  const failure = {
    code: 'ARCHIVE',
    says: [
      `expected manifest.json in ${folder}, a folder of hyperferry dump: that dump did not end, or has lost it`,
    ],
    advises: /Copy the dump again.*or dump again/,
  } as const;
  await expectRefusal(databases, folder, failure);
  await expectFailure(inspect({ from: folder }), failure);
  await rm(join(folder, 'objects.json.gz'));
  await expectRefusal(databases, folder, failure);
});

test('a dump that did not end is refused by a link to it', async () => {
  const { databases, folder } = await makeDump();
  await rm(join(folder, 'manifest.json'));
  await rename(folder, join(folder, '../.dump.partial'));
  await symlink('.dump.partial', folder);
  await expectRefusal(databases, folder, {
    code: 'ARCHIVE',
    says: ['that dump did not end, or has lost it'],
    advises: /dump again/,
  });
});

for (const [what, { edit, says, advises }] of Object.entries(MANIFESTS)) {
  test(`a manifest ${what} is refused before anything is changed`, async () => {
    const { databases, folder } = await makeDump();
    await edit(folder);
    await expectRefusal(databases, folder, { code: 'ARCHIVE', says: [says], advises });
  });
}
