grant select, update on app_private.materialized_views, app_private.materialized_view_alerts to rowhouse_platform;
grant select on app_public.workspaces, app_public.projects, app_public.documents, app_public.rag_knowledge_sources,
  app_public.user_tenants, app_public.tenants to rowhouse_platform;
grant execute on function app_hidden.catalog_words(text), app_hidden.catalog_label(text, text),
  app_hidden.catalog_vector(text, text, text, text[]) to rowhouse_user, rowhouse_platform;
grant execute on function app_private.tsquery_term(text) to rowhouse_platform;
