// Payments that arrive outside (bank transfer, cheque): nobody is asked. Staff note them with record_payment and
// refund_payment, which are whole in SQL, so there is nothing for a provider to do but say so.

import { PaymentMethodError, type PaymentProvider } from './provider.ts'

const nothingToAsk = async (): Promise<never> => {
  throw new PaymentMethodError('Manual payments are recorded by staff; there is nobody to ask for them.')
}

export const manualProvider: PaymentProvider = {
  createCustomer: nothingToAsk,
  attachMethod: nothingToAsk,
  detachMethod: nothingToAsk,
  charge: async () => ({ status: 'failed', providerId: null, code: 'manual', message: 'This is paid outside.' }),
  refund: async ({ refundId }) => ({ status: 'succeeded', providerId: refundId }),
}
