// Which addresses the server may call on someone else's word: those of the public internet. The special-purpose registries of
// IANA name all others; what carries an IPv4 address within an IPv6 one is refused or looked into, so that it hides nothing.

import { BlockList, isIP, isIPv4 } from 'node:net'

const notPublic4 = [
  ...['0.0.0.0/8', '10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '169.254.0.0/16', '172.16.0.0/12', '192.0.0.0/24'],
  ...['192.0.2.0/24', '192.88.99.0/24', '192.168.0.0/16', '198.18.0.0/15', '198.51.100.0/24', '203.0.113.0/24'],
  ...['224.0.0.0/4', '240.0.0.0/4'],
  // where Azure tells a machine about itself; the other clouds do so at addresses that are link-local or private
  '168.63.129.16/32',
]
/** All unicast addresses that were ever given out; of IPv6, what is not in here is not public. */
const global6 = '2000::/3'
/** Protocol assignments with Teredo, documentation, and 6to4, which carries an IPv4 address. */
const notPublic6 = ['2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20']

export function rangesOf(entries: readonly string[]): BlockList {
  const ranges = new BlockList()
  for (const entry of entries) {
    const [address = '', bits] = entry.split('/')
    const family = isIPv4(address) ? 'ipv4' : 'ipv6'
    ranges.addSubnet(address, Number(bits ?? (family === 'ipv4' ? 32 : 128)), family)
  }
  return ranges
}

const refused4 = rangesOf(notPublic4)
const refused6 = rangesOf(notPublic6)
const given6 = rangesOf([global6])

export function isPublic(address: string): boolean {
  const bare = bareAddress(address)
  if (isIPv4(bare)) return !refused4.check(bare, 'ipv4')
  return isIP(bare) === 6 && given6.check(bare, 'ipv6') && !refused6.check(bare, 'ipv6')
}

export function isWithin(ranges: BlockList, address: string): boolean {
  const bare = bareAddress(address)
  return isIP(bare) !== 0 && ranges.check(bare, isIPv4(bare) ? 'ipv4' : 'ipv6')
}

/** Without brackets and zone, and an IPv4 address that is written as an IPv6 one as what it is. */
function bareAddress(address: string): string {
  const bare = address.replace(/^\[|\]$/g, '').replace(/%.*$/, '')
  if (isIP(bare) !== 6) return bare
  // the parser of URLs writes every IPv6 address in its shortest form
  const mapped = /^\[::ffff:([0-9a-f]+):([0-9a-f]+)\]$/.exec(new URL(`http://[${bare}]`).hostname)
  if (!mapped) return bare
  const [high, low] = [Number.parseInt(mapped[1] as string, 16), Number.parseInt(mapped[2] as string, 16)]
  return `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`
}
