-- Sources that stay fresh: the documents of a source are compared with the place they come from, on request or by the clock.
-- A worker reads the place (server/sources) and reports each page. A run that stops is gone on with, because every page says
-- which run came by it; what was counted is counted from the pages. What the worker reports to is in 65_sync_runs.sql.

call core.secure_tenant_table('app_public.knowledge_syncs');
call audit.leave_out('the progress of tasks', 'app_public.knowledge_syncs');
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
call audit.leave_out('the progress of tasks', 'app_public.knowledge_sync_pages');
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
    perform core.raise_error('KN408', 'The documents of this source are uploaded.', 'Set sourceType to url, for example, and sourceUrl to the address of a page or a sitemap.');
  end if;
  return knowledge.begin_run(v_source);
end
$$;
comment on function app_public.sync_knowledge_source is
  E'@resultFieldName sync\n@errors KN301 KN408 ID203 TN204\nCompares a knowledge source with the place its documents come from, now and in the background: new and changed pages are taken over, and what is no longer there is removed unless source_config says prune: false. It does nothing while a sync waits or is running. It requires the permission can_manage_knowledge.';
grant execute on function app_public.sync_knowledge_source to rowhouse_user;

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
  perform catalog.refuse_faults('KN409', 'sourceConfig is not usable', knowledge.sync_config_faults(new.source_type, new.source_config),
    'docs/knowledge.md has the keys.');
  if new.source_type = 'url' and new.source_url is null and not new.source_config ? 'urls' then
    perform core.raise_error('KN410', 'A source of the type url needs an address.', 'Set sourceUrl, or urls in sourceConfig.');
  end if;
  return new;
end
$$;
comment on function knowledge.tg_rag_knowledge_sources__check_sync is
  E'@errors KN409 KN410\nChecks the settings by which a source stays fresh.';

create or replace trigger _300_check_sync before insert or update of source_type, source_url, source_config on app_public.rag_knowledge_sources
  for each row execute function knowledge.tg_rag_knowledge_sources__check_sync();
