-- What GraphQL says of the tables of billing.

comment on table app_public.plans is
  'What tenants can subscribe to. You see the public ones and your own; platform staff edit them.';
comment on column app_public.plans.slug is 'Key: lower-case letters, digits and hyphens, unique.';
comment on column app_public.plans.name is 'Name to show.';
comment on column app_public.plans.description is 'What it is for.';
comment on column app_public.plans.tier is 'free, standard, professional or enterprise: the tenant''s subscription_tier, and what makes a change an upgrade.';
comment on column app_public.plans.trial_days is 'Whole days a tenant''s first subscription is free, 0 to 365.';
comment on column app_public.plans.is_public is 'Whether anyone may choose it; else staff arrange it.';
comment on column app_public.plans.created_at is 'When it was made.';
comment on column app_public.plans.updated_at is 'When it last changed.';

comment on table app_public.plan_prices is
  'Versions of a plan''s price: per currency and cycle the last one that has begun is in force and never changes; a new one holds from each subscription''s next period.';
comment on column app_public.plan_prices.plan_id is 'The plan.';
comment on column app_public.plan_prices.currency is 'ISO 4217, upper case.';
comment on column app_public.plan_prices.billing_cycle is 'monthly or annual.';
comment on column app_public.plan_prices.amount is 'Price of one period in the currency, in advance and net of tax, 0 to below a million million.';
comment on column app_public.plan_prices.valid_from is 'From when it is sold.';
comment on column app_public.plan_prices.created_at is 'When it was made.';

comment on table app_public.plan_price_components is
  'What use costs besides a price''s fixed amount, by type of use. Fixed once somebody has subscribed.';
comment on column app_public.plan_price_components.price_id is 'The price it belongs to.';
comment on column app_public.plan_price_components.usage_type is 'What is used, a name of usage_types.';
comment on column app_public.plan_price_components.model is 'flat (once for any use), per_unit, tiered (graduated), volume (all at the last tier''s price) or package (each begun package).';
comment on column app_public.plan_price_components.unit_amount is 'Price of a unit (per_unit), a package, or all of it (flat); 0 to 1,000,000,000. With an included quantity this is the overage price.';
comment on column app_public.plan_price_components.package_size is 'Units of a package.';
comment on column app_public.plan_price_components.tiers is 'For tiered and volume: an array of {"upTo", "unitAmount", "flatAmount"}, rising, the last without upTo.';
comment on column app_public.plan_price_components.included_quantity is 'Units of a period that cost nothing.';
comment on column app_public.plan_price_components.created_at is 'When it was made.';

comment on table app_public.plan_entitlements is
  'What a plan gives: features that are on or off, and quotas. Resolved into the tenant''s features and quotas.';
comment on column app_public.plan_entitlements.plan_id is 'The plan.';
comment on column app_public.plan_entitlements.kind is 'feature or quota.';
comment on column app_public.plan_entitlements.key is 'Name of the feature or quota: a lower-case word.';
comment on column app_public.plan_entitlements.is_enabled is 'Whether the feature is on.';
comment on column app_public.plan_entitlements.quota_limit is 'The quota''s limit, at least 0.';
comment on column app_public.plan_entitlements.overage_allowed is 'Whether more than the limit may be used, and is billed.';
comment on column app_public.plan_entitlements.created_at is 'When it was made.';
comment on column app_public.plan_entitlements.updated_at is 'When it last changed.';

comment on table app_public.tenant_entitlement_overrides is
  E'@behavior -insert -update -delete -single\nWhat this tenant gets instead of what its plan says. Staff write it with override_entitlement.';
comment on column app_public.tenant_entitlement_overrides.kind is 'feature or quota.';
comment on column app_public.tenant_entitlement_overrides.key is 'Name of the feature or quota.';
comment on column app_public.tenant_entitlement_overrides.is_enabled is 'Whether the feature is on.';
comment on column app_public.tenant_entitlement_overrides.quota_limit is 'The quota''s limit.';
comment on column app_public.tenant_entitlement_overrides.overage_allowed is 'Whether more may be used, and is billed.';
comment on column app_public.tenant_entitlement_overrides.reason is 'Why, at most 1,000 characters.';
comment on column app_public.tenant_entitlement_overrides.created_at is 'When it was made.';
comment on column app_public.tenant_entitlement_overrides.updated_at is 'When it last changed.';

comment on table app_public.invoice_issuers is
  'The companies that bill. Platform staff only. Each numbers its documents without gaps.';
comment on column app_public.invoice_issuers.slug is 'Key, unique; the one called default bills whom nobody else does.';
comment on column app_public.invoice_issuers.name is 'Name on the invoice.';
comment on column app_public.invoice_issuers.address is 'Address on the invoice.';
comment on column app_public.invoice_issuers.tax_number is 'Tax number on the invoice.';
comment on column app_public.invoice_issuers.number_prefix is 'What invoice numbers begin with.';
comment on column app_public.invoice_issuers.credit_note_prefix is 'What numbers of credit notes begin with; use another than for invoices.';
comment on column app_public.invoice_issuers.payment_terms_days is 'Days to pay an invoice that is not charged, 0 to 365.';
comment on column app_public.invoice_issuers.draft_hours is 'Hours an invoice with usage stays a draft after the period, so that late events come in, 0 to 720.';
comment on column app_public.invoice_issuers.footer is 'Text below the invoice.';
comment on column app_public.invoice_issuers.created_at is 'When it was made.';
comment on column app_public.invoice_issuers.updated_at is 'When it last changed.';

comment on table app_public.billing_profiles is
  E'@behavior -insert -update -delete -single\nWho is billed in this tenant, and how. Change it with update_billing_profile. For those with can_manage_billing.';
comment on column app_public.billing_profiles.legal_name is 'Name on the invoice.';
comment on column app_public.billing_profiles.email is 'Where invoices go, lower case.';
comment on column app_public.billing_profiles.address is 'Address on the invoice, at most 1,000 characters.';
comment on column app_public.billing_profiles.country_code is 'ISO 3166-1 alpha-2.';
comment on column app_public.billing_profiles.tax_number is 'Tax number, such as a VAT id.';
comment on column app_public.billing_profiles.tax_mode is 'standard, reverse_charge (the one who is billed owes the tax) or none.';
comment on column app_public.billing_profiles.tax_rate is 'Share of the subtotal, 0.19 for 19 %; for standard.';
comment on column app_public.billing_profiles.collection_method is 'automatic (the payment method is charged) or invoice (they pay by themselves).';
comment on column app_public.billing_profiles.currency is 'ISO 4217.';
comment on column app_public.billing_profiles.issuer_id is 'Who bills it.';
comment on column app_public.billing_profiles.created_at is 'When it was made.';
comment on column app_public.billing_profiles.updated_at is 'When it last changed.';

comment on table app_public.subscriptions is
  E'@name plan_subscription\n@behavior -insert -update -delete\nThe plans this tenant has and had; at most one has not ended. start_subscription, change_plan, cancel_subscription, pause_subscription and resume_subscription change it.';
comment on column app_public.subscriptions.plan_id is 'The plan.';
comment on column app_public.subscriptions.price_id is 'The version of its price that holds in this period.';
comment on column app_public.subscriptions.billing_cycle is 'monthly or annual.';
comment on column app_public.subscriptions.currency is 'ISO 4217; that of the billing profile at the start.';
comment on column app_public.subscriptions.status is 'trialing, active, past_due (a payment failed), paused, cancelled or expired (a trial that nobody paid for).';
comment on column app_public.subscriptions.timezone is 'IANA time zone in which its days and periods are counted; the tenant''s at the start.';
comment on column app_public.subscriptions.anchor_on is 'The day its periods are counted from.';
comment on column app_public.subscriptions.started_at is 'When it began.';
comment on column app_public.subscriptions.trial_ends_at is 'When the trial ends or ended, null without one.';
comment on column app_public.subscriptions.period_number is 'Number of the period, from 1.';
comment on column app_public.subscriptions.current_period_start is 'Start of the period.';
comment on column app_public.subscriptions.current_period_end is 'End of the period; of the trial while there is one.';
comment on column app_public.subscriptions.usage_since is 'From when use has not been billed yet.';
comment on column app_public.subscriptions.cancel_at_period_end is 'Whether it ends with the period.';
comment on column app_public.subscriptions.pending_plan_id is 'The plan it changes to at the end of the period.';
comment on column app_public.subscriptions.pending_billing_cycle is 'The cycle it changes to then.';
comment on column app_public.subscriptions.paused_at is 'Since when it is paused.';
comment on column app_public.subscriptions.past_due_at is 'Since when a payment is missed.';
comment on column app_public.subscriptions.ended_at is 'When it ended, null while it lives.';
comment on column app_public.subscriptions.created_at is 'When it was made.';
comment on column app_public.subscriptions.updated_at is 'When it last changed.';

comment on table app_public.billing_notices is
  E'@behavior -insert -update -delete -single\nWhat happened in this tenant''s billing that people must learn of, each once. For those with can_manage_billing.';
comment on column app_public.billing_notices.kind is 'trial_ending, trial_expired, subscription_started, subscription_renewed, subscription_paused, subscription_ended, invoice_finalised, invoice_overdue, payment_failed, payment_succeeded or invoice_uncollectible.';
comment on column app_public.billing_notices.subject_key is E'@behavior -*\nWhat it is once for.';
comment on column app_public.billing_notices.subscription_id is 'The subscription it is about.';
comment on column app_public.billing_notices.invoice_id is 'The invoice it is about.';
comment on column app_public.billing_notices.message is 'In words.';
comment on column app_public.billing_notices.occurred_at is 'When.';
comment on column app_public.billing_notices.created_at is 'When it was made.';

comment on table app_public.notice_mails is
  E'@behavior -insert -update -delete -single\nThe mails of billing notices and quota alerts, one a person. For those with can_manage_billing; of quota alerts also for those with can_manage_tenant.';
comment on column app_public.notice_mails.billing_notice_id is 'The billing notice it tells of, or null.';
comment on column app_public.notice_mails.quota_alert_id is 'The quota alert it tells of, or null.';
comment on column app_public.notice_mails.status is
  'queued, sent (the mail server has taken it), skipped (the person did not want it any more, or may not) or failed (after the last attempt).';
comment on column app_public.notice_mails.attempts is 'How often it was tried.';
comment on column app_public.notice_mails.error is 'Why the last attempt failed, null when it did not.';
comment on column app_public.notice_mails.leased_until is E'@behavior -*\nUntil when a worker has it to itself.';
comment on column app_public.notice_mails.sent_at is 'When the mail server took it.';
comment on column app_public.notice_mails.created_at is 'When it was made.';
comment on constraint notice_mails_tenant_id_billing_notice_id_fkey on app_public.notice_mails is E'@fieldName billingNotice\n@foreignFieldName mails';
comment on constraint notice_mails_tenant_id_quota_alert_id_fkey on app_public.notice_mails is E'@fieldName quotaAlert\n@foreignFieldName mails';
comment on constraint notice_mails_user_id_fkey on app_public.notice_mails is E'@foreignFieldName noticeMails';

comment on table app_public.invoices is
  E'@behavior -insert -update -delete -single\nInvoices and credit notes of this tenant. Once finalised they never change; only their way to being paid goes on. For those with can_manage_billing.';
comment on column app_public.invoices.series is 'invoice or credit_note.';
comment on column app_public.invoices.reason is 'period (the plan in advance, use in arrears), change (an upgrade), end (of a subscription or pause), manual or correction (a credit note).';
comment on column app_public.invoices.status is 'draft, finalised (to be paid), paid, void or uncollectible.';
comment on column app_public.invoices.issuer_id is 'Who bills.';
comment on column app_public.invoices.number is 'Its number, without gaps for each issuer and series; null while a draft.';
comment on column app_public.invoices.sequence_number is 'The number as a number.';
comment on column app_public.invoices.subscription_id is 'The subscription it bills.';
comment on column app_public.invoices.credited_invoice_id is 'The invoice that this credit note credits.';
comment on column app_public.invoices.currency is 'ISO 4217.';
comment on column app_public.invoices.timezone is 'IANA time zone of its days.';
comment on column app_public.invoices.period_number is 'Number of the subscription''s period.';
comment on column app_public.invoices.period_start is 'Start of the period it was made in.';
comment on column app_public.invoices.period_end is 'End of that period.';
comment on column app_public.invoices.usage_start is 'From when use is billed.';
comment on column app_public.invoices.usage_end is 'Until when use is billed.';
comment on column app_public.invoices.usage_price_id is 'The price the use is billed by.';
comment on column app_public.invoices.issued_by is 'Who billed, as it was then: name, address, taxNumber, footer.';
comment on column app_public.invoices.billed_to is 'Who was billed, as it was then: name, address, country, taxNumber, email.';
comment on column app_public.invoices.tax_mode is 'standard, reverse_charge or none.';
comment on column app_public.invoices.tax_rate is 'Share of the subtotal.';
comment on column app_public.invoices.subtotal is 'Sum of the lines, net.';
comment on column app_public.invoices.tax is 'Tax on the subtotal, rounded half away from zero.';
comment on column app_public.invoices.total is 'Subtotal and tax; negative on credit notes, and on invoices that credit more than they charge.';
comment on column app_public.invoices.amount_credited is 'What credit and credit notes settled of it.';
comment on column app_public.invoices.amount_paid is 'What payments settled of it.';
comment on column app_public.invoices.amount_due is 'What is still owed.';
comment on column app_public.invoices.collection_method is 'automatic or invoice.';
comment on column app_public.invoices.is_charge_requested is 'Whether pay_invoice asked for a charge that has not begun.';
comment on column app_public.invoices.attempt_count is 'How often payment was missed.';
comment on column app_public.invoices.next_attempt_at is 'When it is charged next, or is overdue.';
comment on column app_public.invoices.finalise_at is 'When the draft is made final by itself.';
comment on column app_public.invoices.finalised_at is 'When it became final.';
comment on column app_public.invoices.due_at is 'When it has to be paid.';
comment on column app_public.invoices.paid_at is 'When nothing was due any more.';
comment on column app_public.invoices.voided_at is 'When it was voided.';
comment on column app_public.invoices.void_reason is 'Why it was voided.';
comment on column app_public.invoices.uncollectible_at is 'When payment was given up on.';
comment on column app_public.invoices.memo is 'A note on the document, at most 1,000 characters.';
comment on column app_public.invoices.created_at is 'When it was made.';
comment on column app_public.invoices.updated_at is 'When it last changed.';

comment on table app_public.invoice_lines is
  E'@behavior -insert -update -delete -single\nLines of invoices, each rounded to the currency half away from zero. For those with can_manage_billing; explain_invoice recomputes them.';
comment on column app_public.invoice_lines.invoice_id is 'The invoice.';
comment on column app_public.invoice_lines.line_number is 'Place on it, from 1.';
comment on column app_public.invoice_lines.kind is 'recurring, usage, overage (beyond an included quantity), proration, adjustment (use that was recorded late, or by hand) or credit.';
comment on column app_public.invoice_lines.description is 'What it says.';
comment on column app_public.invoice_lines.amount is 'Net amount in the invoice''s currency; negative credits.';
comment on column app_public.invoice_lines.price_id is 'The version of the price it was made by.';
comment on column app_public.invoice_lines.component_id is 'The component of that price.';
comment on column app_public.invoice_lines.usage_type is 'What was used.';
comment on column app_public.invoice_lines.quantity is 'Units used; 1 or -1 for a plan''s price.';
comment on column app_public.invoice_lines.quantity_before is 'Units billed before, for an adjustment.';
comment on column app_public.invoice_lines.days is 'Days it is for.';
comment on column app_public.invoice_lines.period_days is 'Days of the period they are a share of.';
comment on column app_public.invoice_lines.service_start is 'From when it is for.';
comment on column app_public.invoice_lines.service_end is 'Until when it is for.';
comment on column app_public.invoice_lines.basis_start is 'Start of the period that the days are a share of.';
comment on column app_public.invoice_lines.basis_end is 'End of that period.';
comment on column app_public.invoice_lines.counted_until is E'@behavior -*\nThe last batch of events an adjustment counted.';
comment on column app_public.invoice_lines.is_manual is 'Whether staff wrote it.';
comment on column app_public.invoice_lines.created_at is 'When it was made.';

comment on table app_public.credit_entries is
  E'@behavior -insert -update -delete -single\nThe account of credit: what came in is positive, what invoices used is negative. Its sum is billingProfile.creditBalance. For those with can_manage_billing.';
comment on column app_public.credit_entries.currency is 'ISO 4217.';
comment on column app_public.credit_entries.amount is 'In the currency.';
comment on column app_public.credit_entries.reason is 'negative_invoice, credit_note, overpayment, goodwill, used (by an invoice) or released (by one that was voided).';
comment on column app_public.credit_entries.memo is 'Why, for goodwill.';
comment on column app_public.credit_entries.invoice_id is 'The document it comes from or went to.';
comment on column app_public.credit_entries.occurred_at is 'When.';
comment on column app_public.credit_entries.created_at is 'When it was made.';

comment on table app_public.payment_methods is
  E'@behavior -insert -update -delete -single\nHow this tenant pays: cards and the like, as the provider knows them. add_payment_method, set_default_payment_method, remove_payment_method. For those with can_manage_billing.';
comment on column app_public.payment_methods.provider is 'stripe.';
comment on column app_public.payment_methods.provider_method_id is 'The provider''s key of it.';
comment on column app_public.payment_methods.status is 'pending (being attached), attached, failed or detached.';
comment on column app_public.payment_methods.is_default is 'Whether invoices are charged to it.';
comment on column app_public.payment_methods.brand is 'Such as visa.';
comment on column app_public.payment_methods.last4 is 'Its last four digits.';
comment on column app_public.payment_methods.expires_month is 'Month of expiry, 1 to 12.';
comment on column app_public.payment_methods.expires_year is 'Year of expiry.';
comment on column app_public.payment_methods.failure_message is 'Why it could not be attached.';
comment on column app_public.payment_methods.created_at is 'When it was made.';
comment on column app_public.payment_methods.updated_at is 'When it last changed.';

comment on table app_public.payments is
  E'@behavior -insert -update -delete -single\nPayments of invoices, tried and done. For those with can_manage_billing.';
comment on column app_public.payments.invoice_id is 'The invoice.';
comment on column app_public.payments.provider is 'manual (noted by staff) or stripe.';
comment on column app_public.payments.status is 'pending, succeeded or failed.';
comment on column app_public.payments.currency is 'ISO 4217.';
comment on column app_public.payments.amount is 'In the currency, tax included.';
comment on column app_public.payments.payment_method_id is 'What was charged.';
comment on column app_public.payments.provider_payment_id is 'The provider''s key of it.';
comment on column app_public.payments.reference is 'Staff''s reference, once an invoice.';
comment on column app_public.payments.failure_code is 'The provider''s code for why it failed.';
comment on column app_public.payments.failure_message is 'The provider''s words for it.';
comment on column app_public.payments.attempted_at is 'When it was tried.';
comment on column app_public.payments.succeeded_at is 'When it succeeded.';
comment on column app_public.payments.created_at is 'When it was made.';
comment on column app_public.payments.updated_at is 'When it last changed.';

comment on table app_public.refunds is
  E'@behavior -insert -update -delete -single\nPayments that were paid back. For those with can_manage_billing.';
comment on column app_public.refunds.payment_id is 'The payment.';
comment on column app_public.refunds.credit_note_id is 'The credit note that says so, once it is done.';
comment on column app_public.refunds.status is 'pending, succeeded or failed.';
comment on column app_public.refunds.amount is 'In the payment''s currency.';
comment on column app_public.refunds.reason is 'Why, at most 1,000 characters.';
comment on column app_public.refunds.provider_refund_id is 'The provider''s key of it.';
comment on column app_public.refunds.failure_message is 'Why it failed.';
comment on column app_public.refunds.created_at is 'When it was made.';
comment on column app_public.refunds.updated_at is 'When it last changed.';

comment on table app_private.invoice_counters is 'The last number of each issuer and series; locked while a document takes the next.';
comment on table app_private.invoice_numbers is 'Every number ever given, and to which document; also of tenants deleted since.';
comment on table app_private.invoice_documents is 'Rendered invoices.';
comment on table app_private.payment_customers is 'By which key a payment provider knows a tenant.';
comment on table app_private.payment_events is 'What payment providers told us, once an event, with what became of it: applied, ignored or unknown.';

comment on type app_public.subscription_status_enum is 'Where a subscription stands.';
comment on type app_public.billing_cycle_enum is 'How long a period is: monthly or annual.';
comment on type app_public.price_model_enum is 'How a quantity becomes a price.';
comment on type app_public.entitlement_kind_enum is 'feature (on or off) or quota (a limit).';
comment on type app_public.invoice_status_enum is 'Where an invoice stands.';
comment on type app_public.invoice_line_kind_enum is 'What a line of an invoice is.';
comment on type app_public.payment_status_enum is 'Where a payment or refund stands.';

-- names of relations, and those that lead nowhere useful
comment on constraint invoice_lines_tenant_id_invoice_id_fkey on app_public.invoice_lines is E'@fieldName invoice\n@foreignFieldName lines';
comment on constraint invoices_tenant_id_credited_invoice_id_fkey on app_public.invoices is E'@fieldName creditedInvoice\n@foreignFieldName creditNotes';
comment on constraint payments_tenant_id_invoice_id_fkey on app_public.payments is E'@fieldName invoice\n@foreignFieldName payments';
comment on constraint payments_tenant_id_payment_method_id_fkey on app_public.payments is E'@fieldName paymentMethod\n@foreignFieldName payments';
comment on constraint refunds_tenant_id_payment_id_fkey on app_public.refunds is E'@fieldName payment\n@foreignFieldName refunds';
comment on constraint refunds_tenant_id_credit_note_id_fkey on app_public.refunds is E'@fieldName creditNote\n@foreignFieldName refunds';
comment on constraint credit_entries_tenant_id_invoice_id_fkey on app_public.credit_entries is E'@fieldName invoice\n@foreignFieldName creditEntries';
comment on constraint invoices_subscription_id_fkey on app_public.invoices is E'@fieldName subscription\n@foreignFieldName invoices';
comment on constraint billing_notices_subscription_id_fkey on app_public.billing_notices is E'@fieldName subscription\n@foreignFieldName notices';
comment on constraint plan_prices_plan_id_fkey on app_public.plan_prices is E'@fieldName plan\n@foreignFieldName prices';
comment on constraint plan_price_components_price_id_fkey on app_public.plan_price_components is E'@fieldName price\n@foreignFieldName components';
comment on constraint plan_entitlements_plan_id_fkey on app_public.plan_entitlements is E'@fieldName plan\n@foreignFieldName entitlements';
comment on constraint invoices_usage_price_id_fkey on app_public.invoices is E'@behavior -manyRelation:resource:list -manyRelation:resource:connection';
comment on constraint invoice_lines_price_id_fkey on app_public.invoice_lines is E'@behavior -manyRelation:resource:list -manyRelation:resource:connection';
comment on constraint invoice_lines_component_id_fkey on app_public.invoice_lines is E'@behavior -manyRelation:resource:list -manyRelation:resource:connection';
comment on constraint invoice_lines_usage_type_fkey on app_public.invoice_lines is E'@behavior -manyRelation:resource:list -manyRelation:resource:connection';
comment on constraint subscriptions_price_id_fkey on app_public.subscriptions is E'@behavior -manyRelation:resource:list -manyRelation:resource:connection';
comment on constraint subscriptions_pending_plan_id_fkey on app_public.subscriptions is E'@behavior -manyRelation:resource:list -manyRelation:resource:connection';
comment on constraint subscriptions_plan_id_fkey on app_public.subscriptions is E'@behavior -manyRelation:resource:list -manyRelation:resource:connection';
comment on constraint plan_price_components_usage_type_fkey on app_public.plan_price_components is E'@behavior -manyRelation:resource:list -manyRelation:resource:connection';
comment on constraint invoices_issuer_id_fkey on app_public.invoices is E'@behavior -manyRelation:resource:list -manyRelation:resource:connection';
comment on constraint billing_profiles_issuer_id_fkey on app_public.billing_profiles is E'@behavior -manyRelation:resource:list -manyRelation:resource:connection';
