-- The kinds of events that endpoints can choose. A domain registers the kinds of its own events, with each field of their data
-- in words, and emits them by webhooks.emit. docs/webhooks.md is compared with this registry by a test.

call core.secure_global_table('app_public.webhook_event_kinds', 'the kinds of events are the same for every tenant');
call core.allow('app_public.webhook_event_kinds', read => 'everyone');
grant select on app_public.webhook_event_kinds to rowhouse_user, rowhouse_platform;
comment on table app_public.webhook_event_kinds is
  E'@behavior -insert -update -delete -query:resource:single\nThe kinds of events that a webhook endpoint can choose, with the data of each.';
comment on column app_public.webhook_event_kinds.kind is 'The name of the kind, such as invoice.paid. It is the type of the message.';
comment on column app_public.webhook_event_kinds.description is 'When such an event happens.';
comment on column app_public.webhook_event_kinds.version is 'The version of the data. It grows when a field changes its meaning or goes; new fields do not change it.';
comment on column app_public.webhook_event_kinds.payload is 'The fields of the data, each with its type and meaning in words.';
comment on constraint kind_is_dotted on app_public.webhook_event_kinds is 'must be two words of small letters with a dot between them';
comment on constraint version_is_positive on app_public.webhook_event_kinds is 'must be 1 or more';
comment on constraint payload_is_an_object on app_public.webhook_event_kinds is 'must be an object';

create or replace procedure webhooks.define_kind(kind text, description text, payload jsonb, version int default 1)
language plpgsql
set search_path to pg_catalog, pg_temp
as $$
begin
  insert into app_public.webhook_event_kinds as k (kind, description, payload, version)
  values (define_kind.kind, define_kind.description, define_kind.payload, define_kind.version)
  on conflict on constraint webhook_event_kinds_pkey
    do update set description = excluded.description, payload = excluded.payload, version = excluded.version;
end
$$;
comment on procedure webhooks.define_kind is
  'Registers a kind of event, or changes its words: when it happens, and each field of its data with its type and meaning.';

call webhooks.define_kind('webhook.test', 'A person asked for a test message to one endpoint, whichever kinds it chose.',
  '{"endpoint_id": "uuid: the endpoint"}');
call webhooks.define_kind('webhook.disabled', 'An endpoint was disabled because it answered 410 Gone, or because every call failed for five days. It is sent to the other endpoints of the tenant.',
  '{"endpoint_id": "uuid: the endpoint", "url": "text: its address", "reason": "text: gone or failing"}');
