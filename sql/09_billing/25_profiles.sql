-- Who is billed, how it pays, and the lock: every change of a tenant's billing holds its billing profile, so that two
-- workers, a webhook and a person never change it at once.

call core.secure_global_table('app_public.invoice_issuers', 'who issues invoices is the platforms');
call core.allow('app_public.invoice_issuers', write => 'staff');
grant select on app_public.invoice_issuers to rowhouse_user;
grant insert, update, delete on app_public.invoice_issuers to rowhouse_admin;
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

call core.secure_tenant_table('app_public.billing_profiles');
call core.allow('app_public.billing_profiles', read => 'can_manage_billing');
grant select on app_public.billing_profiles to rowhouse_user;
grant select, insert, update, delete on app_public.billing_profiles to rowhouse_platform;
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
comment on constraint billing_profiles_issuer_id_fkey on app_public.billing_profiles is E'@behavior -manyRelation:resource:list -manyRelation:resource:connection';

call core.secure_tenant_table('app_public.billing_notices');
call core.allow('app_public.billing_notices', read => 'can_manage_billing');
grant select on app_public.billing_notices to rowhouse_user;
comment on table app_public.billing_notices is
  E'@behavior -insert -update -delete -single\nWhat happened in this tenant''s billing that people must learn of, each once. For those with can_manage_billing.';
comment on column app_public.billing_notices.kind is 'trial_ending, trial_expired, subscription_started, subscription_renewed, subscription_paused, subscription_ended, invoice_finalised, invoice_overdue, payment_failed, payment_succeeded or invoice_uncollectible.';
comment on column app_public.billing_notices.subject_key is E'@behavior -*\nWhat it is once for.';
comment on column app_public.billing_notices.subscription_id is 'The subscription it is about.';
comment on column app_public.billing_notices.invoice_id is 'The invoice it is about.';
comment on column app_public.billing_notices.message is 'In words.';
comment on column app_public.billing_notices.occurred_at is 'When.';
comment on column app_public.billing_notices.created_at is 'When it was made.';
comment on constraint billing_notices_subscription_id_fkey on app_public.billing_notices is E'@fieldName subscription\n@foreignFieldName notices';

call core.secure_tenant_table('app_public.credit_entries');
call core.allow('app_public.credit_entries', read => 'can_manage_billing');
grant select on app_public.credit_entries to rowhouse_user;
comment on table app_public.credit_entries is
  E'@behavior -insert -update -delete -single\nThe account of credit: what came in is positive, what invoices used is negative. Its sum is billingProfile.creditBalance. For those with can_manage_billing.';
comment on column app_public.credit_entries.currency is 'ISO 4217.';
comment on column app_public.credit_entries.amount is 'In the currency.';
comment on column app_public.credit_entries.reason is 'negative_invoice, credit_note, overpayment, goodwill, used (by an invoice) or released (by one that was voided).';
comment on column app_public.credit_entries.memo is 'Why, for goodwill.';
comment on column app_public.credit_entries.invoice_id is 'The document it comes from or went to.';
comment on column app_public.credit_entries.occurred_at is 'When.';
comment on column app_public.credit_entries.created_at is 'When it was made.';
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
    perform core.raise_error('LB309', 'There is no such tenant, or nobody who bills it.', 'Add the invoice issuer with the slug default.');
  end if;
  return v_profile;
end
$$;
comment on function billing.lock_billing is
  E'@errors LB309\nLocks a tenant''s billing until the transaction ends, making its profile when there is none.';

create or replace function billing.begin_billing() returns app_public.billing_profiles
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  perform tenancy.require_permission('can_manage_billing');
  return billing.lock_billing(core.current_tenant_id());
end
$$;
comment on function billing.begin_billing is
  'What every billing function of the API begins with: ID203 without the permission can_manage_billing, then the lock.';

create or replace function app_public.update_billing_profile(
  legal_name text default null, email text default null, address text default null, country_code text default null,
  tax_number text default null, currency text default null
) returns app_public.billing_profiles
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_profile app_public.billing_profiles := billing.begin_billing();
begin
  if update_billing_profile.currency <> v_profile.currency and (
       exists (select from app_public.subscriptions s where s.tenant_id = v_profile.tenant_id and s.ended_at is null)
       or billing.credit_balance(v_profile.tenant_id) <> 0) then
    perform core.raise_error('LB503', 'The currency cannot change while there is a subscription or a credit balance.',
      'Cancel the subscription first, or ask the platform''s staff.');
  end if;
  update app_public.billing_profiles p
     set legal_name = coalesce(update_billing_profile.legal_name, p.legal_name),
         email = coalesce(lower(update_billing_profile.email), p.email),
         address = coalesce(update_billing_profile.address, p.address),
         country_code = coalesce(update_billing_profile.country_code, p.country_code),
         tax_number = coalesce(update_billing_profile.tax_number, p.tax_number),
         currency = coalesce(update_billing_profile.currency, p.currency)
   where p.tenant_id = v_profile.tenant_id
  returning * into v_profile;
  return v_profile;
end
$$;
comment on function app_public.update_billing_profile is
  E'@resultFieldName billingProfile\n@errors LB503 ID203 23514\nChanges who is billed; what is not given stays. It shows on invoices finalised from now on. Needs can_manage_billing.';
grant execute on function app_public.update_billing_profile to rowhouse_user;

create or replace function app_public.set_billing_terms(
  tax_mode text default null, tax_rate numeric default null, collection_method text default null, issuer_slug text default null
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
  select i.id into v_issuer_id from app_public.invoice_issuers i where i.slug = coalesce(set_billing_terms.issuer_slug, 'default');
  if set_billing_terms.issuer_slug is not null and v_issuer_id is null then
    perform core.raise_error('LB310', 'There is no such issuer.', 'invoice_issuers lists those there are.');
  end if;
  update app_public.billing_profiles p
     set tax_mode = coalesce(set_billing_terms.tax_mode, p.tax_mode),
         tax_rate = coalesce(set_billing_terms.tax_rate, p.tax_rate),
         collection_method = coalesce(set_billing_terms.collection_method, p.collection_method),
         issuer_id = case when set_billing_terms.issuer_slug is null then p.issuer_id else v_issuer_id end
   where p.tenant_id = v_profile.tenant_id
  returning * into v_profile;
  return v_profile;
end
$$;
comment on function app_public.set_billing_terms is
  E'@resultFieldName billingProfile\n@errors TN205 LB310 23514\nHow this tenant is taxed (tax_mode standard, reverse_charge or none; tax_rate 0.19 for 19 %), collected from (automatic: its payment method is charged; invoice: it pays by itself within the issuer''s terms) and by whom it is billed. Platform staff.';
grant execute on function app_public.set_billing_terms to rowhouse_user;

create or replace function billing.credit_balance(tenant_id uuid) returns numeric
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select coalesce(sum(e.amount), 0)
    from app_public.credit_entries e join app_public.billing_profiles p on p.tenant_id = e.tenant_id and p.currency = e.currency
   where e.tenant_id = credit_balance.tenant_id;
$$;
comment on function billing.credit_balance is
  'What a tenant has paid or been credited in its currency and no invoice has used yet.';

create or replace function app_public.billing_profiles_credit_balance(profile app_public.billing_profiles) returns numeric
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select billing.credit_balance(profile.tenant_id);
$$;
comment on function app_public.billing_profiles_credit_balance is
  'Credit in the profile''s currency that the next invoices use up.';
grant execute on function app_public.billing_profiles_credit_balance to rowhouse_user;

create or replace function app_public.add_credit(amount numeric, memo text) returns app_public.credit_entries
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_profile app_public.billing_profiles;
  v_entry app_public.credit_entries;
begin
  perform tenancy.require_staff();
  v_profile := billing.lock_billing(core.current_tenant_id());
  if add_credit.amount is null or add_credit.amount = 0 or not billing.is_money(add_credit.amount)
     or add_credit.amount <> billing.round_money(add_credit.amount, v_profile.currency)
     or billing.credit_balance(v_profile.tenant_id) + add_credit.amount < 0 then
    perform core.raise_error('LB402', 'The amount is not one that can be paid in this currency.',
      'Give an amount with the currency''s decimal places; credit cannot fall below zero.');
  end if;
  insert into app_public.credit_entries (tenant_id, currency, amount, reason, memo, occurred_at)
  values (v_profile.tenant_id, v_profile.currency, billing.round_money(add_credit.amount, v_profile.currency), 'goodwill', add_credit.memo, core.clock())
  returning * into v_entry;
  return v_entry;
end
$$;
comment on function app_public.add_credit is
  E'@resultFieldName creditEntry\n@errors TN205 LB402\nGives this tenant credit that its next invoices use up; a negative amount takes unused credit back. Platform staff.';
grant execute on function app_public.add_credit to rowhouse_user;

create or replace function billing.can_be_charged(tenant_id uuid) returns boolean
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select exists (select from app_public.billing_profiles p
                  where p.tenant_id = can_be_charged.tenant_id and p.collection_method = 'invoice')
      or exists (select from app_public.payment_methods m where m.tenant_id = can_be_charged.tenant_id and m.is_default);
$$;
comment on function billing.can_be_charged is
  'Whether a tenant has a payment method, or pays by invoice.';

create or replace function billing.notify_billing(
  tenant_id uuid, kind text, subject_key text, message text, subscription_id uuid default null, invoice_id uuid default null
) returns boolean
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  insert into app_public.billing_notices (tenant_id, kind, subject_key, subscription_id, invoice_id, message, occurred_at)
  values (notify_billing.tenant_id, notify_billing.kind, notify_billing.subject_key, notify_billing.subscription_id,
          notify_billing.invoice_id, notify_billing.message, core.clock())
  on conflict on constraint billing_notices_tenant_id_kind_subject_key_key do nothing;
  return found;
end
$$;
comment on function billing.notify_billing is
  'Notes something that the tenant''s people must learn of, once a kind and subject_key; returns whether it is new.';
