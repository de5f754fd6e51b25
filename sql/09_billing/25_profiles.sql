-- Issuers, billing profiles, notices and credit. A billing profile says who is billed and how the tenant pays. Its row is also
-- the lock of the billing of a tenant: every change holds it, so two workers, a webhook and a person never interfere.

call core.secure_global_table('app_public.invoice_issuers', 'the companies that issue invoices belong to the platform');
call audit.track_global('app_public.invoice_issuers', null);
call core.allow('app_public.invoice_issuers', write => 'staff');
grant select on app_public.invoice_issuers to rowhouse_user;
grant insert, update, delete on app_public.invoice_issuers to rowhouse_admin;
grant select on app_public.invoice_issuers to rowhouse_platform;
comment on table app_public.invoice_issuers is
  E'@behavior -query:resource:single\nThe companies that issue invoices. Each numbers its documents without gaps. Only platform staff can see and edit them.';
comment on column app_public.invoice_issuers.slug is 'The key of the issuer. It is unique. The issuer with the slug default bills every tenant without an issuer of its own.';
comment on column app_public.invoice_issuers.name is E'@notPersonal\nThe name on the invoice.';
comment on column app_public.invoice_issuers.address is E'@notPersonal\nThe address on the invoice.';
comment on column app_public.invoice_issuers.tax_number is 'The tax number on the invoice.';
comment on column app_public.invoice_issuers.number_prefix is 'The prefix of invoice numbers. No other issuer or series has or had it.';
comment on column app_public.invoice_issuers.credit_note_prefix is 'The prefix of credit note numbers. No other issuer or series has or had it.';
comment on column app_public.invoice_issuers.payment_terms_days is 'The number of days to pay an invoice that is not charged automatically, from 0 to 365.';
comment on column app_public.invoice_issuers.draft_hours is 'The number of hours that an invoice with usage stays a draft after its period, so that late events are still included, from 0 to 720.';
comment on column app_public.invoice_issuers.footer is 'The text below the invoice.';
comment on column app_public.invoice_issuers.created_at is 'When the row was created.';
comment on column app_public.invoice_issuers.updated_at is 'When the row was last changed.';
comment on constraint slug_is_a_slug on app_public.invoice_issuers is 'must consist of lower-case letters, digits and hyphens';
comment on constraint name_is_a_name on app_public.invoice_issuers is 'must have from 1 to 255 characters, at least one of them visible, and no control characters';
comment on constraint prefixes_are_short on app_public.invoice_issuers is 'must have at most 20 letters, digits, slashes and hyphens, and must not end in a digit';
comment on constraint payment_terms_days_is_in_range on app_public.invoice_issuers is 'must be from 0 to 365';
comment on constraint draft_hours_is_in_range on app_public.invoice_issuers is 'must be from 0 to 720';
comment on constraint invoice_issuers_slug_key on app_public.invoice_issuers is 'is already used by another issuer';

call core.secure_tenant_table('app_public.billing_profiles');
call audit.track('app_public.billing_profiles');
call core.exempt_from_guard('app_public.billing_profiles', '_000_require_writable_tenant', 'a tenant that is read-only can still pay and stop paying');
call core.allow('app_public.billing_profiles', read => 'can_manage_billing');
grant select on app_public.billing_profiles to rowhouse_user;
grant select, insert, update, delete on app_public.billing_profiles to rowhouse_platform;
comment on table app_public.billing_profiles is
  E'@behavior -insert -update -delete -query:resource:connection -query:resource:single\nWho is billed in this tenant, and how. update_billing_profile changes it. Reading it requires can_manage_billing.';
comment on column app_public.billing_profiles.legal_name is E'@personal keep The law wants the books kept for ten years.\nThe name on the invoice.';
comment on column app_public.billing_profiles.email is E'@personal keep The law wants the books kept for ten years.\nThe e-mail address for invoices in lower case.';
comment on column app_public.billing_profiles.address is E'@personal keep The law wants the books kept for ten years.\nThe address on the invoice, at most 1,000 characters.';
comment on column app_public.billing_profiles.country_code is 'The country as an ISO 3166-1 alpha-2 code.';
comment on column app_public.billing_profiles.tax_number is E'@personal keep The law wants the books kept for ten years.\nThe tax number, such as a VAT identification number.';
comment on column app_public.billing_profiles.tax_mode is 'How invoices are taxed.';
comment on column app_public.billing_profiles.tax_rate is 'The tax as a share of the subtotal that staff set: 0.19 is 19 %. It is used when tax_mode is standard. When it is null, the rate of the country is used.';
comment on column app_public.billing_profiles.collection_method is 'How invoices are paid.';
comment on column app_public.billing_profiles.currency is 'The currency as an ISO 4217 code in upper case.';
comment on column app_public.billing_profiles.issuer_id is 'The company that issues the invoices.';
comment on column app_public.billing_profiles.created_at is 'When the row was created.';
comment on column app_public.billing_profiles.updated_at is 'When the row was last changed.';
comment on constraint legal_name_is_a_name on app_public.billing_profiles is 'must have from 1 to 255 characters, at least one of them visible, and no control characters';
comment on constraint email_is_an_email on app_public.billing_profiles is 'must be an e-mail address with at most 254 characters';
comment on constraint address_is_short on app_public.billing_profiles is 'must have at most 1,000 characters';
comment on constraint country_code_is_iso_3166 on app_public.billing_profiles is 'must be two upper-case letters, such as DE';
comment on constraint tax_number_is_short on app_public.billing_profiles is 'must have at most 50 characters';
comment on constraint tax_rate_is_a_share on app_public.billing_profiles is 'must be from 0 to below 1, such as 0.19 for 19 %';
comment on constraint currency_is_known on app_public.billing_profiles is 'must be a supported ISO 4217 code in upper case';
comment on constraint billing_profiles_issuer_id_fkey on app_public.billing_profiles is
  E'@behavior -manyRelation:resource:list -manyRelation:resource:connection';

call core.secure_tenant_table('app_public.billing_notices');
call audit.leave_out('a log that rules write; its rows never change', 'app_public.billing_notices');
call core.exempt_from_guard('app_public.billing_notices', '_000_require_writable_tenant', 'a tenant that is read-only can still pay and stop paying');
call core.allow('app_public.billing_notices', read => 'can_manage_billing');
grant select on app_public.billing_notices to rowhouse_user;
comment on table app_public.billing_notices is
  E'@behavior -insert -update -delete -query:resource:single\nEvents of billing that people in this tenant must know about, each once. Reading them requires can_manage_billing.';
comment on column app_public.billing_notices.kind is 'The event that the notice reports.';
comment on column app_public.billing_notices.subject_key is E'@behavior -*\nThe notice exists once for each kind and this key.';
comment on column app_public.billing_notices.subscription_id is 'The subscription that the notice is about.';
comment on column app_public.billing_notices.invoice_id is 'The invoice that the notice is about.';
comment on column app_public.billing_notices.message is 'The event in words.';
comment on column app_public.billing_notices.occurred_at is 'When the event occurred.';
comment on column app_public.billing_notices.created_at is 'When the row was created.';
comment on constraint billing_notices_subscription_id_fkey on app_public.billing_notices is E'@fieldName subscription\n@foreignFieldName notices';

call core.secure_tenant_table('app_public.credit_entries');
call audit.track('app_public.credit_entries');
call core.exempt_from_guard('app_public.credit_entries', '_000_require_writable_tenant', 'a tenant that is read-only can still pay and stop paying');
call core.allow('app_public.credit_entries', read => 'can_manage_billing');
grant select on app_public.credit_entries to rowhouse_user;
comment on table app_public.credit_entries is
  E'@behavior -insert -update -delete -query:resource:single\nThe credit account of this tenant. A positive entry adds credit, and a negative entry is credit that an invoice used. The sum is creditBalance of the billing profile. Reading them requires can_manage_billing.';
comment on column app_public.credit_entries.currency is 'The currency as an ISO 4217 code.';
comment on column app_public.credit_entries.amount is 'The amount in the currency.';
comment on column app_public.credit_entries.reason is 'Why the credit was added or used.';
comment on column app_public.credit_entries.memo is 'The reason that staff gave for goodwill, at most 1,000 characters.';
comment on column app_public.credit_entries.invoice_id is 'The document that the credit comes from or was used for.';
comment on column app_public.credit_entries.payment_id is 'The payment that was too much, or whose refund took the credit; null for other credit.';
comment on column app_public.credit_entries.occurred_at is 'When the entry was made.';
comment on column app_public.credit_entries.created_at is 'When the row was created.';
comment on constraint amount_is_money on app_public.credit_entries is 'must not be 0, and must be between -1,000,000,000,000 and 1,000,000,000,000';
comment on constraint memo_is_short on app_public.credit_entries is 'must have at most 1,000 characters';
comment on constraint credit_entries_tenant_id_invoice_id_fkey on app_public.credit_entries is E'@fieldName invoice\n@foreignFieldName creditEntries';

create or replace function billing.lock_billing(tenant_id uuid) returns app_public.billing_profiles
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_profile app_public.billing_profiles;
begin
  insert into app_public.billing_profiles (tenant_id, legal_name, email, country_code, issuer_id)
  select t.id, t.name, t.primary_contact_email, t.country_code, i.id
    from app_public.tenants t, app_public.invoice_issuers i
   where t.id = lock_billing.tenant_id and i.slug = 'default'
  on conflict on constraint billing_profiles_pkey do nothing;
  select * into v_profile from app_public.billing_profiles p where p.tenant_id = lock_billing.tenant_id for update;
  if not found then
    if not exists (select from app_public.tenants t where t.id = lock_billing.tenant_id) then
      perform core.raise_error('TN301', 'There is no such tenant.', 'Check the id of the tenant.');
    end if;
    perform core.raise_error('LB309', 'There is no invoice issuer with the slug default.', 'Ask platform staff to add it.');
  end if;
  return v_profile;
end
$$;
comment on function billing.lock_billing is
  E'@errors LB309 TN301\nLocks the billing of a tenant until the transaction ends, and creates its billing profile if there is none.';

create or replace function billing.lock_own_billing() returns app_public.billing_profiles
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  perform tenancy.require_permission('can_manage_billing');
  return billing.lock_billing(core.current_tenant_id());
end
$$;
comment on function billing.lock_own_billing is
  E'@errors ID203 LB309\nChecks the permission can_manage_billing, then locks the billing of the current tenant. Functions of the API that change billing begin with it.';

create or replace function billing.has_open_money(tenant_id uuid) returns boolean
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select exists (select from app_public.subscriptions s where s.tenant_id = has_open_money.tenant_id and s.ended_at is null)
      or exists (select from app_public.invoices i
                  where i.tenant_id = has_open_money.tenant_id and (i.status = 'draft' or i.amount_due > 0))
      or exists (select from app_public.payments p where p.tenant_id = has_open_money.tenant_id and p.status = 'pending')
      or exists (select from app_public.credit_entries e
                  where e.tenant_id = has_open_money.tenant_id group by e.currency having sum(e.amount) <> 0)
      or exists (select from app_public.wallet_top_ups t where t.tenant_id = has_open_money.tenant_id and t.amount_left > 0);
$$;
comment on function billing.has_open_money is
  'Whether a tenant has a subscription, a draft, an invoice with something due, a payment under way, credit or prepaid money, in any currency.';

create or replace function app_public.update_billing_profile(
  legal_name text default null, email text default null, address text default null, country_code text default null,
  tax_number text default null, currency text default null
) returns app_public.billing_profiles
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_profile app_public.billing_profiles := billing.lock_own_billing();
begin
  if update_billing_profile.currency <> v_profile.currency and billing.has_open_money(v_profile.tenant_id) then
    perform core.raise_error('LB503', 'The currency cannot change while there is a subscription, a draft, an open invoice or credit.',
      'Cancel the subscription and pay the open invoices first, or ask platform staff.');
  end if;
  update app_public.billing_profiles p
     set legal_name = coalesce(update_billing_profile.legal_name, p.legal_name),
         email = coalesce(core.fold_email(update_billing_profile.email), p.email),
         address = coalesce(update_billing_profile.address, p.address),
         country_code = coalesce(update_billing_profile.country_code, p.country_code),
         tax_number = coalesce(update_billing_profile.tax_number, p.tax_number),
         -- staff decided on the reverse charge for the number and the country of before
         tax_mode = case when p.tax_mode = 'reverse_charge'
                          and (coalesce(update_billing_profile.country_code, p.country_code) is distinct from p.country_code
                            or coalesce(update_billing_profile.tax_number, p.tax_number) is distinct from p.tax_number)
                      then 'standard' else p.tax_mode end,
         currency = coalesce(update_billing_profile.currency, p.currency)
   where p.tenant_id = v_profile.tenant_id
  returning * into v_profile;
  return v_profile;
end
$$;
comment on function app_public.update_billing_profile is
  E'@resultFieldName billingProfile\n@errors LB503 ID203 23514\nChanges who is billed. Arguments that are left out change nothing. The change appears on invoices that are finalised later. With another country or tax number the reverse charge ends until staff decide on it again. Requires can_manage_billing.';
grant execute on function app_public.update_billing_profile to rowhouse_user;

create or replace function app_public.set_billing_terms(
  tax_mode app_public.tax_mode default null, tax_rate numeric default null,
  collection_method app_public.collection_method default null, issuer_slug text default null,
  use_country_rate boolean default false
) returns app_public.billing_profiles
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_profile app_public.billing_profiles;
  v_issuer_id uuid;
begin
  perform tenancy.require_staff();
  v_profile := billing.lock_billing(core.current_tenant_id());
  select i.id into v_issuer_id from app_public.invoice_issuers i where i.slug = set_billing_terms.issuer_slug;
  if set_billing_terms.issuer_slug is not null and v_issuer_id is null then
    perform core.raise_error('LB309', 'There is no such invoice issuer.', 'Choose one of the invoice issuers.');
  end if;
  update app_public.billing_profiles p
     set tax_mode = coalesce(set_billing_terms.tax_mode, p.tax_mode),
         tax_rate = case when set_billing_terms.use_country_rate then null else coalesce(set_billing_terms.tax_rate, p.tax_rate) end,
         collection_method = coalesce(set_billing_terms.collection_method, p.collection_method),
         issuer_id = coalesce(v_issuer_id, p.issuer_id)
   where p.tenant_id = v_profile.tenant_id
  returning * into v_profile;
  return v_profile;
end
$$;
comment on function app_public.set_billing_terms is
  E'@resultFieldName billingProfile\n@errors LB309 TN205 23514\nSets how this tenant is taxed (tax_rate 0.19 is 19 %), how it pays, and which issuer bills it. Arguments that are left out change nothing; with use_country_rate the tax rate of the country is used again. Only platform staff may call it.';
grant execute on function app_public.set_billing_terms to rowhouse_user;

create or replace function billing.credit_balance(tenant_id uuid, currency text) returns numeric
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select coalesce(sum(e.amount), 0)
    from app_public.credit_entries e
   where e.tenant_id = credit_balance.tenant_id and e.currency = credit_balance.currency;
$$;
comment on function billing.credit_balance is
  'The credit of a tenant in a currency that no invoice has used yet: the sum of its credit entries.';

create or replace function app_public.billing_profiles_credit_balance(profile app_public.billing_profiles) returns numeric
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select billing.credit_balance(p.tenant_id, p.currency)
    from app_public.billing_profiles p
   where p.tenant_id = (profile).tenant_id and tenancy.has_permission('can_manage_billing');
$$;
comment on function app_public.billing_profiles_credit_balance is
  E'@notNull\nThe credit in the currency of the profile. The next invoices use it.';
grant execute on function app_public.billing_profiles_credit_balance to rowhouse_user;

create or replace function app_public.add_credit(amount numeric, memo text) returns app_public.credit_entries
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_profile app_public.billing_profiles;
  v_amount numeric;
  v_entry app_public.credit_entries;
begin
  perform tenancy.require_staff();
  v_profile := billing.lock_billing(core.current_tenant_id());
  v_amount := billing.payable_amount(add_credit.amount, v_profile.currency);
  if v_amount = 0 then
    perform core.raise_error('LB402', 'The amount must not be zero.', 'Give a positive amount to add credit, or a negative amount to take it back.');
  end if;
  if billing.credit_balance(v_profile.tenant_id, v_profile.currency) + v_amount < 0 then
    perform core.raise_error('LB603', 'This is more credit than the tenant has.', 'Take back at most the credit balance.');
  end if;
  insert into app_public.credit_entries (tenant_id, currency, amount, reason, memo, occurred_at)
  values (v_profile.tenant_id, v_profile.currency, v_amount, 'goodwill', add_credit.memo, core.clock())
  returning * into v_entry;
  perform billing.apply_credit(v_profile.tenant_id, v_profile.currency);
  return v_entry;
end
$$;
comment on function app_public.add_credit is
  E'@resultFieldName creditEntry\n@errors LB402 LB603 TN205 23514\nGives this tenant credit. It pays open invoices at once, the longest due first, and the rest pays the next ones. A negative amount takes unused credit back. Only platform staff may call it.';
grant execute on function app_public.add_credit to rowhouse_user;

create or replace function app_public.pay_out_credit(amount numeric, memo text) returns app_public.credit_entries
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_profile app_public.billing_profiles;
  v_amount numeric;
  v_entry app_public.credit_entries;
begin
  perform tenancy.require_staff();
  v_profile := billing.lock_billing(core.current_tenant_id());
  v_amount := billing.positive_payable_amount(pay_out_credit.amount, v_profile.currency);
  if v_amount > billing.credit_balance(v_profile.tenant_id, v_profile.currency) then
    perform core.raise_error('LB603', 'This is more credit than the tenant has.', 'Pay out at most the credit balance.');
  end if;
  insert into app_public.credit_entries (tenant_id, currency, amount, reason, memo, occurred_at)
  values (v_profile.tenant_id, v_profile.currency, -v_amount, 'payout', pay_out_credit.memo, core.clock())
  returning * into v_entry;
  return v_entry;
end
$$;
comment on function app_public.pay_out_credit is
  E'@resultFieldName creditEntry\n@errors LB402 LB603 TN205 23514\nRecords that credit of this tenant was paid out to it by bank transfer; the memo says how. Only platform staff may call it.';
grant execute on function app_public.pay_out_credit to rowhouse_user;

create or replace function billing.can_be_charged(tenant_id uuid) returns boolean
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select exists (select from app_public.billing_profiles p
                  where p.tenant_id = can_be_charged.tenant_id and p.collection_method = 'invoice')
      or exists (select from app_public.payment_methods m where m.tenant_id = can_be_charged.tenant_id and m.is_default);
$$;
comment on function billing.can_be_charged is
  'Whether a tenant can pay: it has a default payment method, or it pays by invoice.';

create or replace function billing.require_way_to_pay(tenant_id uuid) returns void
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  if not billing.can_be_charged(require_way_to_pay.tenant_id) then
    perform core.raise_error('LB508', 'This tenant has no way to pay yet.',
      'Add a payment method with add_payment_method, or ask platform staff for payment by invoice.');
  end if;
end
$$;
comment on function billing.require_way_to_pay is
  E'@errors LB508\nRaises an error when a tenant has neither a default payment method nor payment by invoice.';

create or replace function billing.add_billing_notice(
  tenant_id uuid, kind app_public.billing_notice_kind, subject_key text, message text,
  subscription_id uuid default null, invoice_id uuid default null
) returns boolean
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  insert into app_public.billing_notices (tenant_id, kind, subject_key, subscription_id, invoice_id, message, occurred_at)
  values (add_billing_notice.tenant_id, add_billing_notice.kind, add_billing_notice.subject_key, add_billing_notice.subscription_id,
          add_billing_notice.invoice_id, add_billing_notice.message, core.clock())
  on conflict on constraint billing_notices_tenant_id_kind_subject_key_key do nothing;
  return found;
end
$$;
comment on function billing.add_billing_notice is
  'Adds a notice for the people of a tenant, once for each kind and subject_key. The result is whether the notice is new.';
