-- Sources that stay fresh: the documents of a source are compared with the place they come from, on request or by the clock.
-- A worker reads the place (server/sources) and reports each page here. A run that stops is gone on with, because every page
-- says which run came by it; what was counted is counted from the pages, never kept beside them.

call core.secure_tenant_table('app_public.knowledge_syncs');
call core.allow('app_public.knowledge_syncs', read => 'member');
grant select on app_public.knowledge_syncs to rowhouse_user;
grant select, insert, update, delete on app_public.knowledge_syncs to rowhouse_platform;
comment on table app_public.knowledge_syncs is
  E'@behavior -query:resource:connection -query:resource:single -insert -update -delete\nThe last comparison of a knowledge source with the place its documents come from. sync_knowledge_source asks for one; syncEveryMinutes in source_config repeats it.';
comment on constraint knowledge_syncs_tenant_id_source_id_fkey on app_public.knowledge_syncs is E'@fieldName source\n@foreignFieldName sync';
comment on column app_public.knowledge_syncs.source_id is 'The knowledge source.';
comment on column app_public.knowledge_syncs.run is 'The number of the comparison, from 1.';
comment on column app_public.knowledge_syncs.status is 'Whether it waits for a worker, is running, is completed, or has failed (error says why). It can be completed although some pages have failed.';
comment on column app_public.knowledge_syncs.is_listed_whole is 'Whether it could see which pages there are. When it could not, because a sitemap could not be read or has more pages than maxPages, what it did not see is not removed.';
comment on column app_public.knowledge_syncs.requested_at is 'When it was asked for.';
comment on column app_public.knowledge_syncs.started_at is 'When a worker began it; null while it waits.';
comment on column app_public.knowledge_syncs.progressed_at is 'When a worker last reported a page.';
comment on column app_public.knowledge_syncs.finished_at is 'When it ended; null while it has not.';
comment on column app_public.knowledge_syncs.error is 'Why it failed; null when it has not.';
comment on constraint run_is_positive on app_public.knowledge_syncs is 'must be 1 or more';
comment on domain app_public.sync_status is 'The state of a comparison: waiting, running, completed or failed.';

call core.secure_tenant_table('app_public.knowledge_sync_pages');
call core.allow('app_public.knowledge_sync_pages', read => 'member');
grant select on app_public.knowledge_sync_pages to rowhouse_user;
grant select, insert, update, delete on app_public.knowledge_sync_pages to rowhouse_platform;
comment on table app_public.knowledge_sync_pages is
  E'@large\n@behavior -query:resource:connection -query:resource:single -insert -update -delete\nThe pages of a knowledge source that is kept fresh, each with what was last found there. Those of the last comparison have its run.';
comment on constraint knowledge_sync_pages_tenant_id_source_id_fkey on app_public.knowledge_sync_pages is E'@fieldName sync\n@foreignFieldName pages';
comment on column app_public.knowledge_sync_pages.source_id is 'The knowledge source.';
comment on column app_public.knowledge_sync_pages.external_id is 'The address of the page, or another key: the external id of its document.';
comment on column app_public.knowledge_sync_pages.run is 'The number of the comparison that last came by it.';
comment on column app_public.knowledge_sync_pages.outcome is 'Whether its document was created, replaced or is unchanged, whether it could not be read (failed), is no longer there (gone), or was removed for that.';
comment on column app_public.knowledge_sync_pages.error is 'Why it could not be read; null when it could.';
comment on column app_public.knowledge_sync_pages.etag is E'@behavior -*\nThe version of the page as its server calls it.';
comment on column app_public.knowledge_sync_pages.last_modified is E'@behavior -*\nWhen the page changed, as its server says it.';
comment on column app_public.knowledge_sync_pages.checked_at is 'When it was last looked at.';
comment on constraint external_id_is_a_key on app_public.knowledge_sync_pages is 'must be 1 to 1,024 characters long';
comment on constraint run_is_positive on app_public.knowledge_sync_pages is 'must be 1 or more';
comment on domain app_public.sync_outcome is 'What a comparison found of a page: created, replaced, unchanged, failed (it could not be read; its document stays), gone (it is no longer there; its document stays) or removed (its document, too).';

comment on type app_public.sync_counts is 'How many pages of a comparison had each outcome.';
comment on column app_public.sync_counts.created is E'@notNull\nPages that were new.';
comment on column app_public.sync_counts.replaced is E'@notNull\nPages that had changed.';
comment on column app_public.sync_counts.unchanged is E'@notNull\nPages that were as before.';
comment on column app_public.sync_counts.failed is E'@notNull\nPages that could not be read. Their documents stay.';
comment on column app_public.sync_counts.gone is E'@notNull\nPages that are no longer there and whose documents stay.';
comment on column app_public.sync_counts.removed is E'@notNull\nPages that are no longer there and whose documents were removed.';

create or replace function app_public.knowledge_syncs_counts(sync app_public.knowledge_syncs) returns app_public.sync_counts
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select
    (count(*) filter (where outcome = 'created'))::int,
    (count(*) filter (where outcome = 'replaced'))::int,
    (count(*) filter (where outcome = 'unchanged'))::int,
    (count(*) filter (where outcome = 'failed'))::int,
    (count(*) filter (where outcome = 'gone'))::int,
    (count(*) filter (where outcome = 'removed'))::int
    from app_public.knowledge_sync_pages p
   where p.tenant_id = (sync).tenant_id and p.source_id = (sync).source_id and p.run = (sync).run;
$$;
comment on function app_public.knowledge_syncs_counts is
  'How many pages this comparison has come by so far, by what it found.';
grant execute on function app_public.knowledge_syncs_counts to rowhouse_user;

-- A run whose worker has said nothing for so long is taken to be dead. A page takes two minutes at most.
create or replace function knowledge.longest_silence() returns interval
language sql immutable parallel safe return interval '15 minutes';
comment on function knowledge.longest_silence is 'How long a sync may report nothing before another one may take its place.';
grant execute on function knowledge.longest_silence to rowhouse_platform;

create or replace function knowledge.begin_run(source app_public.rag_knowledge_sources) returns app_public.knowledge_syncs
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_sync app_public.knowledge_syncs;
  v_now timestamptz := core.clock();
begin
  insert into app_public.knowledge_syncs as y (tenant_id, source_id, requested_at, progressed_at)
  values ((source).tenant_id, (source).id, v_now, v_now)
  on conflict on constraint knowledge_syncs_pkey do update
    set run = y.run + 1, status = 'waiting', is_listed_whole = true, requested_at = v_now, progressed_at = v_now,
        started_at = null, finished_at = null, error = null
    where y.status in ('completed', 'failed') or y.progressed_at < v_now - knowledge.longest_silence()
  returning * into v_sync;
  if not found then
    select * into strict v_sync from app_public.knowledge_syncs y where y.tenant_id = (source).tenant_id and y.source_id = (source).id;
    return v_sync;
  end if;
  perform knowledge.enqueue_sync(v_sync);
  return v_sync;
end
$$;
comment on function knowledge.begin_run is
  'Asks for a sync of a source, unless one waits or is running. Returns the one that will be or is there.';
grant execute on function knowledge.begin_run to rowhouse_platform;

create or replace function knowledge.enqueue_sync(sync app_public.knowledge_syncs) returns void
language sql volatile
set search_path to pg_catalog, pg_temp
as $$
  select core.enqueue_tenant_job(
    'knowledge__sync_source',
    json_build_object('tenantId', (sync).tenant_id, 'sourceId', (sync).source_id, 'run', (sync).run),
    (sync).tenant_id, 'knowledge__sync_source:' || (sync).source_id);
$$;
comment on function knowledge.enqueue_sync is 'Queues the task of a sync, at most once for each source.';
grant execute on function knowledge.enqueue_sync to rowhouse_platform;

create or replace function app_public.sync_knowledge_source(source_id uuid) returns app_public.knowledge_syncs
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_source app_public.rag_knowledge_sources := knowledge.writable_source(sync_knowledge_source.source_id);
begin
  if v_source.source_type = 'file' then
    perform core.raise_error('KN405', 'The documents of this source are uploaded.', 'Set sourceType to url, for example, and sourceUrl to the address of a page or a sitemap.');
  end if;
  return knowledge.begin_run(v_source);
end
$$;
comment on function app_public.sync_knowledge_source is
  E'@resultFieldName sync\n@errors KN301 KN405 ID203 TN204\nCompares a knowledge source with the place its documents come from, now and in the background: new and changed pages are taken over, and what is no longer there is removed unless source_config says prune: false. It does nothing while a sync waits or is running. It requires the permission can_manage_knowledge.';
grant execute on function app_public.sync_knowledge_source to rowhouse_user;

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
  v_longest_error constant int := 2000;
  v_source app_public.rag_knowledge_sources := knowledge.live_sync(note_page.tenant_id, note_page.source_id, note_page.run);
begin
  if v_source.id is null then
    return false;
  end if;
  insert into app_public.knowledge_sync_pages as p (
    tenant_id, source_id, external_id, run, outcome, error, etag, last_modified, checked_at)
  values (
    note_page.tenant_id, note_page.source_id, normalize(note_page.external_id, nfc), note_page.run, note_page.outcome,
    left(note_page.error, v_longest_error), note_page.etag, note_page.last_modified, core.clock())
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
declare
  v_longest_error constant int := 2000;
begin
  call core.enter_tenant(fail_sync.tenant_id);
  update app_public.knowledge_syncs y
     set status = 'failed', finished_at = core.clock(), error = left(coalesce(fail_sync.error, 'The sync failed.'), v_longest_error)
   where y.tenant_id = fail_sync.tenant_id and y.source_id = fail_sync.source_id and y.run = fail_sync.run
     and y.status in ('waiting', 'running');
end
$$;
comment on function knowledge.fail_sync is
  'Ends a run that cannot go on, with an error that people can read. The documents stay as they are.';
grant execute on function knowledge.fail_sync to rowhouse_worker;

set local role rowhouse_platform;  -- outside the wall: the clock looks at the sources of all tenants
create or replace function knowledge.queue_due_syncs() returns int
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_most constant int := 500;
  v_source app_public.rag_knowledge_sources;
  v_count int := 0;
begin
  for v_source in
    select s.*
      from app_public.rag_knowledge_sources s
      join app_public.tenants t on t.id = s.tenant_id
      left join app_public.knowledge_syncs y on y.tenant_id = s.tenant_id and y.source_id = s.id
     where s.deleted_at is null and s.enabled and s.source_type <> 'file' and s.source_config ? 'syncEveryMinutes'
       and tenancy.is_open(t.status, t.ancestor_ids)
       and (y.source_id is null
            or y.requested_at <= core.clock() - make_interval(mins => (s.source_config ->> 'syncEveryMinutes')::int)
               and (y.status in ('completed', 'failed') or y.progressed_at < core.clock() - knowledge.longest_silence()))
     order by y.requested_at nulls first, s.id
     limit v_most
  loop
    call core.enter_tenant(v_source.tenant_id);
    perform knowledge.begin_run(v_source);
    v_count := v_count + 1;
  end loop;
  return v_count;
end
$$;
comment on function knowledge.queue_due_syncs is
  'Asks for a sync of the sources whose time has come, those first that have waited longest. Returns how many. Two workers at once do no harm, because one of them finds that the sync waits already.';
grant execute on function knowledge.queue_due_syncs to rowhouse_worker;

set local role rowhouse_owner;

create or replace function knowledge.sync_config_faults(source_type text, config jsonb) returns text[]
language plpgsql immutable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_shape constant jsonb := '{"syncEveryMinutes": "integer", "maxPages": "integer", "prune": "boolean", "urls": "strings"}';
  v_most_urls constant int := 1000;
  v_faults text[];
begin
  -- Sources of other types have keys of their own beside these.
  v_faults := catalog.object_faults(case when sync_config_faults.source_type = 'url' then config
    else (select coalesce(jsonb_object_agg(key, value), '{}') from jsonb_each(config) where v_shape - 'urls' ? key) end, v_shape);
  if cardinality(v_faults) > 0 then
    return v_faults;
  end if;
  if (config ->> 'syncEveryMinutes')::int not between 5 and 525600 then
    v_faults := v_faults || 'syncEveryMinutes must be from 5 to 525,600'::text;
  end if;
  if (config ->> 'maxPages')::int not between 1 and 10000 then
    v_faults := v_faults || 'maxPages must be from 1 to 10,000'::text;
  end if;
  if sync_config_faults.source_type = 'url' and config ? 'urls' then
    if jsonb_array_length(config -> 'urls') not between 1 and v_most_urls then
      v_faults := v_faults || 'urls must have 1 to 1,000 addresses'::text;
    elsif exists (select from jsonb_array_elements_text(config -> 'urls') as url where not core.is_web_url(url) or length(url) > 1000) then
      v_faults := v_faults || 'urls must be http addresses without user and password, with at most 1,000 characters each'::text;
    end if;
  end if;
  return v_faults;
end
$$;
comment on function knowledge.sync_config_faults is 'What is wrong with the source_config of a source of this type; empty when nothing is.';

create or replace function knowledge.tg_rag_knowledge_sources__check_sync() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  perform catalog.refuse_faults('KN406', 'sourceConfig is not usable', knowledge.sync_config_faults(new.source_type, new.source_config),
    'docs/knowledge.md has the keys.');
  if new.source_type = 'url' and new.source_url is null and not new.source_config ? 'urls' then
    perform core.raise_error('KN407', 'A source of the type url needs an address.', 'Set sourceUrl, or urls in sourceConfig.');
  end if;
  return new;
end
$$;
comment on function knowledge.tg_rag_knowledge_sources__check_sync is
  E'@errors KN406 KN407\nChecks the settings by which a source stays fresh.';

create or replace trigger _300_check_sync before insert or update of source_type, source_url, source_config on app_public.rag_knowledge_sources
  for each row execute function knowledge.tg_rag_knowledge_sources__check_sync();
