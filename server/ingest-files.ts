// Which files a load is about, and by which key each is known. The key of a file is its path below the folder that all named
// paths share: naming every part of a folder gives the keys that naming the folder gives, and no two files have one key.

import { readdir, stat } from 'node:fs/promises'
import { basename, dirname, join, relative, resolve, sep } from 'node:path'

export type Found = { file: string; key: string }

export type FoundNot = {
  /** A file that is there and cannot be loaded. */
  refuse: (key: string, why: string) => void
  /** A folder of which not everything was seen; '' when a named path is missing. */
  miss: (folder: string, why: string) => void
}

/** Files and folders whose names begin with a dot are left out, unless they are named themselves. */
export async function* filesOf(paths: string[], { refuse, miss }: FoundNot): AsyncGenerator<Found> {
  const named = await Promise.all(
    paths.map(async (path) => {
      const info = await stat(path).catch(() => undefined)
      return { path: resolve(path), info, folder: info?.isDirectory() ? resolve(path) : dirname(resolve(path)) }
    }),
  )
  const root = sharedFolder(named.map(({ folder }) => folder))
  const seen = new Map<string, string>()
  for (const { path, info } of named) {
    if (!info) miss('', `${path}: There is no such file.`)
    else if (!info.isDirectory()) yield* once(path)
    else for await (const file of filesBelow(path, root, { refuse, miss })) yield* once(file)
  }

  /** A file that is named twice is one file. Names that differ only in their Unicode form are one key and two files. */
  function* once(file: string): Generator<Found> {
    const key = keyBelow(root, file)
    const before = seen.get(key)
    seen.set(key, before ?? file)
    if (before === undefined) yield { file, key }
    else if (before !== file) refuse(key, 'There are two files of this name, in two Unicode forms. Rename one.')
  }
}

async function* filesBelow(folder: string, root: string, notLoaded: FoundNot): AsyncGenerator<string> {
  const { refuse, miss } = notLoaded
  const entries = await readdir(folder, { withFileTypes: true, encoding: 'buffer' }).catch((error: Error) => {
    const key = keyBelow(root, folder)
    miss(key && `${key}/`, `${key || folder}: ${error.message}`)
    return []
  })
  for (const entry of entries.sort((a, b) => a.name.compare(b.name))) {
    const name = utf8(entry.name)
    const path = join(folder, name ?? escaped(entry.name))
    const key = keyBelow(root, path)
    if (basename(path).startsWith('.')) continue
    if (name === undefined) refuse(key, 'Its name is not UTF-8. Rename it.')
    else if (entry.isSymbolicLink()) refuse(key, 'It is a symbolic link. Name what it refers to.')
    else if (entry.isDirectory()) yield* filesBelow(path, root, notLoaded)
    else if (entry.isFile()) yield path
    else refuse(key, 'It is neither a file nor a folder.')
  }
}

function sharedFolder(folders: string[]): string {
  const [first = [], ...others] = folders.map((folder) => folder.split(sep))
  const length = first.findIndex((part, i) => others.some((other) => other[i] !== part))
  return (length === -1 ? first : first.slice(0, length)).join(sep) || sep
}

const keyBelow = (root: string, path: string): string => relative(root, path).split(sep).join('/').normalize('NFC')

function utf8(name: Buffer): string | undefined {
  const text = name.toString('utf8')
  return Buffer.from(text, 'utf8').equals(name) ? text : undefined
}

/** A name of bytes that people can tell from another: \xE9 for what is no ASCII. */
const escaped = (name: Buffer): string =>
  [...name].map((byte) => (byte < 0x80 ? String.fromCharCode(byte) : `\\x${byte.toString(16).toUpperCase()}`)).join('')
