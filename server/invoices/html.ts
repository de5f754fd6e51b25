// Renders an invoice as one self-contained HTML page. All text from the database is escaped.

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

const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }
const escaped = (text: string): string => text.replace(/[&<>"']/g, (character) => entities[character] as string)
const paragraph = (texts: string[]): string => `<p>${texts.map(escaped).join('<br>')}</p>`
const row = (cells: string[]): string => `<tr>${cells.map((cell) => `<td>${escaped(cell)}</td>`).join('')}</tr>`

export function renderHtml(invoice: InvoiceDocument): string {
  const title = `${titleOf(invoice)} ${invoice.number}`
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>${escaped(title)}</title>
<style>
body { font: 14px/1.5 sans-serif; max-width: 48em; margin: 2em auto; padding: 0 1em }
table { border-collapse: collapse; width: 100%; margin: 1em 0 }
td, th { padding: 0.3em 0.5em; text-align: left; vertical-align: top }
.lines td, .lines th { border-bottom: 1px solid #ccc }
td:last-child, th:last-child { text-align: right; white-space: nowrap }
.totals tr:last-child { font-weight: bold }
</style>
<h1>${escaped(title)}</h1>
${paragraph(sellerOf(invoice))}
<h2>Billed to</h2>
${paragraph(buyerOf(invoice))}
<table>${factsOf(invoice).map(row).join('')}</table>
<table class="lines"><tr><th>Description</th><th>Dates</th><th>Amount</th></tr>
${invoice.lines.map((line) => row([line.description, dates(line), money(line.amount, invoice)])).join('\n')}
</table>
<table class="totals">${totalsOf(invoice).map(row).join('')}</table>
${remarksOf(invoice)
  .map((remark) => paragraph([remark]))
  .join('\n')}
</html>
`
}
