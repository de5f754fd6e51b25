// The content of an invoice as billing.invoice_to_render returns it, and how money and dates are written. Amounts are text
// from the database to the page, because a float would round them.

import { z } from 'zod'

const nullableText = z.string().nullish()

export const invoiceDocument = z.object({
  series: z.enum(['invoice', 'credit_note']),
  number: z.string(),
  currency: z.string(),
  minorUnits: z.number().int(),
  issuedOn: z.string(),
  dueOn: nullableText,
  periodStart: nullableText,
  periodEnd: nullableText,
  credits: nullableText,
  issuedBy: z.object({ name: z.string(), address: nullableText, taxNumber: nullableText, footer: nullableText }),
  billedTo: z.object({ name: nullableText, address: nullableText, country: nullableText, taxNumber: nullableText }),
  taxMode: z.enum(['standard', 'reverse_charge', 'none']),
  taxPercent: z.string(),
  memo: nullableText,
  subtotal: z.string(),
  tax: z.string(),
  total: z.string(),
  lines: z.array(z.object({ description: z.string(), amount: z.string(), from: nullableText, until: nullableText })),
})

export type InvoiceDocument = z.infer<typeof invoiceDocument>

/** '-1234.5' with two decimal places in EUR: '-1,234.50 EUR'. */
export function money(
  amount: string,
  { currency, minorUnits }: Pick<InvoiceDocument, 'currency' | 'minorUnits'>,
): string {
  const [, sign = '', whole = '0', fraction = ''] = /^(-?)(\d+)(?:\.(\d+))?$/.exec(amount) ?? []
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, ',')
  const decimals = minorUnits > 0 ? `.${fraction.padEnd(minorUnits, '0').slice(0, minorUnits)}` : ''
  return `${sign}${grouped}${decimals} ${currency}`
}

export const titleOf = ({ series }: InvoiceDocument): string => (series === 'invoice' ? 'Invoice' : 'Credit note')

/** The facts above the lines; facts without a value are left out. */
export function factsOf(invoice: InvoiceDocument): [string, string][] {
  const facts: [string, string | null | undefined][] = [
    ['Number', invoice.number],
    ['Date', invoice.issuedOn],
    ['Credits', invoice.credits],
    ['Due', invoice.series === 'invoice' ? invoice.dueOn : undefined],
    ['Period', invoice.periodStart && invoice.periodEnd ? `${invoice.periodStart} to ${invoice.periodEnd}` : undefined],
  ]
  return facts.filter((fact): fact is [string, string] => Boolean(fact[1]))
}

export function totalsOf(invoice: InvoiceDocument): [string, string][] {
  return [
    ['Subtotal', money(invoice.subtotal, invoice)],
    [invoice.taxMode === 'standard' ? `Tax ${invoice.taxPercent} %` : 'Tax', money(invoice.tax, invoice)],
    ['Total', money(invoice.total, invoice)],
  ]
}

export const sellerOf = ({ issuedBy }: InvoiceDocument): string[] =>
  present([issuedBy.name, ...lines(issuedBy.address), issuedBy.taxNumber && `Tax number: ${issuedBy.taxNumber}`])

export const buyerOf = ({ billedTo }: InvoiceDocument): string[] =>
  present([
    billedTo.name,
    ...lines(billedTo.address),
    billedTo.country,
    billedTo.taxNumber && `Tax number: ${billedTo.taxNumber}`,
  ])

export const remarksOf = (invoice: InvoiceDocument): string[] =>
  present([
    invoice.taxMode === 'reverse_charge' && 'Reverse charge: the recipient owes the tax.',
    invoice.memo,
    invoice.issuedBy.footer,
  ])

export const dates = ({ from, until }: InvoiceDocument['lines'][number]): string =>
  from && until ? (from === until ? from : `${from} to ${until}`) : ''

const lines = (text: string | null | undefined): string[] => text?.split(/\r?\n/) ?? []
const present = (values: (string | null | undefined | false)[]): string[] =>
  values.filter((v): v is string => Boolean(v))
