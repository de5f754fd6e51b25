comment on table app_public.resource_versions is
  E'@behavior -insert -update -delete\nA published version of an agent, prompt or workflow of this tenant. It never changes.';
comment on column app_public.resource_versions.resource_kind is 'agent, prompt or workflow.';
comment on column app_public.resource_versions.resource_id is 'The agent, prompt or workflow.';
comment on column app_public.resource_versions.version_number is 'Counts the resource''s versions from 1 without a gap; the highest is the latest.';
comment on column app_public.resource_versions.version is 'Semantic version, rising with version_number.';
comment on column app_public.resource_versions.content is 'What was authored, as an object of column names: not name, status, sharing, owner or counters.';
comment on column app_public.resource_versions.changelog is 'What is new, in the publisher''s words, at most 10,000 characters.';
comment on column app_public.resource_versions.rolled_back_to is 'The older version whose content this one repeats, null when it repeats none.';
comment on column app_public.resource_versions.published_by_user_id is 'Who published it.';
comment on column app_public.resource_versions.published_at is 'When it was published.';
