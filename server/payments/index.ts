// Which provider a payment goes to: by the name in its row, with the keys of this process's environment.

import { loadConfig } from '../config.ts'
import { manualProvider } from './manual.ts'
import type { PaymentProvider } from './provider.ts'
import { createStripe, createStripeProvider } from './stripe.ts'

export function paymentProvider(name: string): PaymentProvider {
  if (name === 'manual') return manualProvider
  if (name !== 'stripe') throw new Error(`There is no payment provider ${name}`)
  const { STRIPE_SECRET_KEY, STRIPE_API_URL } = loadConfig(process.env)
  if (!STRIPE_SECRET_KEY) throw new Error('STRIPE_SECRET_KEY is not set, so nothing can be asked of Stripe')
  return createStripeProvider(createStripe(STRIPE_SECRET_KEY, STRIPE_API_URL))
}
