// Renders an invoice as PDF with pdfkit. The built-in font only has Western European letters. INVOICE_FONT names a font file
// that has more.

import PDFDocument from 'pdfkit'
import {
  buyerOf,
  dates,
  factsOf,
  type InvoiceDocument,
  money,
  remarksOf,
  sellerOf,
  titleOf,
  totalsOf,
} from './document.ts'

const margin = 56

export async function renderPdf(invoice: InvoiceDocument, fontPath?: string): Promise<Buffer> {
  const title = `${titleOf(invoice)} ${invoice.number}`
  const pdf = new PDFDocument({
    size: 'A4',
    margin,
    info: { Title: title, Author: invoice.issuedBy.name, CreationDate: new Date(`${invoice.issuedOn}T00:00:00Z`) },
  })
  const chunks: Buffer[] = []
  const done = new Promise<Buffer>((resolve, reject) => {
    pdf.on('data', (chunk: Buffer) => chunks.push(chunk))
    pdf.on('end', () => resolve(Buffer.concat(chunks)))
    pdf.on('error', reject)
  })
  pdf.font(fontPath ?? 'Helvetica')
  const show = fontPath ? (text: string): string => text : westernEuropean
  const width = pdf.page.width - 2 * margin
  const bottom = pdf.page.height - margin

  /** Writes cells beside each other. A row that does not fit on the page starts a new page. */
  const row = (cells: { text: string; share: number; align?: 'right' }[]): void => {
    const laid = cells.map((cell) => ({ ...cell, text: show(cell.text), width: width * cell.share - 6 }))
    const height = Math.max(...laid.map((cell) => pdf.heightOfString(cell.text || ' ', { width: cell.width })))
    if (pdf.y + height > bottom) pdf.addPage()
    const y = pdf.y
    let x = margin
    for (const cell of laid) {
      pdf.text(cell.text, x, y, { width: cell.width, align: cell.align ?? 'left' })
      x += cell.width + 6
    }
    pdf.x = margin
    pdf.y = y + height + 4
  }

  pdf.fontSize(18).text(show(title)).moveDown(0.5).fontSize(10)
  for (const line of sellerOf(invoice)) pdf.text(show(line))
  pdf.moveDown().text('Billed to:')
  for (const line of buyerOf(invoice)) pdf.text(show(line))
  pdf.moveDown()
  for (const [name, value] of factsOf(invoice)) {
    row([
      { text: name, share: 0.2 },
      { text: value, share: 0.8 },
    ])
  }
  pdf.moveDown()
  const rule = (): void => {
    pdf
      .moveTo(margin, pdf.y)
      .lineTo(margin + width, pdf.y)
      .lineWidth(0.5)
      .stroke()
    pdf.y += 4
  }
  rule()
  for (const line of invoice.lines) {
    row([
      { text: line.description, share: 0.5 },
      { text: dates(line), share: 0.28 },
      { text: money(line.amount, invoice), share: 0.22, align: 'right' },
    ])
  }
  rule()
  for (const [name, value] of totalsOf(invoice)) {
    row([
      { text: name, share: 0.6, align: 'right' },
      { text: value, share: 0.4, align: 'right' },
    ])
  }
  for (const remark of remarksOf(invoice)) pdf.moveDown().text(show(remark), margin, pdf.y, { width })
  pdf.end()
  return done
}

/** Replaces letters that the built-in font would show as wrong letters. */
const westernEuropean = (text: string): string => text.replace(/[^\x20-\x7e\xa0-\xff€–—‘’“”•…]/gu, '?')
