// npm run bench -- billing: the invoice of one tenant with very many events, in a database of its own.

import { z } from 'zod'
import { type Measurement, whole } from '../command.ts'
import { count, table } from '../format.ts'
import { measureInvoice, rowsOf } from './invoice.ts'

const options = z.object({ events: whole(300, 100_000_000), late: whole(1, 10_000) })

export const billing: Measurement<typeof options> = {
  name: 'billing',
  usage: `  --events N       events of the tenant in the period that is invoiced (10000000)
  --late N         events of that period that are recorded after its invoice (1000)`,
  options,
  defaults: { events: { usual: '10000000', smallest: '3000' }, late: { usual: '1000', smallest: '10' } },
  measure: async ({ url, server, cores, part }, { events, late }) => {
    const billed = await part('the invoice of a period', () => measureInvoice(url, events, late))
    const settings = Object.entries(server.settings).map(([name, value]) => `${name} ${value}`)
    const markdown = [
      '# Billing, measured',
      `${server.engine}, ${cores} cores, ${settings.join(', ')}. Written by \`npm run bench -- billing\`; one run on one machine.`,
      table(['what', 'ours', 'beside it', 'bar', 'met'], rowsOf(billed)),
      `A tenant with ${count(events)} events in a month, priced by three components, among three tenants with a hundredth of that each. Beside the runs stands one plain sum over the events of the tenant by usage type; beside recording stands recording before the run (${billed.recordingMs.beside.length} calls during the run, ${billed.recordingMs.alone.length} before it). What was billed, late events included, compared with plain SQL and by verify_billing: ${billed.differences} differences.`,
      '',
    ].join('\n\n')
    const fault = billed.differences === 0 ? undefined : 'What was billed is not what was used.'
    return { markdown, json: { server, cores, ...billed }, ...(fault ? { fault } : {}) }
  },
}
