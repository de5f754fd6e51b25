-- A finalised invoice and its lines are what they are, for every role and for SQL typed by a superuser. Only its way to
-- being paid goes on. Whoever must break this has to take the trigger off first, which leaves its mark in the schema.

create or replace function billing.tg_invoices__keep_final() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_moving constant text[] := array['status', 'amount_credited', 'amount_paid', 'amount_due', 'is_charge_requested', 'attempt_count', 'next_attempt_at',
    'paid_at', 'voided_at', 'void_reason', 'uncollectible_at', 'updated_at'];
begin
  if tg_op = 'INSERT' then
    if new.status <> 'draft' then
      perform core.raise_error('LB516', 'An invoice begins as a draft.', 'Insert a draft and finalise it.');
    end if;
    return new;
  end if;
  if tg_op = 'DELETE' then
    -- with its whole tenant a document may go; its number stays taken in billing.invoice_numbers
    if old.status <> 'draft' and exists (select from app_public.tenants t where t.id = old.tenant_id) then
      perform core.raise_error('LB515', 'A finalised invoice cannot be changed or deleted.', 'Correct it with a credit note, or void it.');
    end if;
    return old;
  end if;

  if old.status = 'draft' then
    if new.status = 'finalised' then
      if new.subtotal is distinct from (select coalesce(sum(l.amount), 0) from app_public.invoice_lines l
                                         where l.tenant_id = new.tenant_id and l.invoice_id = new.id) then
        perform core.raise_error('LB901', 'The lines do not make the subtotal.', 'Finalise it with finalise_invoice.');
      end if;
      if not exists (select from billing.invoice_numbers n
                      where n.document_id = new.id and n.issuer_id = new.issuer_id and n.series = new.series
                        and n.sequence_number = new.sequence_number) then
        perform core.raise_error('LB902', 'The number was not issued to this invoice.', 'Finalise it with finalise_invoice.');
      end if;
    elsif new.status <> 'draft' then
      perform core.raise_error('LB516', 'An invoice cannot go from its state to this one.', 'Finalise the draft first, or delete it.');
    end if;
    return new;
  end if;

  if to_jsonb(new) - v_moving <> to_jsonb(old) - v_moving then
    perform core.raise_error('LB515', 'A finalised invoice cannot be changed or deleted.', 'Correct it with a credit note, or void it.');
  end if;
  if new.status <> old.status and not (
       old.status = 'finalised' and new.status in ('paid', 'void', 'uncollectible')
       or old.status = 'uncollectible' and new.status in ('paid', 'void')) then
    perform core.raise_error('LB516', 'An invoice cannot go from its state to this one.',
      'finalised may become paid, void or uncollectible; uncollectible may still be paid or voided.');
  end if;
  if new.amount_paid < old.amount_paid or new.amount_credited < old.amount_credited
     or new.status = 'void' and new.amount_paid > 0
     or old.status in ('paid', 'void') and (new.amount_paid <> old.amount_paid or new.amount_credited <> old.amount_credited) then
    perform core.raise_error('LB516', 'What was paid or credited cannot be taken back from an invoice.', 'Refund the payment instead.');
  end if;
  return new;
end
$$;
comment on function billing.tg_invoices__keep_final is
  'LB515: it is final; LB516: no such step; LB901, LB902: it was not finalised by the function for that.';

create or replace function billing.tg_invoice_lines__keep_final() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_row app_public.invoice_lines;
begin
  foreach v_row in array case tg_op when 'INSERT' then array[new] when 'DELETE' then array[old] else array[old, new] end loop
    -- locked, so that the invoice is not finalised beside us; gone when the tenant or the draft goes as a whole
    perform from app_public.invoices i where i.tenant_id = v_row.tenant_id and i.id = v_row.invoice_id for share;
    if exists (select from app_public.invoices i
                where i.tenant_id = v_row.tenant_id and i.id = v_row.invoice_id and i.status <> 'draft')
       and exists (select from app_public.tenants t where t.id = v_row.tenant_id) then
      perform core.raise_error('LB515', 'The lines of a finalised invoice cannot be changed.', 'Correct it with a credit note.');
    end if;
  end loop;
  return case tg_op when 'DELETE' then old else new end;
end
$$;
comment on function billing.tg_invoice_lines__keep_final is
  'LB515: the invoice is final.';

create or replace function billing.tg__forbid_truncate() returns trigger
language plpgsql
set search_path to pg_catalog, pg_temp
as $$
begin
  perform core.raise_error('LB515', 'What was billed cannot be emptied.', 'Delete drafts one by one; delete a tenant as a whole.');
  return null;
end
$$;
comment on function billing.tg__forbid_truncate is
  'LB515, always.';

create or replace trigger _200_keep_final before insert or update or delete on app_public.invoices
  for each row execute function billing.tg_invoices__keep_final();
create or replace trigger _200_keep_final before insert or update or delete on app_public.invoice_lines
  for each row execute function billing.tg_invoice_lines__keep_final();
create or replace trigger _200_forbid_truncate before truncate on app_public.invoices
  for each statement execute function billing.tg__forbid_truncate();
create or replace trigger _200_forbid_truncate before truncate on app_public.invoice_lines
  for each statement execute function billing.tg__forbid_truncate();
create or replace trigger _200_forbid_truncate before truncate on billing.invoice_numbers
  for each statement execute function billing.tg__forbid_truncate();
