-- An upload for which there is no room is refused when its ticket is asked for, before its bytes are sent. That is only an early
-- answer: what counts, the document, is counted when it is stored.

create or replace function metering.tg_upload_tickets__require_room() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_replaced_bytes bigint := (
    select d.size_bytes from app_public.documents d
     where d.tenant_id = new.tenant_id and d.source_id = new.source_id and d.external_id = normalize(new.external_id, nfc));
  v_wanted jsonb := jsonb_build_object(
    'documents', case when v_replaced_bytes is null then 1 else 0 end, 'storage', new.size_bytes - coalesce(v_replaced_bytes, 0));
  v_full app_public.quota_status;
begin
  select * into v_full from app_public.my_quotas() q
   where v_wanted ? q.quota_type and (v_wanted ->> q.quota_type)::numeric > 0
     and q.current_usage + q.reserved + (v_wanted ->> q.quota_type)::numeric > q.hard_limit
   limit 1;
  if found then
    perform core.raise_error('QT601',
      format('The quota of %s, %s, has no room for %s.', v_full.quota_type, trim_scale(v_full.hard_limit), new.file_name),
      'Delete what is no longer needed, or ask for a higher limit.');
  end if;
  return null;
end
$$;
comment on function metering.tg_upload_tickets__require_room is
  E'@errors QT601\nRefuses a ticket for a file that the quotas of documents and storage have no room for.';

create or replace trigger _600_require_room after insert on knowledge.upload_tickets
  for each row execute function metering.tg_upload_tickets__require_room();
