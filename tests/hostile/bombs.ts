// Small files that are large to read.

import { constants, deflateRawSync } from 'node:zlib'

/** A PDF whose page is this text, a megabyte of it, so many times over; it stays small, for it repeats compressed bytes. */
export function pdfBomb(text: string, megabytes: number): Buffer {
  const megabyte = Buffer.from(text.repeat(Math.ceil(2 ** 20 / text.length)))
  // ends at a byte and without a last block, so that it can be repeated
  const block = deflateRawSync(megabyte, { level: 9, finishFlush: constants.Z_FULL_FLUSH })
  const last = deflateRawSync(Buffer.alloc(0))
  const content = Buffer.concat([
    Buffer.from([0x78, 0xda]),
    ...Array<Buffer>(megabytes).fill(block),
    last,
    Buffer.alloc(4),
  ])
  const bodies = [
    '<< /Type /Catalog /Pages 2 0 R >>',
    '<< /Type /Pages /Kids [4 0 R] /Count 1 >>',
    '<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>',
    '<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Resources << /Font << /F1 3 0 R >> >> /Contents 5 0 R >>',
  ].map((body) => [Buffer.from(body)])
  bodies.push([
    Buffer.from(`<< /Length ${content.length} /Filter /FlateDecode >>\nstream\n`),
    content,
    Buffer.from('\nendstream'),
  ])
  const parts: Buffer[] = [Buffer.from('%PDF-1.4\n')]
  let length = 9
  const offsets = bodies.map((body, i) => {
    const offset = length
    const object = Buffer.concat([Buffer.from(`${i + 1} 0 obj\n`), ...body, Buffer.from('\nendobj\n')])
    parts.push(object)
    length += object.length
    return `${String(offset).padStart(10, '0')} 00000 n \n`
  })
  const table = `xref\n0 ${bodies.length + 1}\n0000000000 65535 f \n${offsets.join('')}`
  parts.push(
    Buffer.from(`${table}trailer\n<< /Size ${bodies.length + 1} /Root 1 0 R >>\nstartxref\n${length}\n%%EOF\n`),
  )
  return Buffer.concat(parts)
}
