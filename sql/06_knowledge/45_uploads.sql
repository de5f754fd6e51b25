-- Files over HTTP. A ticket says what will be sent, and is checked before the bytes come; with them it becomes a document, in one
-- transaction that deletes the ticket. Until then nothing is stored, so a client that hangs up leaves only a ticket, which
-- may be used again until it expires. A file can be downloaded as it was given.

call core.secure_tenant_table('knowledge.upload_tickets');
call audit.leave_out('the progress of tasks', 'knowledge.upload_tickets');
grant select, insert, update, delete on knowledge.upload_tickets to rowhouse_platform;
comment on table knowledge.upload_tickets is 'Files that somebody may send: what is known of each before its bytes come. A ticket is deleted when it is used.';
comment on column knowledge.upload_tickets.user_id is E'@personal erase\nThe person.';
comment on column knowledge.upload_tickets.external_id is E'@personal erase\nThe key that the document gets.';
comment on column knowledge.upload_tickets.file_name is E'@personal erase\nThe name of the file.';
comment on column knowledge.upload_tickets.title is E'@personal erase\nThe title that the document gets.';
comment on column knowledge.upload_tickets.metadata is E'@personal erase\nThe metadata that the document gets.';
comment on column knowledge.upload_tickets.media_type is E'@notPersonal\nWhat the file is said to be.';

comment on type app_public.upload_ticket is 'The permission to send one file, once: PUT its bytes to /files/ and the id of the ticket.';
comment on column app_public.upload_ticket.id is E'@notNull\nThe id of the ticket. The bytes go by PUT to /files/ and this id.';
comment on column app_public.upload_ticket.expires_at is E'@notNull\nWhen the ticket expires. The file must have arrived by then.';

create or replace function app_public.prepare_upload(
  source_id uuid, file_name text, size_bytes int, media_type text default null, external_id text default null,
  title text default null, metadata jsonb default '{}'
) returns app_public.upload_ticket
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_longest_life constant interval := interval '1 hour';
  v_most_tickets constant int := 1000;
  v_source app_public.rag_knowledge_sources := knowledge.writable_source(prepare_upload.source_id);
  v_ticket app_public.upload_ticket;
begin
  perform knowledge.require_file_name(prepare_upload.file_name);
  perform knowledge.require_file_size(prepare_upload.size_bytes);
  -- The lock makes those who prepare uploads into one source take turns, so that none of them counts too few.
  perform from app_public.rag_knowledge_sources s where s.id = v_source.id for no key update;
  if (select count(*) from knowledge.upload_tickets t
       where t.tenant_id = v_source.tenant_id and t.source_id = v_source.id and t.expires_at > core.clock()) >= v_most_tickets then
    perform core.raise_error('KN601', 'There are 1,000 open upload tickets for this knowledge source.', 'Send these files first, or wait until the tickets expire.');
  end if;
  insert into knowledge.upload_tickets (
    tenant_id, user_id, source_id, external_id, file_name, size_bytes, media_type, title, metadata, expires_at)
  values (
    v_source.tenant_id, core.current_user_id(), v_source.id, coalesce(prepare_upload.external_id, prepare_upload.file_name),
    prepare_upload.file_name, prepare_upload.size_bytes, prepare_upload.media_type, prepare_upload.title,
    coalesce(prepare_upload.metadata, '{}'), core.clock() + v_longest_life)
  returning id, expires_at into v_ticket;
  return v_ticket;
end
$$;
comment on function app_public.prepare_upload is
  E'@resultFieldName ticket\n@errors KN301 KN402 KN404 KN601 QT601 23514 ID203 TN204\nGives a ticket for one file of at most 50 MB, of the types that upload_file takes: send its bytes by PUT to /files/ and the id of the ticket, as the same person in the same tenant. size_bytes must be the exact size of the file. The other arguments are those of upload_file. A ticket is good for one file and for one hour; a transfer that broke can be tried again with it. It requires the permission can_manage_knowledge.';
grant execute on function app_public.prepare_upload to rowhouse_user;

create or replace function knowledge.refuse_ticket() returns void
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
begin
  perform core.raise_error('KN303', 'There is no such upload ticket.', 'A ticket is good for one file, one hour and the person who asked for it. Prepare the upload again.');
end
$$;
comment on function knowledge.refuse_ticket is
  E'@errors KN303\nRaises one and the same error for a ticket that does not exist, is used, has expired or is another person''s.';

create or replace function knowledge.begin_upload(ticket_id uuid, out file_name text, out media_type text, out size_bytes int)
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_ticket knowledge.upload_tickets;
begin
  select * into v_ticket from knowledge.upload_tickets t
   where t.tenant_id = core.current_tenant_id() and t.id = begin_upload.ticket_id and t.user_id = core.current_user_id()
     and t.expires_at > core.clock();
  if not found then
    perform knowledge.refuse_ticket();
  end if;
  perform knowledge.writable_source(v_ticket.source_id);
  begin_upload.file_name := v_ticket.file_name;
  begin_upload.media_type := v_ticket.media_type;
  begin_upload.size_bytes := v_ticket.size_bytes;
end
$$;
comment on function knowledge.begin_upload is
  E'@errors KN301 KN303 ID203 TN204\nWhat a ticket says of its file, for the person who asked for it, while they may use it. It changes nothing.';
grant execute on function knowledge.begin_upload to rowhouse_user;

create or replace function knowledge.finish_upload(ticket_id uuid, content bytea, media_type text) returns app_public.document_receipt
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_ticket knowledge.upload_tickets;
begin
  -- Of two who send with one ticket at once, the one who deletes it has used it.
  delete from knowledge.upload_tickets t
   where t.tenant_id = core.current_tenant_id() and t.id = finish_upload.ticket_id and t.user_id = core.current_user_id()
     and t.expires_at > core.clock()
  returning * into v_ticket;
  if not found then
    perform knowledge.refuse_ticket();
  end if;
  if octet_length(finish_upload.content) is distinct from v_ticket.size_bytes then
    perform core.raise_error('KN405', format('%s has not the %s bytes that its ticket says.', v_ticket.file_name, v_ticket.size_bytes), 'Send the whole file, or prepare the upload again with its size.');
  end if;
  return knowledge.put_file(
    knowledge.writable_source(v_ticket.source_id),
    row (v_ticket.external_id, v_ticket.title, null, v_ticket.metadata)::app_public.new_document,
    v_ticket.file_name, finish_upload.content, coalesce(finish_upload.media_type, v_ticket.media_type, 'application/octet-stream'));
end
$$;
comment on function knowledge.finish_upload is
  E'@errors KN301 KN303 KN405 QT601 23514 ID203 TN204\nUses a ticket: stores the file and queues its parsing. media_type is what the bytes were found to be; null when the ticket says it.';
grant execute on function knowledge.finish_upload to rowhouse_user;

create or replace function knowledge.original_file(document_id uuid)
returns table (file_name text, media_type text, size_bytes int, content_hash bytea)
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select f.name, d.media_type, octet_length(f.content), d.content_hash
    from app_public.documents d
    join knowledge.document_files f on f.tenant_id = d.tenant_id and f.document_id = d.id
   where d.tenant_id = core.current_tenant_id() and d.id = original_file.document_id;
$$;
comment on function knowledge.original_file is
  'The file that a document was given as, without its bytes, for whoever may read the document; nothing when it was given as text. Runs as the caller.';
grant execute on function knowledge.original_file to rowhouse_user;

create or replace function knowledge.part_of_file(document_id uuid, content_hash bytea, first_byte int, byte_count int) returns bytea
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select substring(f.content from part_of_file.first_byte + 1 for part_of_file.byte_count)
    from app_public.documents d
    join knowledge.document_files f on f.tenant_id = d.tenant_id and f.document_id = d.id
   where d.tenant_id = core.current_tenant_id() and d.id = part_of_file.document_id and d.content_hash = part_of_file.content_hash;
$$;
comment on function knowledge.part_of_file is
  'Some bytes of the file that a document was given as; null when the document has been replaced since. Runs as the caller.';
grant execute on function knowledge.part_of_file to rowhouse_user;

set local role rowhouse_platform;  -- outside the wall: the worker deletes the expired tickets of all tenants
create or replace function knowledge.delete_expired_tickets() returns int
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_count int;
begin
  delete from knowledge.upload_tickets t where t.expires_at <= core.clock();
  get diagnostics v_count = row_count;
  return v_count;
end
$$;
comment on function knowledge.delete_expired_tickets is 'Deletes the upload tickets that have expired, and returns how many.';
grant execute on function knowledge.delete_expired_tickets to rowhouse_worker;
set local role rowhouse_owner;
