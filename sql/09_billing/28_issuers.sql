-- Issuers are edited by staff. A number is a prefix and digits, and no prefix ends in a digit, so two numbers are equal only
-- with the same prefix. Each prefix belongs to one series of one issuer for ever.

call core.secure_global_table('billing.number_prefixes', 'the companies that issue invoices belong to the platform');
comment on table billing.number_prefixes is 'Every prefix of numbers, in lower case, with the issuer and series that have or had it.';

create or replace function billing.tg_invoice_issuers__claim_prefixes() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_claim record;
begin
  for v_claim in
    select lower(p.prefix) as prefix, p.prefix as shown, p.series::app_public.invoice_series
      from (values (new.number_prefix, 'invoice'), (new.credit_note_prefix, 'credit_note')) as p (prefix, series)
     -- in one order, so that two who claim each other's prefixes wait and do not deadlock
     order by lower(p.prefix), p.series
  loop
    insert into billing.number_prefixes (prefix, issuer_id, series) values (v_claim.prefix, new.id, v_claim.series)
    on conflict on constraint number_prefixes_pkey do nothing;
    if not exists (
      select from billing.number_prefixes n
       where n.prefix = v_claim.prefix and n.issuer_id = new.id and n.series = v_claim.series) then
      perform core.raise_error('LB528', format('The prefix "%s" belongs to other numbers.', v_claim.shown),
        'Choose a prefix that no issuer has or had, one for invoices and another one for credit notes.');
    end if;
  end loop;
  return null;
end
$$;
comment on function billing.tg_invoice_issuers__claim_prefixes is
  E'@errors LB528\nClaims the prefixes of an issuer, and refuses one that another issuer or the other series has or had.';

create or replace trigger _500_claim_prefixes after insert or update of number_prefix, credit_note_prefix on app_public.invoice_issuers
  for each row execute function billing.tg_invoice_issuers__claim_prefixes();

create or replace function app_public.save_invoice_issuer(
  slug text, name text default null, address text default null, tax_number text default null, number_prefix text default null,
  credit_note_prefix text default null, payment_terms_days int default null, draft_hours int default null, footer text default null
) returns app_public.invoice_issuers
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_issuer app_public.invoice_issuers;
begin
  perform tenancy.require_staff();
  update app_public.invoice_issuers i
     set name = coalesce(save_invoice_issuer.name, i.name),
         address = coalesce(save_invoice_issuer.address, i.address),
         tax_number = coalesce(save_invoice_issuer.tax_number, i.tax_number),
         number_prefix = coalesce(save_invoice_issuer.number_prefix, i.number_prefix),
         credit_note_prefix = coalesce(save_invoice_issuer.credit_note_prefix, i.credit_note_prefix),
         payment_terms_days = coalesce(save_invoice_issuer.payment_terms_days, i.payment_terms_days),
         draft_hours = coalesce(save_invoice_issuer.draft_hours, i.draft_hours),
         footer = coalesce(save_invoice_issuer.footer, i.footer)
   where i.slug = save_invoice_issuer.slug
  returning * into v_issuer;
  if not found then
    insert into app_public.invoice_issuers as i (
      slug, name, address, tax_number, number_prefix, credit_note_prefix, payment_terms_days, draft_hours, footer)
    values (
      save_invoice_issuer.slug, save_invoice_issuer.name, save_invoice_issuer.address, save_invoice_issuer.tax_number,
      coalesce(save_invoice_issuer.number_prefix, upper(save_invoice_issuer.slug) || '-INV-'),
      coalesce(save_invoice_issuer.credit_note_prefix, upper(save_invoice_issuer.slug) || '-CN-'),
      coalesce(save_invoice_issuer.payment_terms_days, 14), coalesce(save_invoice_issuer.draft_hours, 1), save_invoice_issuer.footer)
    returning * into v_issuer;
  end if;
  return v_issuer;
end
$$;
comment on function app_public.save_invoice_issuer is
  E'@resultFieldName invoiceIssuer\n@errors LB528 TN205 23502 23505 23514\nAdds a company that issues invoices, or changes one. A new one needs a name; its prefixes are the slug with -INV- and -CN- unless they are given. Arguments that are left out change nothing. Its final documents stay as they are, and its numbers go on. set_billing_terms says which tenants it bills. Only platform staff may call it.';
grant execute on function app_public.save_invoice_issuer to rowhouse_user;
