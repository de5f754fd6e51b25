// Sitemaps (sitemaps.org): a list of pages, or a list of such lists, also packed by gzip.

import { Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { readBounded } from '../outgoing.ts'
import { readXml } from '../parsers/xml.ts'

const largestSitemap = 10_485_760

export type Sitemap = { kind: 'urlset' | 'sitemapindex'; addresses: string[] }

const gzipStart = Buffer.from([0x1f, 0x8b])
const isGzip = (bytes: Uint8Array): boolean => Buffer.from(bytes.subarray(0, 2)).equals(gzipStart)
const longestAddress = 2048

/** The addresses of a sitemap, at most so many; undefined when the bytes are something else. */
export async function readSitemap(given: Uint8Array, most: number): Promise<Sitemap | undefined> {
  const bytes = isGzip(given)
    ? await readBounded(Readable.from([given]).pipe(createGunzip()), largestSitemap).catch(() => undefined)
    : given
  // of another kind of file there is no more to see than its beginning
  if (!bytes || bytes.length > largestSitemap || !/<(\w+:)?(urlset|sitemapindex)\b/.test(beginning(bytes)))
    return undefined
  let kind: Sitemap['kind'] | undefined
  const addresses: string[] = []
  let address = ''
  await readXml(bytes, {
    open: (name, _attributes, outer) => {
      if (outer.length === 0 && (name === 'urlset' || name === 'sitemapindex')) kind = name
      address = ''
    },
    text: (text, outer) => {
      if (outer.at(-1) === 'loc' && address.length < longestAddress) address += text
    },
    close: (name, outer) => {
      const isEntry = outer.length === 2 && outer[1] === (kind === 'urlset' ? 'url' : 'sitemap')
      if (kind && isEntry && name === 'loc' && addresses.length < most) addresses.push(address.trim())
    },
  })
  return kind && { kind, addresses }
}

const beginning = (bytes: Uint8Array): string => Buffer.from(bytes.subarray(0, 4096)).toString('latin1')
