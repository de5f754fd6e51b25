-- A run of a sync, as its worker reports it: begun, page by page, what is gone, the end. Each function takes the run by its
-- number and does nothing when the run is over, so that a worker that is late, or one of two, changes nothing.

create or replace function knowledge.run_sync(tenant_id uuid, source_id uuid, run int)
returns table (source_type text, source_url text, source_config jsonb)
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  call core.enter_tenant(run_sync.tenant_id);
  update app_public.knowledge_syncs y
     set status = 'running', started_at = coalesce(y.started_at, core.clock()), progressed_at = core.clock()
   where y.tenant_id = run_sync.tenant_id and y.source_id = run_sync.source_id and y.run = run_sync.run
     and y.status in ('waiting', 'running');
  if not found then
    return;
  end if;
  if not tenancy.tenant_feature_enabled('rag_enabled') then
    perform knowledge.fail_sync(run_sync.tenant_id, run_sync.source_id, run_sync.run, 'The feature rag_enabled is switched off for this tenant.');
    return;
  end if;
  return query
    select s.source_type::text, s.source_url, s.source_config
      from app_public.rag_knowledge_sources s
     where s.tenant_id = run_sync.tenant_id and s.id = run_sync.source_id and s.deleted_at is null;
end
$$;
comment on function knowledge.run_sync is
  'Says that a worker is at this run of a sync, and what it needs to know of the source. No row when the run is over or another one has taken its place.';
grant execute on function knowledge.run_sync to rowhouse_worker;

create or replace function knowledge.continue_sync(tenant_id uuid, source_id uuid, run int) returns void
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  call core.enter_tenant(continue_sync.tenant_id);
  perform knowledge.enqueue_sync(y)
     from app_public.knowledge_syncs y
    where y.tenant_id = continue_sync.tenant_id and y.source_id = continue_sync.source_id and y.run = continue_sync.run
      and y.status = 'running';
end
$$;
comment on function knowledge.continue_sync is
  'Queues a run that is not at its end again, so that a large source does not keep others waiting.';
grant execute on function knowledge.continue_sync to rowhouse_worker;

create or replace function knowledge.known_page(tenant_id uuid, source_id uuid, external_id text)
returns table (run int, etag text, last_modified text)
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  call core.enter_tenant(known_page.tenant_id);
  return query
    -- A page whose document was deleted or could not be processed is fetched again, whether it has changed or not.
    select p.run, case when d.id is not null then p.etag end, case when d.id is not null then p.last_modified end
      from app_public.knowledge_sync_pages p
      left join app_public.documents d
        on d.tenant_id = p.tenant_id and d.source_id = p.source_id and d.external_id = p.external_id and d.processing_status <> 'failed'
     where p.tenant_id = known_page.tenant_id and p.source_id = known_page.source_id and p.external_id = normalize(known_page.external_id, nfc);
end
$$;
comment on function knowledge.known_page is
  'What is known of a page: the run that last came by it, and by which version its document was made.';
grant execute on function knowledge.known_page to rowhouse_worker;

create or replace function knowledge.live_sync(tenant_id uuid, source_id uuid, run int) returns app_public.rag_knowledge_sources
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_source app_public.rag_knowledge_sources;
begin
  call core.enter_tenant(live_sync.tenant_id);
  update app_public.knowledge_syncs y set progressed_at = core.clock()
   where y.tenant_id = live_sync.tenant_id and y.source_id = live_sync.source_id and y.run = live_sync.run and y.status = 'running';
  if found then
    select * into v_source from app_public.rag_knowledge_sources s
     where s.tenant_id = live_sync.tenant_id and s.id = live_sync.source_id and s.deleted_at is null;
  end if;
  return v_source;
end
$$;
comment on function knowledge.live_sync is
  'The source of a run that is running, whose row is locked until the transaction ends; null when it is over.';

create or replace function knowledge.note_unlisted(tenant_id uuid, source_id uuid, run int) returns void
language sql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
  select knowledge.live_sync(note_unlisted.tenant_id, note_unlisted.source_id, note_unlisted.run);
  update app_public.knowledge_syncs y set is_listed_whole = false
   where y.tenant_id = note_unlisted.tenant_id and y.source_id = note_unlisted.source_id and y.run = note_unlisted.run and y.status = 'running';
$$;
comment on function knowledge.note_unlisted is
  'Notes that a run cannot see all pages that there are, so that what it does not see is not removed.';
grant execute on function knowledge.note_unlisted to rowhouse_worker;

create or replace function knowledge.note_page(
  tenant_id uuid, source_id uuid, run int, external_id text, outcome text, error text default null,
  etag text default null, last_modified text default null
) returns boolean
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_source app_public.rag_knowledge_sources := knowledge.live_sync(note_page.tenant_id, note_page.source_id, note_page.run);
begin
  if v_source.id is null then
    return false;
  end if;
  insert into app_public.knowledge_sync_pages as p (
    tenant_id, source_id, external_id, run, outcome, error, etag, last_modified, checked_at)
  values (
    note_page.tenant_id, note_page.source_id, normalize(note_page.external_id, nfc), note_page.run, note_page.outcome,
    left(note_page.error, knowledge.longest_error()), note_page.etag, note_page.last_modified, core.clock())
  on conflict on constraint knowledge_sync_pages_pkey do update
    set run = excluded.run, outcome = excluded.outcome, error = excluded.error, checked_at = excluded.checked_at,
        -- What was not read again keeps the version that it was read in.
        etag = case when excluded.outcome in ('created', 'replaced') then excluded.etag else coalesce(excluded.etag, p.etag) end,
        last_modified = case when excluded.outcome in ('created', 'replaced') then excluded.last_modified else coalesce(excluded.last_modified, p.last_modified) end;
  return true;
end
$$;
comment on function knowledge.note_page is
  'Notes what a run found of a page. False when the run is over, so that its worker stops.';
grant execute on function knowledge.note_page to rowhouse_worker;

-- A page is a file, or a document whose text is known.
create or replace function knowledge.take_page(
  tenant_id uuid, source_id uuid, run int, document app_public.new_document,
  file_name text default null, file_content bytea default null, media_type text default null,
  etag text default null, last_modified text default null
) returns text
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_source app_public.rag_knowledge_sources := knowledge.live_sync(take_page.tenant_id, take_page.source_id, take_page.run);
  v_error text := case
    when file_content is null then knowledge.document_error(document)
    when octet_length(file_content) not between 1 and knowledge.largest_file() then 'The file is empty or larger than 50 MB.'
    else knowledge.document_error((document.external_id, document.title, 'a file', document.metadata)::app_public.new_document)
  end;
  v_receipt app_public.document_receipt;
begin
  if v_source.id is null then
    return null;
  end if;
  if v_error is not null then
    perform knowledge.note_page(take_page.tenant_id, take_page.source_id, take_page.run, (document).external_id, 'failed', v_error);
    return 'failed';
  end if;
  v_receipt := knowledge.put_document(
    v_source, document, take_page.file_name, take_page.file_content, coalesce(take_page.media_type, 'text/plain'));
  if v_receipt.outcome in ('created', 'replaced') then
    perform knowledge.enqueue_stage(
      case when file_content is null then 'chunk' else 'parse' end::knowledge.processing_stage, v_source.tenant_id, array[v_receipt.document_id]);
  else
    v_receipt.outcome := 'unchanged';
  end if;
  perform knowledge.note_page(
    take_page.tenant_id, take_page.source_id, take_page.run, (document).external_id, v_receipt.outcome::text, null,
    left(take_page.etag, 1000), left(take_page.last_modified, 1000));
  return v_receipt.outcome;
end
$$;
comment on function knowledge.take_page is
  'Takes a page over as a document and returns whether it was created, replaced, unchanged or failed; null when the run is over. A document that is replaced stays searchable until its next version is read.';
grant execute on function knowledge.take_page to rowhouse_worker;

create or replace function knowledge.run_has_read(tenant_id uuid, source_id uuid, run int) returns boolean
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select exists (
    select from app_public.knowledge_sync_pages p
     where p.tenant_id = run_has_read.tenant_id and p.source_id = run_has_read.source_id and p.run = run_has_read.run
       and p.outcome in ('created', 'replaced', 'unchanged'));
$$;
comment on function knowledge.run_has_read is
  'Whether a run could read a page. One that could not says nothing about which pages there are.';

create or replace function knowledge.has_document(source app_public.rag_knowledge_sources, external_id text) returns boolean
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select exists (
    select from app_public.documents d
     where d.tenant_id = (source).tenant_id and d.source_id = (source).id and d.external_id = has_document.external_id);
$$;
comment on function knowledge.has_document is 'Whether a source has a document of this key.';

create or replace function knowledge.remove_pages(tenant_id uuid, source_id uuid, run int, page_limit int) returns int
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_source app_public.rag_knowledge_sources := knowledge.live_sync(remove_pages.tenant_id, remove_pages.source_id, remove_pages.run);
  v_is_pruned boolean := coalesce((v_source.source_config ->> 'prune')::boolean, true);
  v_is_listed_whole boolean := (
    select y.is_listed_whole from app_public.knowledge_syncs y where y.tenant_id = remove_pages.tenant_id and y.source_id = remove_pages.source_id);
  v_keys text[];
begin
  if v_source.id is null or not knowledge.run_has_read(remove_pages.tenant_id, remove_pages.source_id, remove_pages.run) then
    return 0;
  end if;
  select array_agg(p.external_id) into v_keys
    from (
      select q.external_id from app_public.knowledge_sync_pages q
       where q.tenant_id = remove_pages.tenant_id and q.source_id = remove_pages.source_id and q.outcome <> 'removed'
         and (q.run < remove_pages.run and v_is_listed_whole
              or v_is_pruned and q.run = remove_pages.run and q.outcome = 'gone' and knowledge.has_document(v_source, q.external_id))
       order by q.external_id
       limit remove_pages.page_limit
    ) as p;
  update app_public.knowledge_sync_pages p
     set run = remove_pages.run, outcome = case when v_is_pruned or not knowledge.has_document(v_source, p.external_id) then 'removed' else 'gone' end,
         error = coalesce(case when p.outcome = 'gone' then p.error end, 'It is no longer listed.'), etag = null, last_modified = null
   where p.tenant_id = remove_pages.tenant_id and p.source_id = remove_pages.source_id and p.external_id = any (v_keys);
  if v_is_pruned then
    perform knowledge.lock_documents(remove_pages.tenant_id, array(
      select d.id from app_public.documents d
       where d.tenant_id = remove_pages.tenant_id and d.source_id = remove_pages.source_id and d.external_id = any (v_keys)));
    delete from app_public.documents d
     where d.tenant_id = remove_pages.tenant_id and d.source_id = remove_pages.source_id and d.external_id = any (v_keys);
  end if;
  return coalesce(cardinality(v_keys), 0);
end
$$;
comment on function knowledge.remove_pages is
  'Removes some of the documents whose pages are no longer there, or marks them where source_config says prune: false. Returns how many: when it is 0, all are done. Documents that were added otherwise stay, and so does everything when the run could read nothing.';
grant execute on function knowledge.remove_pages to rowhouse_worker;

create or replace function knowledge.finish_sync(tenant_id uuid, source_id uuid, run int) returns void
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_source app_public.rag_knowledge_sources := knowledge.live_sync(finish_sync.tenant_id, finish_sync.source_id, finish_sync.run);
begin
  if v_source.id is null then
    return;
  end if;
  delete from app_public.knowledge_sync_pages p
   where p.tenant_id = finish_sync.tenant_id and p.source_id = finish_sync.source_id and p.run < finish_sync.run and p.outcome = 'removed';
  if not knowledge.run_has_read(finish_sync.tenant_id, finish_sync.source_id, finish_sync.run) then
    perform knowledge.fail_sync(finish_sync.tenant_id, finish_sync.source_id, finish_sync.run,
      'None of its pages could be read, so that nothing was removed. The pages say why.');
    return;
  end if;
  update app_public.knowledge_syncs y set status = 'completed', finished_at = core.clock()
   where y.tenant_id = finish_sync.tenant_id and y.source_id = finish_sync.source_id;
  update app_public.rag_knowledge_sources s set last_synced_at = core.clock()
   where s.tenant_id = finish_sync.tenant_id and s.id = finish_sync.source_id;
end
$$;
comment on function knowledge.finish_sync is 'Ends a run that has come by all pages.';
grant execute on function knowledge.finish_sync to rowhouse_worker;

create or replace function knowledge.fail_sync(tenant_id uuid, source_id uuid, run int, error text) returns void
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  call core.enter_tenant(fail_sync.tenant_id);
  update app_public.knowledge_syncs y
     set status = 'failed', finished_at = core.clock(), error = left(coalesce(fail_sync.error, 'The sync failed.'), knowledge.longest_error())
   where y.tenant_id = fail_sync.tenant_id and y.source_id = fail_sync.source_id and y.run = fail_sync.run
     and y.status in ('waiting', 'running');
end
$$;
comment on function knowledge.fail_sync is
  'Ends a run that cannot go on, with an error that people can read. The documents stay as they are.';
grant execute on function knowledge.fail_sync to rowhouse_worker;
