// Writes small real PDFs: a catalogue, pages with a text layer each, the cross-reference table with its offsets.

type PdfOptions = { pages: string[]; title?: string; author?: string; isEncrypted?: boolean }

export function pdfFile({ pages, title, author, isEncrypted = false }: PdfOptions): Uint8Array {
  const objects: string[] = []
  const add = (body: string): number => objects.push(body)
  const catalog = add('<< /Type /Catalog /Pages 2 0 R >>')
  const kids = pages.map((_, i) => `${4 + i * 2} 0 R`).join(' ')
  add(`<< /Type /Pages /Kids [${kids}] /Count ${pages.length} >>`)
  add('<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>')
  for (const text of pages) {
    const content = text ? `BT /F1 12 Tf 72 720 Td (${escaped(text)}) Tj ET` : ''
    add(
      `<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Resources << /Font << /F1 3 0 R >> >> /Contents ${objects.length + 2} 0 R >>`,
    )
    add(`<< /Length ${content.length} >>\nstream\n${content}\nendstream`)
  }
  const info = add(`<< ${title ? `/Title (${escaped(title)})` : ''} ${author ? `/Author (${escaped(author)})` : ''} >>`)
  // the hashes fit no password, so the empty one does not open it
  const anyHash = `<${'ab'.repeat(32)}>`
  const encrypt = isEncrypted ? add(`<< /Filter /Standard /V 1 /R 2 /O ${anyHash} /U ${anyHash} /P -4 >>`) : 0

  let file = '%PDF-1.4\n'
  const offsets = objects.map((body, i) => {
    const offset = file.length
    file += `${i + 1} 0 obj\n${body}\nendobj\n`
    return `${String(offset).padStart(10, '0')} 00000 n \n`
  })
  const id = `<${'00'.repeat(16)}>`
  const trailer = `<< /Size ${objects.length + 1} /Root ${catalog} 0 R /Info ${info} 0 R ${encrypt ? `/Encrypt ${encrypt} 0 R` : ''} /ID [${id} ${id}] >>`
  const table = `xref\n0 ${objects.length + 1}\n0000000000 65535 f \n${offsets.join('')}`
  return Buffer.from(`${file}${table}trailer\n${trailer}\nstartxref\n${file.length}\n%%EOF\n`, 'latin1')
}

const escaped = (text: string): string => text.replaceAll(/[\\()]/g, '\\$&')
