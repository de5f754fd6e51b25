// Makes a new data directory, in a process of its own: initdb is a second WebAssembly module, and what its compilation
// takes (600 MB for a moment, with the optimizing compiler 1 GB) should not stay with the server.

import { PGlite } from '@electric-sql/pglite'
import { initDbStartParams } from './embedded-session.ts'

const [directory] = process.argv.slice(2)
if (directory) await (await PGlite.create({ dataDir: directory, initDbStartParams })).close()
